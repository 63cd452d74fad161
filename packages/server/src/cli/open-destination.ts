import {
  type InstanceSink,
  type Queryable,
  type Verification,
  type Verifier,
  verifyByQuery,
} from '@adit/core';
import { createFolderSink, createNiftiSink, createSevenZipSink, createZipSink } from '@adit/core/node';
import { createDimseClient, createDimseSink, type Receiver, verifyByCommitment } from '@adit/dimse';
import { readHeaderFile, readPasswordFile } from './arguments.ts';
import type { Place } from './place.ts';
import { UsageError } from './usage-error.ts';

export interface DestinationOptions {
  verify?: Verification;
  maxAssociations?: number;
  /** Of a source; the destination's own where the source is none that takes headers. */
  headerFile?: string;
  toHeaderFile?: string;
  passwordFile?: string;
  dcm2niix?: string;
  resume?: string;
}

/** Somewhere instances go to, and how to find out afterwards that they got there. */
export interface Destination extends AsyncDisposable {
  sink: InstanceSink;
  verify: Verifier | undefined;
  /** Sentences about what was brought there, for the caller to take out and tell. */
  readonly remarks?: string[];
  /** Ends a destination that cannot be looked at before, and looks. */
  finish?(signal: AbortSignal): Promise<{ verified: number; missing: readonly string[] } | undefined>;
}

/**
 * Opens a place to bring instances to. Throws `UsageError` where it cannot do what the options ask for.
 *
 * @param from where they come from
 * @param receiver of this program, for reports on storage commitment
 */
export async function openDestination(
  from: Place,
  place: Place,
  options: DestinationOptions,
  receiver?: Receiver,
): Promise<Destination> {
  switch (place.kind) {
    case 'dimse': {
      const { node } = place;
      const associations =
        options.maxAssociations === undefined ? {} : { maxAssociations: options.maxAssociations };
      const sink = createDimseSink(node, associations);
      const client = createDimseClient(node);
      return {
        sink,
        verify:
          options.verify === 'commitment'
            ? // The node reports to whoever asked: that must be the one who listens.
              verifyByCommitment(
                receiver ? { ...node, callingAeTitle: receiver.aeTitle } : node,
                receiver ? { reports: receiver.reports } : {},
              )
            : verifierFor(options.verify, client),
        async [Symbol.asyncDispose]() {
          await sink[Symbol.asyncDispose]();
          await client[Symbol.asyncDispose]();
        },
      };
    }
    case 'dicomweb': {
      const { createDicomWebClient, createDicomWebSink } = await import('@adit/dicomweb');
      // Credentials of the source are never sent to the destination.
      const headerFile = options.toHeaderFile ?? (takesHeaders(from) ? undefined : options.headerFile);
      const headers = headerFile ? { headers: await readHeaderFile(headerFile) } : {};
      const service = { url: place.url, ...headers };
      const sink = createDicomWebSink(
        service,
        options.maxAssociations === undefined ? {} : { maxRequests: options.maxAssociations },
      );
      const client = createDicomWebClient(service);
      return {
        sink,
        verify: verifierFor(options.verify, client),
        async [Symbol.asyncDispose]() {
          await sink[Symbol.asyncDispose]();
          await client[Symbol.asyncDispose]();
        },
      };
    }
    case 'folder': {
      const sink = createFolderSink(place.path);
      return {
        sink,
        verify: options.verify === 'none' ? undefined : sink.verify,
        async [Symbol.asyncDispose]() {},
      };
    }
    case 'zip':
    case '7z': {
      if (options.resume !== undefined) {
        throw new UsageError('An archive cannot be gone on with: begin a new one, without --resume.');
      }
      if (options.verify !== undefined && options.verify !== 'reread' && options.verify !== 'none') {
        throw new UsageError(`An archive cannot be verified by ${options.verify}: use reread or none.`);
      }
      const password =
        options.passwordFile === undefined ? {} : { password: await readPasswordFile(options.passwordFile) };
      const create = place.kind === 'zip' ? createZipSink : createSevenZipSink;
      const sink = await create(place.path, password);
      return {
        sink,
        verify: undefined,
        async finish(signal) {
          if (options.verify !== 'none') return sink.finish({ signal });
          // Ended before anybody is told that it is done, and not read again.
          await sink[Symbol.asyncDispose]();
          return undefined;
        },
        [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
      };
    }
    case 'nifti':
      return openNifti(place.path, options);
  }
}

function takesHeaders(from: Place): boolean {
  return from.kind === 'dicomweb' || (from.kind === 'dimse' && from.dicomWebUrl !== undefined);
}

function openNifti(
  path: string,
  { resume, verify, passwordFile, dcm2niix }: DestinationOptions,
): Destination {
  if (resume !== undefined) {
    throw new UsageError('A series becomes NIfTI as a whole: begin anew, without --resume.');
  }
  if (verify !== undefined && verify !== 'reread') {
    throw new UsageError(`NIfTI files cannot be verified by ${verify}: they are always read again.`);
  }
  if (passwordFile !== undefined)
    throw new UsageError('NIfTI files cannot be encrypted: leave the password out.');
  const remarks: string[] = [];
  const sink = createNiftiSink(path, {
    ...(dcm2niix === undefined ? {} : { program: dcm2niix }),
    onSeries({ instances, problem }) {
      if (problem !== undefined) remarks.push(`A series of ${instances} instances: ${problem}.`);
    },
  });
  return { sink, verify: sink.verify, remarks, [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose]() };
}

function verifierFor(asked: Verification | undefined, client: Queryable): Verifier | undefined {
  switch (asked) {
    case undefined:
      return verifyByQuery(client);
    case 'image':
    case 'count':
      return verifyByQuery(client, { by: asked });
    case 'none':
      return undefined;
    default:
      throw new UsageError(`This destination cannot be verified by ${asked}: use image, count or none.`);
  }
}
