import { close as closeCallback, fstatSync, openSync, writev as writevCallback } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

// A `FileHandle` costs several times as much for each file, and a turn of a thread more than making a file.
const close = promisify(closeCallback);
const writev = promisify(writevCallback);

/** Chunks are collected to about this many bytes before they are written. */
const WRITE_LENGTH = 1024 * 1024;
/** The first write begins early: most of a small object is written by the time its last byte comes. */
const FIRST_WRITE_LENGTH = 256 * 1024;
/** Writes under way at once. */
const WRITES_IN_FLIGHT = 4;

/** A file could not be written; the half file is gone. */
export class WriteFileError extends Error {
  override readonly name = 'WriteFileError';
}

/** `writev` may write less than it was given: a disk that fills up takes what still fits. */
async function writeAll(descriptor: number, chunks: Uint8Array[], position: number): Promise<void> {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    let { bytesWritten } = await writev(descriptor, rest, at);
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
 * Throws `WriteFileError` when the disk fails, and what `chunks` throws and the signal's reason as they are. No file
 * remains then.
 *
 * @param options.beginning goes before the chunks
 * @param options.onWritten told of each chunk that was to be written, when the system looks at it no more
 * @returns size and time of change of the file
 */
export async function writeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: {
    beginning?: Uint8Array;
    signal?: AbortSignal | undefined;
    onWritten?: ((chunk: Uint8Array) => void) | undefined;
  } = {},
): Promise<{ size: number; modifiedMs: number }> {
  let writeError: unknown;
  const inFlight = new Set<Promise<void>>();
  const descriptor = create(path);
  let closing = false;
  try {
    const { beginning = new Uint8Array(0), signal, onWritten } = options;
    let batch: Uint8Array[] = [beginning];
    let batchLength = beginning.length;
    let size = 0;

    const flush = () => {
      const written = batch;
      const write = writeAll(descriptor, written, size)
        .catch((error: unknown) => {
          writeError ??= error;
        })
        .finally(() => {
          inFlight.delete(write);
          if (onWritten) for (const chunk of written) onWritten(chunk);
        });
      inFlight.add(write);
      size += batchLength;
      batch = [];
      batchLength = 0;
    };

    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      if (chunk.length === 0) continue;
      batch.push(chunk);
      batchLength += chunk.length;
      if (batchLength < (size === 0 ? FIRST_WRITE_LENGTH : WRITE_LENGTH)) continue;
      flush();
      if (inFlight.size >= WRITES_IN_FLIGHT) await Promise.race(inFlight);
      if (writeError !== undefined) break;
    }
    if (batchLength > 0) flush();
    await Promise.all(inFlight);
    if (writeError !== undefined) throw new WriteFileError('The disk failed.', { cause: writeError });

    const { mtimeMs } = fstatSync(descriptor);
    closing = true;
    // Network file systems report a full disk only now.
    await close(descriptor).catch(async (error: unknown) => {
      await unlink(path).catch(() => {});
      throw new WriteFileError('The disk failed.', { cause: error });
    });
    return { size, modifiedMs: mtimeMs };
  } finally {
    if (!closing) {
      await Promise.all(inFlight);
      await close(descriptor).catch(() => {});
      await unlink(path).catch(() => {});
    }
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    throw new WriteFileError('The file cannot be created.', { cause: error });
  }
}
