import { readv as readvCallback, readvSync } from 'node:fs';
import { promisify } from 'node:util';

const readv = promisify(readvCallback);

/** Largest file part that is read by calls that block, in bytes: what is larger is better read while its beginning is sent. */
const LARGEST_BLOCKING = 1024 * 1024;
/** A read that took longer, in milliseconds, did not come out of the operating system's memory. */
const SLOW = 10;
/** So many reads after a slow one are left to threads. */
const READS_BY_THREADS = 50;

/** Reads still to be left to threads. */
let byThreads = 0;

/**
 * Reads from a file into buffers and gives how many bytes it read: 0 at the file's end, maybe less than there is room for.
 *
 * Asking a thread takes longer than copying a small file out of the operating system's memory, where it is as a rule when
 * the files beside it were read: it was a tenth of the processor time of `adit store` with small images. So small parts are read
 * by calls that block, until one turns out to be slow: a slow disk, or one behind a network, is left to threads.
 *
 * @param wanted bytes that are to be read there altogether, in however many calls
 */
export async function readInto(
  descriptor: number,
  buffers: readonly Uint8Array[],
  position: number,
  wanted: number,
): Promise<number> {
  if (wanted > LARGEST_BLOCKING || byThreads > 0) {
    if (byThreads > 0) byThreads -= 1;
    return (await readv(descriptor, buffers, position)).bytesRead;
  }
  const started = performance.now();
  const bytesRead = readvSync(descriptor, buffers, position);
  if (performance.now() - started > SLOW) byThreads = READS_BY_THREADS;
  return bytesRead;
}
