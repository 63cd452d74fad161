import { rename, stat } from 'node:fs/promises';

const MAX_BYTES = 10_000_000;

/** Puts a log file that has grown large aside, as `<path>.1`, in the place of the one before. */
export async function rotateLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && found.size > MAX_BYTES) await rename(path, `${path}.1`);
}
