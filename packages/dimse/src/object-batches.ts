import { type DatasetReader, isStoredDataset } from '@adit/core';
import type { Batch, PdvFramer } from './pdv-framer.ts';

/** A part of an object's PDUs, to be written at once. */
export interface ObjectBatch extends Batch {
  /** It ends the object. */
  last: boolean;
}

/** The PDUs of an object, made as its data set is read. */
export interface ObjectBatches {
  /** Frames the next batch. Not to be called before the one before is there, nor after the last. */
  next(): Promise<ObjectBatch>;
  /** Ends the reading of the data set, wherever it has come to. */
  close(): void;
}

/**
 * @param framer has framed the command set
 * @param padded a data set of odd length is padded with NUL, as deflated ones are (PS3.5 §A.5). Files are found without,
 *   and DCMTK aborts on a fragment of odd length
 */
export async function objectBatches(
  framer: PdvFramer,
  dataset: AsyncIterable<Uint8Array>,
  padded: boolean,
): Promise<ObjectBatches> {
  if (isStoredDataset(dataset)) {
    const reader = await dataset.open();
    if (reader.byteLength % 2 === 0) return filledBatches(framer, reader);
    reader.close();
  }
  const chunks = dataset[Symbol.asyncIterator]();
  return gatheredBatches(framer, padded ? padToEven(chunks) : chunks);
}

/** The data set is read straight to its place between the headers, which are all known beforehand. */
function filledBatches(framer: PdvFramer, reader: DatasetReader): ObjectBatches {
  let left = reader.byteLength;
  return {
    async next() {
      const places = framer.reserve(left);
      for (const place of places) left -= place.length;
      if (reader.byteLength === 0) framer.end();
      // Taken first: memory that is being filled must not be used for another batch, whatever happens meanwhile.
      const batch = { ...framer.take(), last: left === 0 };
      await reader.fill(places);
      return batch;
    },
    close: () => reader.close(),
  };
}

/** The data set is sent from the chunks it comes in, which belong to their reader. */
function gatheredBatches(framer: PdvFramer, chunks: AsyncIterator<Uint8Array>): ObjectBatches {
  let chunk: Uint8Array = new Uint8Array(0);
  let offset = 0;
  let ended = false;
  return {
    async next() {
      for (;;) {
        offset = framer.append(chunk, offset);
        if (offset < chunk.length) return { ...framer.take(), last: false };
        const result = await chunks.next();
        ended = result.done === true;
        if (result.done) break;
        chunk = result.value;
        offset = 0;
      }
      framer.end();
      return { ...framer.take(), last: true };
    },
    // The source may be in the middle of a `next`: it is told, not waited for.
    close() {
      if (!ended) void Promise.resolve(chunks.return?.()).catch(() => undefined);
    },
  };
}

const PADDING: IteratorResult<Uint8Array> = { done: false, value: Buffer.alloc(1) };

function padToEven(source: AsyncIterator<Uint8Array>): AsyncIterator<Uint8Array> {
  let odd = false;
  return {
    async next() {
      const result = await source.next();
      if (result.done) {
        if (!odd) return result;
        odd = false;
        return PADDING;
      }
      odd = (result.value.length % 2 === 1) !== odd;
      return result;
    },
    async return(value) {
      return (await source.return?.()) ?? { done: true, value };
    },
  };
}
