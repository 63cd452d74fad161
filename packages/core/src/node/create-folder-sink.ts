import { randomUUID } from 'node:crypto';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { attributesFrom, textOf } from '../data/attribute-access.ts';
import { encodeFileMeta, readPart10 } from '../data/part10.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import { INSTANCE_PATH_TAGS, instancePath } from '../layout/instance-path.ts';
import type { AbortableOptions } from '../query/types.ts';
import type { DicomInstance, InstanceSink, StoreOutcome, Verifier } from '../transfer/types.ts';
import { BlockWriter } from './block-writer.ts';
import { fileChunks } from './file-chunks.ts';
import { fileError } from './file-error.ts';
import { FolderNames } from './folder-names.ts';
import { walkFiles } from './walk-files.ts';

export interface FolderSinkOptions {
  /** `study`: in folders by patient, study and series. `flat`: all files in the one folder. Default: `study`. */
  layout?: 'study' | 'flat';
  /**
   * Modalities of a whole study, for the name of its folder; see `instancePath`. The UID is the one stored, after any
   * de-identification. The same study must always get the same answer. Default: left out of the name.
   */
  modalitiesOf?: (studyInstanceUid: string) => readonly string[] | undefined;
  /** How many instances may be written at once. Default: 4. */
  concurrency?: number;
}

/** A folder that takes instances. */
export interface FolderSink extends InstanceSink {
  /**
   * Reads again what was stored: the instance, its length and, of what this sink itself has stored, the CRC-32 of its data
   * set. What an earlier one has stored is looked for by its name.
   */
  readonly verify: Verifier;
}

/** What was written of an instance. */
interface Written {
  path: string;
  bytes: number;
  /** Unknown of what an earlier sink has stored. */
  checksum?: number;
}

/**
 * Makes a folder a sink: Part 10 files (PS3.10) in folders by patient, study and series, named as `instancePath` says. The
 * folder is made when the first instance comes.
 *
 * A file appears under its name when it is complete. One that is there already is never replaced: with the same data set
 * the outcome is `present`, with another `failed`. Throws `DicomError` with the codes of `fileError` for trouble that
 * would strike the next instance as well: no space left, a folder that may not be written to.
 */
export function createFolderSink(path: string, options: FolderSinkOptions = {}): FolderSink {
  const names = new FolderNames(path);
  const stored = new Map<string, Written>();
  /** Files being put in place. Two of one name take turns, so that none replaces the other. */
  const placing = new Map<string, Promise<unknown>>();

  const inTurn = async <T>(name: string, place: () => Promise<T>): Promise<T> => {
    const before = placing.get(name);
    const done = (before ?? Promise.resolve()).then(place);
    const settled = done.catch(() => {});
    placing.set(name, settled);
    try {
      return await done;
    } finally {
      if (placing.get(name) === settled) placing.delete(name);
    }
  };

  return {
    concurrency: options.concurrency ?? 4,

    async store(given, { signal } = {}): Promise<StoreOutcome> {
      const { attributes, instance } = await peekHeader(given, INSTANCE_PATH_TAGS);
      const modalities = options.modalitiesOf?.(textOf(attributes, Tags.StudyInstanceUID) ?? '');
      const target = instancePath(
        { ...attributes, ...attributesFrom({ SOPInstanceUID: instance.sopInstanceUid }) },
        modalities ? { modalities } : {},
      );
      let temporary: string;
      let file: string;
      try {
        const folder = await names.folderOf(options.layout === 'flat' ? { ...target, folders: [] } : target);
        file = join(folder, target.file);
        temporary = join(folder, `.${randomUUID()}.part`);
      } catch (error) {
        await instance.dataset[Symbol.asyncIterator]().return?.();
        throw error instanceof DicomError ? error : fileError(error, path, 'write');
      }
      try {
        const written = await writeFile(temporary, instance, path, signal);
        return await inTurn(file, async () => {
          const outcome = await place(temporary, file, written, path);
          if (outcome.state !== 'failed') stored.set(instance.sopInstanceUid, { ...written, path: file });
          return outcome;
        });
      } finally {
        await unlink(temporary).catch(() => {});
      }
    },

    async verify({ instances }, { signal }: AbortableOptions = {}) {
      const earlier = instances.filter(({ sopInstanceUid }) => !stored.has(sopInstanceUid));
      const paths = earlier.length === 0 ? undefined : await pathsByName(path, signal);
      const missing: string[] = [];
      for (const { sopInstanceUid, bytes } of instances) {
        signal?.throwIfAborted();
        const found = paths?.get(`${sopInstanceUid}.dcm`);
        const written =
          stored.get(sopInstanceUid) ?? (found === undefined ? undefined : { path: found, bytes });
        if (written?.bytes !== bytes || !(await isIntact(sopInstanceUid, written)))
          missing.push(sopInstanceUid);
      }
      return { verification: 'reread', verified: instances.length - missing.length, missing };
    },
  };
}

/** Writes a whole file. Errors of the data set are thrown as they are. */
async function writeFile(
  path: string,
  instance: DicomInstance,
  root: string,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; checksum: number }> {
  const file = await orFileError(open(path, 'wx'), root);
  const writer = new BlockWriter(file);
  let bytes = 0;
  let checksum = 0;
  try {
    await orFileError(writer.write(encodeFileMeta(instance)), root);
    for await (const chunk of instance.dataset) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      checksum = crc32(chunk, checksum);
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
  file: string,
  written: Omit<Written, 'path'>,
  root: string,
): Promise<StoreOutcome> {
  if (!(await exists(file))) {
    await orFileError(rename(temporary, file), root);
    return { state: 'stored' };
  }
  const there = await checksumOf(file).catch(() => undefined);
  if (there?.bytes === written.bytes && there.checksum === written.checksum) return { state: 'present' };
  return {
    state: 'failed',
    message: `${root} has a different file of the same SOP Instance UID: remove it, or choose another folder.`,
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function pathsByName(folder: string, signal: AbortSignal | undefined): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for await (const path of walkFiles(folder, signal ? { signal } : {})) paths.set(basename(path), path);
  return paths;
}

async function isIntact(sopInstanceUid: string, written: Written): Promise<boolean> {
  const there = await checksumOf(written.path).catch(() => undefined);
  return (
    there?.sopInstanceUid === sopInstanceUid &&
    there.bytes === written.bytes &&
    there.checksum === (written.checksum ?? there.checksum)
  );
}

async function checksumOf(
  path: string,
): Promise<{ sopInstanceUid: string; bytes: number; checksum: number }> {
  const { sopInstanceUid, dataset } = await readPart10(fileChunks(path));
  let bytes = 0;
  let checksum = 0;
  for await (const chunk of dataset) {
    bytes += chunk.length;
    checksum = crc32(chunk, checksum);
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
