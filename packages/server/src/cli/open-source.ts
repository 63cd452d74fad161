import type { InstanceSource, Queryable } from '@adit/core';
import { createFolderSource, createZipSource, type SkippedFile } from '@adit/core/node';
import { createDimseClient, createReceiver } from '@adit/dimse';
import { type ReceiverPlace, readHeaderFile, readPasswordFile } from './arguments.ts';
import { type Place, UsageError } from './place.ts';

export interface SourceOptions {
  headerFile?: string;
  receiver?: ReceiverPlace;
  fromPasswordFile?: string;
}

/** Somewhere instances come from, and that can be asked which. */
export interface Source extends InstanceSource, Queryable, AsyncDisposable {
  /** Of files: how many are no part of the source, by the code that says why. */
  readonly skipped?: ReadonlyMap<string, number>;
}

/** Opens a place to take instances from. Throws `UsageError` where it cannot be one. */
export async function openSource(place: Place, options: SourceOptions): Promise<Source> {
  switch (place.kind) {
    case 'dimse':
      return openDimseSource(place, options.receiver);
    case 'dicomweb': {
      const { createDicomWebClient } = await import('@adit/dicomweb');
      const headers = options.headerFile ? { headers: await readHeaderFile(options.headerFile) } : {};
      return createDicomWebClient({ url: place.url, ...headers });
    }
    case 'zip': {
      const { fromPasswordFile } = options;
      const password =
        fromPasswordFile === undefined ? {} : { password: await readPasswordFile(fromPasswordFile) };
      const { skipped, onSkipped } = countSkipped();
      return Object.assign(createZipSource(place.path, { ...password, onSkipped }), { skipped });
    }
    case '7z':
      throw new UsageError('A 7z archive is no source: unpack it into a folder, or use a ZIP file.');
    case 'folder': {
      const { skipped, onSkipped } = countSkipped();
      const source = createFolderSource(place.path, { onSkipped });
      return Object.assign(source, { skipped, async [Symbol.asyncDispose]() {} });
    }
  }
}

function countSkipped() {
  const skipped = new Map<string, number>();
  const onSkipped = ({ code }: SkippedFile) => {
    skipped.set(code, (skipped.get(code) ?? 0) + 1);
  };
  return { skipped, onSkipped };
}

/** C-GET, or C-MOVE to a receiver that lives as long as the source. */
async function openDimseSource(
  { node, text }: Extract<Place, { kind: 'dimse' }>,
  place: ReceiverPlace | undefined,
): Promise<Source> {
  if (node.retrieve !== 'c-move') return createDimseClient(node);
  if (!place) throw new UsageError(`${text} is to send by C-MOVE: say where to with --receiver AET:PORT.`);
  const receiver = await createReceiver(place);
  const client = createDimseClient(node, { receiver });
  return {
    ...client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}
