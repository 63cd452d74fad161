import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own, gone when it is disposed of. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** @param parent folder it is made in. Default: the system's for temporary files */
export async function createTempFolder(name: string, parent = tmpdir()): Promise<TempFolder> {
  const path = await mkdtemp(join(parent, `adit-${name}-`));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Paths of all files in a folder and the folders below it. */
export async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
