import { dirname, join } from 'node:path';
import { encodeFileMeta, readPart10 } from '../data/part10.ts';
import type { DicomInstance, StoreOutcome } from '../transfer/types.ts';
import { BlockWriter } from './block-writer.ts';
import { fileChunks } from './file-chunks.ts';
import { fileError } from './file-error.ts';
import { type InstanceFile, type InstanceFiles, pooledFiles } from './instance-files.ts';
import { nodeZlib } from './lazy-builtins.ts';
import { makeFolder } from './make-folder.ts';

/** What was written of an instance. */
export interface WrittenInstance {
  /** `present`: a file with the same data set was there. `failed`: one with another was, and still is. */
  outcome: StoreOutcome;
  /** Of the data set. */
  bytes: number;
  /** CRC-32 of the data set. */
  checksum: number;
}

/**
 * Writes an instance as a Part 10 file (PS3.10). It appears under its name when it is complete and on the disk; one that is
 * there already is never replaced. The folder is made where it does not exist.
 *
 * Throws `DicomError` with the codes of `fileError` for trouble with the file system, and what reading the data set throws.
 *
 * @param options.root folder that messages name, being the one the user named
 * @param options.files how it is written. Default: through the thread pool
 */
export async function writeInstanceFile(
  path: string,
  instance: DicomInstance,
  options: { root: string; signal?: AbortSignal; files?: InstanceFiles },
): Promise<WrittenInstance> {
  const { root, signal, files = pooledFiles } = options;
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.part`);
  let file: InstanceFile;
  try {
    file = await orFileError(create(temporary, files), root);
  } catch (error) {
    await instance.dataset[Symbol.asyncIterator]().return?.();
    throw error;
  }
  try {
    const written = await writeAll(file, instance, root, signal);
    return { ...written, outcome: await place(temporary, path, written, root, files) };
  } finally {
    await files.unlink(temporary).catch(() => {});
  }
}

/** Opens a new file, in a folder that is made when it turns out not to be there. */
async function create(path: string, files: InstanceFiles): Promise<InstanceFile> {
  try {
    return await files.open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await makeFolder(dirname(path));
  return files.open(path, 'wx');
}

/** Writes and closes a whole file. Errors of the data set are thrown as they are. */
async function writeAll(
  file: InstanceFile,
  instance: DicomInstance,
  root: string,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; checksum: number }> {
  const writer = new BlockWriter(file);
  let bytes = 0;
  let checksum = 0;
  try {
    await orFileError(writer.write(encodeFileMeta(instance)), root);
    for await (const chunk of instance.dataset) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      checksum = nodeZlib().crc32(chunk, checksum);
      await orFileError(writer.write(chunk), root);
    }
    await orFileError(writer.end(), root);
    // A file must never appear without what is in it, should the power fail.
    await orFileError(file.datasync(), root);
  } catch (error) {
    await writer.settled();
    await file.close().catch(() => {});
    throw error;
  }
  await orFileError(file.close(), root);
  return { bytes, checksum };
}

/** Gives a finished file its name, unless there is one already. */
async function place(
  temporary: string,
  path: string,
  written: { bytes: number; checksum: number },
  root: string,
  files: InstanceFiles,
): Promise<StoreOutcome> {
  if (await takeName(temporary, path, root, files)) return { state: 'stored' };
  const there = await checksumOfFile(path).catch(() => undefined);
  if (there?.bytes === written.bytes && there.checksum === written.checksum) return { state: 'present' };
  return {
    state: 'failed',
    message: `${root} has a different file of the same SOP Instance UID: remove it, or choose another folder.`,
  };
}

/** Returns false when the name is taken. A link says so in one step, whoever else writes there; not every file system has them. */
async function takeName(
  temporary: string,
  path: string,
  root: string,
  files: InstanceFiles,
): Promise<boolean> {
  try {
    await files.link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!withoutLinks.has(code ?? '')) throw fileError(error, root, 'write');
  }
  const isThere = await files.stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await orFileError(files.rename(temporary, path), root);
  return !isThere;
}

/** What file systems say that have no links, or no more of them. */
const withoutLinks: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EINVAL',
]);

/** What a Part 10 file holds. */
export interface InstanceChecksum {
  sopInstanceUid: string;
  /** Of the data set. */
  bytes: number;
  /** CRC-32 of the data set. */
  checksum: number;
}

/** Throws what reading the file throws. */
export const checksumOfFile = (path: string): Promise<InstanceChecksum> => checksumOfPart10(fileChunks(path));

/** The same of the bytes of a file, wherever they come from. */
export async function checksumOfPart10(bytesOfFile: AsyncIterable<Uint8Array>): Promise<InstanceChecksum> {
  const { sopInstanceUid, dataset } = await readPart10(bytesOfFile);
  let bytes = 0;
  let checksum = 0;
  for await (const chunk of dataset) {
    bytes += chunk.length;
    checksum = nodeZlib().crc32(chunk, checksum);
  }
  return { sopInstanceUid, bytes, checksum };
}

async function orFileError<T>(work: Promise<T>, root: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileError(error, root, 'write');
  }
}
