import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
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
import { openZipFile } from './zip-file.ts';

export interface ZipSinkOptions {
  /**
   * Encrypts what is in the files with AES-256 (WinZip AE-2). The names of files and folders stay readable: they hold the
   * Patient ID, dates and descriptions as they are stored. Default: not encrypted.
   */
  password?: string;
  /** Modalities of a whole study, for the name of its folder: as `FolderSinkOptions` has it. */
  modalitiesOf?: (studyInstanceUid: string) => readonly string[] | undefined;
}

/** An archive that takes instances, one after the other. */
export interface ZipSink extends InstanceSink, AsyncDisposable {
  /**
   * Ends the archive, gives it its name, and reads it again: each instance with its length and the CRC-32 of its data set.
   * Nothing can be stored any more. An archive that nothing was stored in is not made.
   */
  finish(options?: AbortableOptions): Promise<{ verified: number; missing: readonly string[] }>;
}

interface Stored {
  name: string;
  bytes: number;
  checksum: number;
}

/** For AES-256. */
const ENCRYPTION_STRENGTH = 3;

/**
 * Makes an archive a sink: a ZIP file of Part 10 files (PS3.10) in folders by patient, study and series, named as
 * `instancePath` says; not compressed, for pixel data hardly get smaller. Instances stream into it one at a time.
 *
 * The archive appears under its name when it is finished. One that is there already is never replaced. An instance that
 * ends in an error is not listed in it. Disposing finishes what was stored.
 *
 * Throws `DicomError`: `ALREADY_THERE`, and the codes of `fileError`.
 *
 * ```ts
 * await using zip = await createZipSink('study.zip', { password });
 * const result = await transfer({ source, sink: zip, selection });
 * const { missing } = await zip.finish();
 * ```
 */
export async function createZipSink(path: string, options: ZipSinkOptions = {}): Promise<ZipSink> {
  const { ZipWriter } = await import('@zip.js/zip.js');
  if (await isThere(path)) throw alreadyThere(path);
  const partial = `${path}.part`;
  const file = await open(partial, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? alreadyThere(partial) : fileError(error, path, 'write');
  });
  const writer = new ZipWriter(writableOf(file, path), {
    level: 0,
    useWebWorkers: false,
    keepOrder: true,
    extendedTimestamp: false,
    ...(options.password === undefined
      ? {}
      : { password: options.password, encryptionStrength: ENCRYPTION_STRENGTH }),
  });
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
    const name = names.nameOf(target);
    const entry = { name, bytes: 0, checksum: 0 };
    let failure: { error: unknown } | undefined;
    async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
      yield encodeFileMeta(instance);
      try {
        for await (const chunk of instance.dataset) {
          signal?.throwIfAborted();
          entry.bytes += chunk.length;
          entry.checksum = crc32(chunk, entry.checksum);
          yield chunk;
        }
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
    try {
      await writer.add(name, ReadableStream.from(bytes()));
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
      await writer.close();
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

  return {
    concurrency: 1,
    store(instance, storeOptions = {}) {
      const done = turn.then(() => add(instance, storeOptions));
      turn = done.catch(() => {});
      return done;
    },
    async finish({ signal } = {}) {
      finished ??= end();
      await finished;
      const intact = stored.size === 0 ? new Set() : await readAgain(path, stored, options.password, signal);
      const missing = [...stored.keys()].filter((uid) => !intact.has(uid));
      return { verified: stored.size - missing.length, missing };
    },
    async [Symbol.asyncDispose]() {
      finished ??= end();
      await finished;
    },
  };
}

/** SOP Instance UIDs of those that are in the archive as they were stored. */
async function readAgain(
  path: string,
  stored: ReadonlyMap<string, Stored>,
  password: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const zip = await openZipFile(path, password);
  const intact = new Set<string>();
  try {
    const byName = new Map([...stored].map(([uid, one]) => [one.name, { uid, ...one }]));
    for await (const entry of zip.entries(signal ? { signal } : {})) {
      const expected = byName.get(entry.filename);
      if (!expected) continue;
      const found = await checksumOfPart10(zip.bytesOf(entry)).catch(() => undefined);
      if (
        found?.sopInstanceUid === expected.uid &&
        found.bytes === expected.bytes &&
        found.checksum === expected.checksum
      ) {
        intact.add(expected.uid);
      }
    }
  } finally {
    await zip.close();
  }
  return intact;
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

function writableOf(file: FileHandle, path: string): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    async write(chunk) {
      try {
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      } catch (error) {
        throw fileError(error, path, 'write');
      }
    },
  });
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function alreadyThere(path: string): DicomError {
  return new DicomError('ALREADY_THERE', `${path} is there already: choose another name, or remove it.`);
}
