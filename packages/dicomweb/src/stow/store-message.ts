import { DicomError, type DicomInstance, encodeFileMeta } from '@adit/core';
import { multipartLength, newBoundary, writeMultipart } from '../multipart/write-multipart.ts';
import type { RequestBody } from '../transport/transport.ts';
import type { ReplayableDataset } from './replayable-dataset.ts';

/** An instance to be sent, and its data set. */
export interface StoreItem {
  readonly instance: DicomInstance;
  readonly dataset: ReplayableDataset;
}

/** One instance as a Part 10 file. */
interface StorePart {
  readonly item: StoreItem;
  readonly fileMeta: Uint8Array;
  /** Of the whole file; undefined where the instance does not tell its own. */
  readonly byteLength: number | undefined;
  /** With the length, a service need not search the file for its end. */
  readonly headers: Readonly<Record<string, string>>;
}

function partOf(item: StoreItem): StorePart {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength: datasetLength } = item.instance;
  const fileMeta = encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid });
  const byteLength = datasetLength === undefined ? undefined : fileMeta.length + datasetLength;
  const headers = {
    'Content-Type': 'application/dicom',
    ...(byteLength === undefined ? {} : { 'Content-Length': `${byteLength}` }),
  };
  return { item, fileMeta, byteLength, headers };
}

/**
 * The body of a store request (PS3.18 §10.5.1): instances as Part 10 files. It is made while it is sent. Its length is
 * known when that of every instance is: not all services and proxies take a body without it.
 */
export class StoreMessage implements RequestBody {
  readonly contentType: string;
  readonly byteLength?: number;
  readonly #parts: readonly StorePart[];
  readonly #boundary = newBoundary();

  constructor(items: readonly StoreItem[]) {
    this.contentType = `multipart/related; type="application/dicom"; boundary=${this.#boundary}`;
    this.#parts = items.map(partOf);
    const measured = this.#parts.flatMap(({ headers, byteLength }) =>
      byteLength === undefined ? [] : [{ headers, byteLength }],
    );
    if (measured.length === items.length) this.byteLength = multipartLength(measured, this.#boundary);
  }

  get repeatable(): boolean {
    return this.#parts.every(({ item }) => item.dataset.repeatable);
  }

  open(): AsyncIterable<Uint8Array> {
    const parts = this.#parts.map((part) => ({ headers: part.headers, body: fileOf(part) }));
    return writeMultipart(parts, this.#boundary);
  }
}

/** A Part 10 file. Throws when the data set is not as long as its instance says. */
async function* fileOf({ item, fileMeta }: StorePart): AsyncGenerator<Uint8Array, void, undefined> {
  const { dataset, instance } = item;
  const { byteLength } = instance;
  yield fileMeta;
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
