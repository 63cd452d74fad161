import { type FileHandle, open } from 'node:fs/promises';
import type { IndexedImage } from './archive-index.ts';

/** Objects are read in blocks of this many bytes. */
const READ_LENGTH = 1024 * 1024;

async function readBlock(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  // Not from Node's pool: whoever reads the block may keep it.
  const block = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(block, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error('The file is shorter than it was.');
    filled += bytesRead;
  }
  return block;
}

/** Reads a file from a place up to another, block by block. */
export async function* readBlocks(
  handle: FileHandle,
  from: number,
  to: number,
  blockLength: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = from; position < to; position += blockLength) {
    yield await readBlock(handle, position, Math.min(blockLength, to - position));
  }
}

/** Fetches each value while the one before it is being used. */
async function* fetchAhead<T>(
  values: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  let next = values.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = values.next();
      // Its error is thrown when it is awaited; that does not happen if the reader leaves before.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await next.catch(() => {});
    await values.return();
  }
}

/** The data set of an archived object, as it lies in its file. Fails when the file is not the one that was indexed. */
export async function* readDataset(image: IndexedImage): AsyncGenerator<Uint8Array, void, undefined> {
  await using handle = await open(image.path, 'r');
  const { size, mtimeMs } = await handle.stat();
  if (size !== image.fileSize || mtimeMs !== image.modifiedMs) {
    throw new Error('The file was replaced since it was looked up.');
  }
  yield* fetchAhead(readBlocks(handle, image.datasetOffset, size, READ_LENGTH));
}
