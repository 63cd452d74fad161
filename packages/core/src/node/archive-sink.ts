import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { attributesFrom, textOf } from '../data/attribute-access.ts';
import { encodeFileMeta } from '../data/part10.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import { INSTANCE_PATH_TAGS, type InstancePath, instancePath } from '../layout/instance-path.ts';
import type { AbortableOptions } from '../query/types.ts';
import type { DicomInstance, InstanceSink, StoreOutcome } from '../transfer/types.ts';
import { fileError } from './file-error.ts';
import { checksumOfPart10 } from './instance-file.ts';
import { nodeZlib } from './lazy-builtins.ts';

export interface ArchiveSinkOptions {
  /** Encrypts the archive with AES-256. Default: not encrypted. */
  password?: string;
  /** Modalities of a whole study, for the name of its folder: as `FolderSinkOptions` has it. */
  modalitiesOf?: (studyInstanceUid: string) => readonly string[] | undefined;
}

/** An archive that takes instances, one after the other. */
export interface ArchiveSink extends InstanceSink, AsyncDisposable {
  /**
   * Ends the archive, gives it its name, and reads it again: each instance with its length and the CRC-32 of its data set.
   * Nothing can be stored any more. An archive that nothing was stored in is not made.
   */
  finish(options?: AbortableOptions): Promise<{ verified: number; missing: readonly string[] }>;
}

/** How an archive of some format is written. */
export interface ArchiveWriter {
  /** Adds a file. When its bytes end in an error, that is thrown, and the archive has no such file. */
  add(name: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes what comes after the files. */
  end(): Promise<void>;
}

/** A file as it is read again. */
export interface ArchivedFile {
  name: string;
  bytes: AsyncIterable<Uint8Array>;
}

export interface ArchiveFormat {
  begin(file: FileHandle, path: string): ArchiveWriter;
  /** The files of an archive that has just been written. */
  readAgain(path: string, options: AbortableOptions): AsyncIterable<ArchivedFile>;
}

interface Stored {
  name: string;
  bytes: number;
  checksum: number;
}

/**
 * Makes an archive a sink: a file of Part 10 files (PS3.10) in folders by patient, study and series, named as `instancePath`
 * says. Instances stream into it one at a time.
 *
 * The archive appears under its name when it is finished. One that is there already is never replaced. An instance that
 * ends in an error is not listed in it. Disposing finishes what was stored.
 *
 * Throws `DicomError`: `ALREADY_THERE`, and the codes of `fileError`.
 */
export async function archiveSink(
  path: string,
  format: ArchiveFormat,
  options: Pick<ArchiveSinkOptions, 'modalitiesOf'>,
): Promise<ArchiveSink> {
  if (await isThere(path)) throw alreadyThere(path);
  const partial = `${path}.part`;
  const file = await open(partial, 'wx+', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? alreadyThere(partial) : fileError(error, path, 'write');
  });
  const writer = format.begin(file, path);
  const names = new EntryNames();
  const stored = new Map<string, Stored>();
  let turn: Promise<unknown> = Promise.resolve();
  let finished: Promise<void> | undefined;

  async function add(given: DicomInstance, { signal }: AbortableOptions): Promise<StoreOutcome> {
    if (finished) throw new DicomError('FINISHED', `${path} is finished: nothing can be added to it.`);
    const { attributes, instance } = await peekHeader(given, INSTANCE_PATH_TAGS);
    const { sopInstanceUid } = instance;
    if (stored.has(sopInstanceUid)) {
      await instance.dataset[Symbol.asyncIterator]().return?.();
      return { state: 'failed', message: `${path} has a file of the same SOP Instance UID already.` };
    }
    const modalities = options.modalitiesOf?.(textOf(attributes, Tags.StudyInstanceUID) ?? '');
    const target = instancePath(
      { ...attributes, ...attributesFrom({ SOPInstanceUID: sopInstanceUid }) },
      modalities ? { modalities } : {},
    );
    const entry = { name: names.nameOf(target), bytes: 0, checksum: 0 };
    let failure: { error: unknown } | undefined;
    async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
      yield encodeFileMeta(instance);
      try {
        for await (const chunk of instance.dataset) {
          signal?.throwIfAborted();
          entry.bytes += chunk.length;
          entry.checksum = nodeZlib().crc32(chunk, entry.checksum);
          yield chunk;
        }
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
    try {
      await writer.add(entry.name, bytes());
    } catch (error) {
      // What the archive says of it is less than what the data set itself said.
      throw failure ? failure.error : error;
    }
    stored.set(sopInstanceUid, entry);
    return { state: 'stored' };
  }

  async function end(): Promise<void> {
    await turn;
    try {
      await writer.end();
      if (stored.size > 0) await file.datasync();
    } catch (error) {
      throw error instanceof DicomError ? error : fileError(error, path, 'write');
    } finally {
      await file.close();
    }
    if (stored.size === 0) await unlink(partial);
    else if (await isThere(path)) throw alreadyThere(path);
    else await rename(partial, path);
  }

  /** SOP Instance UIDs of those that are in the archive as they were stored. */
  async function intact(abortable: AbortableOptions): Promise<Set<string>> {
    const found = new Set<string>();
    if (stored.size === 0) return found;
    const byName = new Map([...stored].map(([uid, one]) => [one.name, { uid, ...one }]));
    for await (const { name, bytes } of format.readAgain(path, abortable)) {
      abortable.signal?.throwIfAborted();
      const expected = byName.get(name);
      if (!expected) continue;
      const there = await checksumOfPart10(bytes).catch(() => undefined);
      if (
        there?.sopInstanceUid === expected.uid &&
        there.bytes === expected.bytes &&
        there.checksum === expected.checksum
      ) {
        found.add(expected.uid);
      }
    }
    return found;
  }

  return {
    concurrency: 1,
    store(instance, storeOptions = {}) {
      const done = turn.then(() => add(instance, storeOptions));
      turn = done.catch(() => {});
      return done;
    },
    async finish(abortable = {}) {
      finished ??= end();
      await finished;
      const there = await intact(abortable);
      const missing = [...stored.keys()].filter((uid) => !there.has(uid));
      return { verified: stored.size - missing.length, missing };
    },
    async [Symbol.asyncDispose]() {
      finished ??= end();
      await finished;
    },
  };
}

/** Gives each patient, study and series a folder of its own, as `FolderNames` does on a disk. */
class EntryNames {
  /** Owners by the name of the folder in lower case: some systems tell no capitals from small letters. */
  readonly #owners = new Map<string, string>();

  nameOf({ folders, file }: InstancePath): string {
    let path = '';
    for (const { name, owner } of folders) {
      for (let number = 1; ; number += 1) {
        const candidate = `${path}${number === 1 ? name : `${name}_${number}`}/`;
        const key = candidate.toLowerCase();
        const holder = this.#owners.get(key) ?? owner;
        this.#owners.set(key, holder);
        if (holder !== owner) continue;
        path = candidate;
        break;
      }
    }
    return path + file;
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function alreadyThere(path: string): DicomError {
  return new DicomError('ALREADY_THERE', `${path} is there already: choose another name, or remove it.`);
}
