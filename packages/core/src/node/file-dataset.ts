import { closeSync, fstatSync, openSync } from 'node:fs';
import { DicomError } from '../errors.ts';
import type { DatasetReader, StoredDataset } from '../transfer/types.ts';
import { readInto } from './read-into.ts';

/** Bytes read at once for those who iterate. */
const BLOCK = 1024 * 1024;

/** Where a data set lies in its file. */
export interface FilePlace {
  path: string;
  /** Where it begins, in bytes. */
  offset: number;
  byteLength: number;
}

/**
 * The data set in a file, from some place to the file's end. The file is opened for each reading, so that nothing has to
 * be closed. Readings throw `CHANGED` when the file is not as long as it was, and what the file system says, as Node says it.
 */
export function fileDataset(place: FilePlace): StoredDataset {
  const openReader = () => FileReader.open(place);
  return { open: openReader, [Symbol.asyncIterator]: () => blocks(openReader) };
}

/** Blocks in memory of their own, each read while the one before is being used. */
async function* blocks(
  openReader: () => Promise<DatasetReader>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = await openReader();
  try {
    let left = reader.byteLength;
    const nextBlock = async () => {
      // Not from the pool: a slice of it would keep the rest of it alive.
      const block = Buffer.allocUnsafeSlow(Math.min(BLOCK, left));
      left -= block.length;
      await reader.fill([block]);
      return block;
    };
    let ahead = left > 0 ? nextBlock() : undefined;
    while (ahead) {
      const block = await ahead;
      ahead = left > 0 ? nextBlock() : undefined;
      // Should nobody come back for it.
      ahead?.catch(() => {});
      yield block;
    }
  } finally {
    reader.close();
  }
}

class FileReader implements DatasetReader {
  readonly byteLength: number;
  readonly #descriptor: number;
  #position: number;
  #filling = false;
  #closed = false;

  static async open({ path, offset, byteLength }: FilePlace): Promise<FileReader> {
    // Its header was read a moment ago: the file system still knows it, and asking a thread would take ten times as long.
    const descriptor = openSync(path, 'r');
    const { size } = fstatSync(descriptor);
    if (size === offset + byteLength) return new FileReader(descriptor, offset, byteLength);
    closeSync(descriptor);
    throw changed();
  }

  private constructor(descriptor: number, offset: number, byteLength: number) {
    this.#descriptor = descriptor;
    this.#position = offset;
    this.byteLength = byteLength;
  }

  async fill(buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#closed) throw new TypeError('The reading has ended');
    this.#filling = true;
    try {
      let left = buffers;
      while (left.length > 0) {
        const bytesRead = await readInto(this.#descriptor, left, this.#position, this.byteLength);
        if (bytesRead === 0) throw changed();
        this.#position += bytesRead;
        left = rest(left, bytesRead);
      }
    } finally {
      this.#filling = false;
      if (this.#closed) closeSync(this.#descriptor);
    }
  }

  /** A file that is being read is closed after that: its number may be another file's at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#filling) closeSync(this.#descriptor);
  }
}

/** What is left to be filled: a single call may give less than there is. */
function rest(buffers: readonly Uint8Array[], filled: number): readonly Uint8Array[] {
  let skip = 0;
  let bytes = filled;
  while (skip < buffers.length && bytes >= buffers[skip]!.length) {
    bytes -= buffers[skip]!.length;
    skip += 1;
  }
  if (bytes === 0) return buffers.slice(skip);
  return [buffers[skip]!.subarray(bytes), ...buffers.slice(skip + 1)];
}

function changed(): DicomError {
  return new DicomError('CHANGED', 'The file was changed since its header was read: try again.', {
    retryable: true,
  });
}
