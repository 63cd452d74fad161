import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortableOptions } from '../query/types.ts';
import { fileError } from './file-error.ts';

/** What a file is called while it is being written; `walkFiles` passes over it. */
const PARTIAL_FILE = /^\..*\.part$/;

/**
 * Yields the paths of all files below a folder, in the order of their names; of a file, its own path. Links are followed,
 * each folder is visited once. What is neither a file nor a folder is passed over, and so is what disappears meanwhile.
 *
 * Throws `DicomError` (`NOT_FOUND`, `NOT_READABLE`) when a folder cannot be read.
 */
export async function* walkFiles(
  path: string,
  options: AbortableOptions = {},
): AsyncGenerator<string, void, undefined> {
  const root = await stat(path).catch((error: unknown) => {
    throw fileError(error, path, 'read');
  });
  if (!root.isDirectory()) {
    yield path;
    return;
  }
  for await (const files of walkFolder(path, path, new Set(), options)) {
    for (const file of files) yield file;
  }
}

/** Yields files in runs: each generator that hands on a single one makes it wait for a few turns more. */
async function* walkFolder(
  folder: string,
  root: string,
  visited: Set<string>,
  options: AbortableOptions,
): AsyncGenerator<readonly string[], void, undefined> {
  options.signal?.throwIfAborted();
  let entries: { name: string; kind: 'file' | 'folder' | 'link' | 'other' }[];
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    const identity = `${dev}:${ino}`;
    if (visited.has(identity)) return;
    visited.add(identity);
    entries = (await readdir(folder, { withFileTypes: true })).map((entry) => ({
      name: entry.name,
      kind: entry.isFile()
        ? 'file'
        : entry.isDirectory()
          ? 'folder'
          : entry.isSymbolicLink()
            ? 'link'
            : 'other',
    }));
  } catch (error) {
    if (folder !== root && (error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fileError(error, root, 'read');
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  let run: string[] = [];
  for (const { name, kind } of entries) {
    if (PARTIAL_FILE.test(name)) continue;
    const path = join(folder, name);
    const target = kind === 'link' ? await stat(path).catch(() => undefined) : undefined;
    if (kind === 'file' || target?.isFile()) {
      run.push(path);
    } else if (kind === 'folder' || target?.isDirectory()) {
      if (run.length > 0) yield run;
      run = [];
      yield* walkFolder(path, root, visited, options);
    }
  }
  if (run.length > 0) yield run;
}
