import { DicomError, type DicomInstance, encodeFileMeta } from '@adit/core';
import { multipartLength, newBoundary, writeMultipart } from '../multipart/write-multipart.ts';
import type { RequestBody } from '../transport/transport.ts';
import type { ReplayableDataset } from './replayable-dataset.ts';

/** An instance to be sent, and its data set. */
export interface StoreItem {
  readonly instance: DicomInstance;
  readonly dataset: ReplayableDataset;
}

/** With its length, a service need not search an instance for its end. */
function headersOf({ instance }: StoreItem): Readonly<Record<string, string>> {
  const length = fileLength(instance);
  return {
    'Content-Type': 'application/dicom',
    ...(length === undefined ? {} : { 'Content-Length': `${length}` }),
  };
}

function fileLength(instance: DicomInstance): number | undefined {
  return instance.byteLength === undefined
    ? undefined
    : encodeFileMeta(instance).length + instance.byteLength;
}

/**
 * The body of a store request (PS3.18 §10.5.1): instances as Part 10 files. It is made while it is sent. Its length is
 * known when that of every instance is: not all services and proxies take a body without it.
 */
export class StoreMessage implements RequestBody {
  readonly contentType: string;
  readonly byteLength?: number;
  readonly #items: readonly StoreItem[];
  readonly #boundary = newBoundary();

  constructor(items: readonly StoreItem[]) {
    this.#items = items;
    this.contentType = `multipart/related; type="application/dicom"; boundary=${this.#boundary}`;
    const parts: { headers: Readonly<Record<string, string>>; byteLength: number }[] = [];
    for (const item of items) {
      const byteLength = fileLength(item.instance);
      if (byteLength === undefined) return;
      parts.push({ headers: headersOf(item), byteLength });
    }
    this.byteLength = multipartLength(parts, this.#boundary);
  }

  get repeatable(): boolean {
    return this.#items.every(({ dataset }) => dataset.repeatable);
  }

  open(): AsyncIterable<Uint8Array> {
    const parts = this.#items.map((item) => ({ headers: headersOf(item), body: fileOf(item) }));
    return writeMultipart(parts, this.#boundary);
  }
}

/** A Part 10 file. Throws when the data set is not as long as its instance says. */
async function* fileOf({ instance, dataset }: StoreItem): AsyncGenerator<Uint8Array, void, undefined> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength } = instance;
  yield encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid });
  let bytes = 0;
  for await (const chunk of dataset.pass()) {
    bytes += chunk.length;
    if (byteLength !== undefined && bytes > byteLength) throw dataset.fail(wrongLength());
    yield chunk;
  }
  if (byteLength !== undefined && bytes !== byteLength) throw dataset.fail(wrongLength());
}

function wrongLength(): DicomError {
  return new DicomError('LENGTH_MISMATCH', 'An instance does not have the length it was announced with.');
}
