import { type FileHandle, open } from 'node:fs/promises';

/** Headers are small, data sets large: a file is read in one small block, then in large ones. */
const FIRST_BLOCK = 64 * 1024;
const BLOCK = 1024 * 1024;

/**
 * The bytes of a file in blocks of 1 MiB, the first of 64 KiB, each in memory of its own. While a block is being used, the
 * next is being read. Errors are those of the file system.
 */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  let ahead: Promise<Uint8Array> | undefined;
  try {
    let block = await readBlock(file, FIRST_BLOCK);
    // Less than was asked for is the end of the file.
    for (let size = FIRST_BLOCK; block.length > 0; size = BLOCK) {
      ahead = block.length < size ? undefined : readBlock(file, BLOCK);
      // Should nobody come back for it.
      ahead?.catch(() => {});
      yield block;
      if (ahead === undefined) return;
      block = await ahead;
    }
  } finally {
    await ahead?.catch(() => {});
    await file.close();
  }
}

async function readBlock(file: FileHandle, size: number): Promise<Uint8Array> {
  // Not from the pool: a slice of it would keep the rest of it alive.
  const buffer = Buffer.allocUnsafeSlow(size);
  const { bytesRead } = await file.read(buffer, 0, size, null);
  return buffer.subarray(0, bytesRead);
}
