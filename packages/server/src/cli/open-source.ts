import type { InstanceSource, Queryable } from '@adit/core';
import { createFolderSource } from '@adit/core/node';
import { createDimseClient, createReceiver } from '@adit/dimse';
import { type ReceiverPlace, readHeaderFile } from './arguments.ts';
import { type Place, UsageError } from './place.ts';

export interface SourceOptions {
  headerFile?: string;
  receiver?: ReceiverPlace;
}

/** Somewhere instances come from, and that can be asked which. */
export type Source = InstanceSource & Queryable & AsyncDisposable;

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
    case 'zip':
      throw new UsageError('An archive is not available as a source yet: unpack it into a folder.');
    case 'folder':
      return Object.assign(createFolderSource(place.path), { async [Symbol.asyncDispose]() {} });
  }
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
