import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, where they do not exist. Node's own `recursive` never ends on file systems that deny
 * a new folder as if its parent were missing, which /proc and some network drives do.
 */
export async function makeFolder(path: string): Promise<void> {
  const error = await made(path);
  if (error === undefined) return;
  const parent = dirname(path);
  if (error.code !== 'ENOENT' || parent === path) throw error;
  if (!(await isFolder(parent))) await makeFolder(parent);
  // Somebody else may have made the parent just now, so that it is tried again in any case, and once.
  const again = await made(path);
  if (again !== undefined) throw again;
}

/** Makes one folder, and says why not where it is not there then. */
async function made(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!(await isFolder(path))) return error as NodeJS.ErrnoException;
  }
  return undefined;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
