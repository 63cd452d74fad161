import { readPart10, replay } from '@adit/core';
import { concatenated } from '../dataset/stamps.ts';

/** Bytes of a file, or of a data set where its transfer syntax is told: at once or as they come. */
export type LeakInput = Uint8Array | AsyncIterable<Uint8Array>;

export interface LeakInputOptions {
  /** Transfer syntax of a data set without preamble and file meta information. Default: the input is a file. */
  transferSyntaxUid?: string;
}

/** A file in its parts. */
export interface OpenedInput {
  /** What stands before the data set: preamble and file meta information. */
  front: Uint8Array;
  /** Of the data set; undefined for bytes that are no DICOM file, which `rest` then has from the first on. */
  transferSyntaxUid: string | undefined;
  rest: AsyncIterable<Uint8Array>;
}

/** Most bytes that are kept to look at the beginning of a file again: file meta information is small. */
const maxFront = 8 * 1024 * 1024;

/** Says where the data set of an input begins. What is no DICOM file comes as it is. */
export async function openInput(input: LeakInput, options: LeakInputOptions): Promise<OpenedInput> {
  const source = input instanceof Uint8Array ? once(input) : input;
  const { transferSyntaxUid } = options;
  if (transferSyntaxUid !== undefined) return { front: new Uint8Array(0), transferSyntaxUid, rest: source };

  const iterator = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let seenLength = 0;
  let keeping = true;
  let failure: { error: unknown } | undefined;
  /** Keeps what passes until the data set is found. It leaves the source open: what is left of it is wanted. */
  const recorded: AsyncIterator<Uint8Array> = {
    async next() {
      const result = await iterator.next().catch((error: unknown) => {
        failure = { error };
        throw error;
      });
      if (keeping && result.done !== true) {
        seen.push(result.value);
        seenLength += result.value.length;
        if (seenLength > maxFront) return { done: true, value: undefined };
      }
      return result;
    },
  };
  try {
    const file = await readPart10({ [Symbol.asyncIterator]: () => recorded });
    keeping = false;
    const front = concatenated(seen).subarray(0, file.datasetOffset);
    return { front, transferSyntaxUid: file.transferSyntaxUid, rest: endingSource(file.dataset, iterator) };
  } catch {
    if (failure !== undefined) throw failure.error;
    // No DICOM file, or one whose beginning is damaged.
    keeping = false;
    return { front: new Uint8Array(0), transferSyntaxUid: undefined, rest: replay(seen, iterator) };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* endingSource(
  dataset: AsyncIterable<Uint8Array>,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* dataset;
  } finally {
    await iterator.return?.();
  }
}
