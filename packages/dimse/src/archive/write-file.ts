import { type FileHandle, open, unlink } from 'node:fs/promises';

/** Chunks are collected to about this many bytes before they are written. */
const WRITE_LENGTH = 1024 * 1024;
/** Writes under way at once. */
const WRITES_IN_FLIGHT = 4;

/** A file could not be written; the half file is gone. */
export class WriteFileError extends Error {
  override readonly name = 'WriteFileError';
}

/** `writev` may write less than it was given: a disk that fills up takes what still fits. */
async function writeAll(handle: FileHandle, chunks: Uint8Array[], position: number): Promise<void> {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    rest = rest.flatMap((chunk) => {
      const taken = Math.min(bytesWritten, chunk.length);
      bytesWritten -= taken;
      return taken === chunk.length ? [] : [chunk.subarray(taken)];
    });
  }
}

/**
 * Writes chunks to a new file, several writes at once, and waits for all of them. Reading pauses while they are under
 * way, so that memory stays at a few megabytes.
 *
 * Throws `WriteFileError` when the disk fails, and what `chunks` throws as it is. No file remains then.
 *
 * @returns size and time of change of the file
 */
export async function writeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ size: number; modifiedMs: number }> {
  let writeError: unknown;
  const inFlight = new Set<Promise<void>>();
  const handle = await open(path, 'wx').catch((error: unknown) => {
    throw new WriteFileError('The file cannot be created.', { cause: error });
  });
  let complete = false;
  try {
    let batch: Uint8Array[] = [];
    let batchLength = 0;
    let size = 0;

    const flush = () => {
      const write = writeAll(handle, batch, size)
        .catch((error: unknown) => {
          writeError ??= error;
        })
        .finally(() => inFlight.delete(write));
      inFlight.add(write);
      size += batchLength;
      batch = [];
      batchLength = 0;
    };

    for await (const chunk of chunks) {
      if (chunk.length === 0) continue;
      batch.push(chunk);
      batchLength += chunk.length;
      if (batchLength < WRITE_LENGTH) continue;
      flush();
      if (inFlight.size >= WRITES_IN_FLIGHT) await Promise.race(inFlight);
      if (writeError !== undefined) break;
    }
    if (batchLength > 0) flush();
    await Promise.all(inFlight);
    if (writeError !== undefined) throw new WriteFileError('The disk failed.', { cause: writeError });

    const { mtimeMs } = await handle.stat();
    // Network file systems report a full disk only now.
    await handle.close().catch((error: unknown) => {
      throw new WriteFileError('The disk failed.', { cause: error });
    });
    complete = true;
    return { size, modifiedMs: mtimeMs };
  } finally {
    if (!complete) {
      await Promise.all(inFlight);
      await handle.close().catch(() => {});
      await unlink(path).catch(() => {});
    }
  }
}
