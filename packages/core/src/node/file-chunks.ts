import { type InstanceFile, type InstanceFiles, pooledFiles } from './instance-files.ts';

/** Headers are small, data sets large: a file is read in one small block, then in large ones. */
const FIRST_BLOCK = 64 * 1024;
const BLOCK = 1024 * 1024;

/**
 * The bytes of a file in blocks of 1 MiB, the first of 64 KiB, each in memory of its own. Whoever reads past the first has
 * the next block read while using this one. Errors are those of the file system.
 */
export async function* fileChunks(
  path: string,
  { files = pooledFiles }: { files?: InstanceFiles } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await files.open(path, 'r');
  let ahead: Promise<Uint8Array> | undefined;
  try {
    const first = await readBlock(file, FIRST_BLOCK);
    if (first.length > 0) yield first;
    let last = first.length < FIRST_BLOCK;
    while (!last) {
      const block = await (ahead ?? readBlock(file, BLOCK));
      last = block.length < BLOCK;
      ahead = last ? undefined : readBlock(file, BLOCK);
      // Should nobody come back for it.
      ahead?.catch(() => {});
      if (block.length > 0) yield block;
    }
  } finally {
    await ahead?.catch(() => {});
    await file.close();
  }
}

/** Reads until the block is full or the file is at its end: a single call may give less than there is. */
async function readBlock(file: InstanceFile, size: number): Promise<Uint8Array> {
  // Not from the pool: a slice of it would keep the rest of it alive.
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(buffer, filled, size - filled, null);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
