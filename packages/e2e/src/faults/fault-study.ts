import { strictEqual } from 'node:assert';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import {
  type DicomInstance,
  type InstanceSink,
  type InstanceSource,
  Ledger,
  type Queryable,
  type Selection,
  type TransferResult,
  textOf,
  transfer,
} from '@adit/core';
import { type SyntheticInstance, type SyntheticStudyOptions, syntheticStudy } from '@adit/core/synthetic';
import { createDicomWebHandler, type DicomWebHandlerOptions } from '@adit/dicomweb';
import { createNodeListener } from '@adit/dicomweb/node';
import type { ArchiveScp, DimseNode } from '@adit/dimse';
import { createPseudonymizer } from '@adit/pseudonymize';
import { filesBelow } from '../support/index.ts';

/** Where an attempt takes instances from and puts them. */
export interface Ends {
  source: InstanceSource & Partial<Queryable>;
  sink: InstanceSink;
}

/** A study that is transferred pseudonymized, through whatever fault, and counted afterwards. */
export interface FaultStudy {
  readonly instances: readonly SyntheticInstance[];
  readonly selection: Selection;
  readonly bytes: number;
  /** What an instance is called at the destination. */
  newUidOf(instance: DicomInstance): string;
  /** UIDs that are to be at the destination in the end, and nothing else; ascending. */
  readonly whole: readonly string[];
  /** One attempt, which goes on by the ledger. */
  attempt(ends: Ends, ledger?: Ledger, signal?: AbortSignal): Promise<TransferResult>;
}

export function faultStudy(options: SyntheticStudyOptions): FaultStudy {
  const instances = syntheticStudy({ patient: { id: 'P1', name: 'Doe^Jane' }, ...options });
  const selection = { studyInstanceUid: textOf(instances[0]!.attributes, 'StudyInstanceUID')! };
  const { transform } = createPseudonymizer({
    key: new TextEncoder().encode('a key of more than sixteen bytes'),
    pseudonym: 'Subject 1',
  });
  const newUidOf = ({ sopInstanceUid }: DicomInstance) => transform.mapUid!(sopInstanceUid);
  return {
    instances,
    selection,
    bytes: instances.reduce((sum, { byteLength }) => sum + byteLength!, 0),
    newUidOf,
    whole: instances.map(newUidOf).sort(),
    async attempt(ends, ledger = new Ledger(), signal) {
      const result = await transfer({
        ...{ ...ends, selection, ledger, transforms: [transform] },
        // Large instances stream, so that there is a middle to break in.
        maxBytesInFlight: 4 * 1024 * 1024,
        ...(signal ? { signal } : {}),
      });
      const { stored, skipped, failed, held, expected } = result.counts;
      strictEqual(stored + skipped + failed + held, expected, 'every instance is accounted for');
      return result;
    },
  };
}

/** A node that is given up soon when it is silent. */
export function impatient({ aeTitle, port }: { aeTitle: string; port: number }): DimseNode {
  return {
    ...{ aeTitle, host: '127.0.0.1', port, connectAttempts: 1 },
    timeouts: { associate: 0.5, response: 0.5, cancel: 0.1, release: 0.1 },
  };
}

/** A DICOMweb service on the loopback interface. */
export async function serveDicomWeb(
  options: DicomWebHandlerOptions,
  onStatus?: (status: number) => void,
): Promise<{ port: number } & AsyncDisposable> {
  const handler = createDicomWebHandler(options);
  const server = createServer(
    createNodeListener(async (request) => {
      const response = await handler(request);
      onStatus?.(response.status);
      return response;
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** UIDs of what an archive holds, ascending. */
export function uidsIn({ archive }: Pick<ArchiveScp, 'archive'>): string[] {
  return archive
    .select({})
    .map(({ sopInstanceUid }) => sopInstanceUid)
    .sort();
}

/** UIDs by which the files below a folder are named, ascending. Any other file there is one too many. */
export async function uidsOfFolder(path: string): Promise<string[]> {
  await mkdir(path, { recursive: true });
  const names = (await filesBelow(path)).map((file) => basename(file));
  return names.map((name) => name.replace(/\.dcm$/, '')).sort();
}
