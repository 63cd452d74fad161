import { mkdirSync, renameSync } from 'node:fs';
import { mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type AbortableOptions,
  type Attributes,
  DicomError,
  type DicomInstance,
  encodeFileMeta,
  type InstanceSink,
  isReleasable,
  isValidUid,
  type MatchingOptions,
  peekHeader,
  type QueryLevel,
  type StoreOutcome,
} from '@adit/core';
import { Status } from '../status.ts';
import { createArchiveIndex, type IndexedImage, type UniqueKeys } from './archive-index.ts';
import { indexedTags } from './indexed-attributes.ts';
import { readDataset } from './read-file.ts';
import { entityUidsOf, readHeader } from './read-header.ts';
import { WriteFileError, writeFile } from './write-file.ts';

/** Objects are written here and moved to their place when they are whole. */
const INCOMING = '.incoming';
/** Headers read at once when the archive opens. */
const HEADERS_AT_ONCE = 16;
const STORES_AT_ONCE = 4;
/** Data set does not match SOP class (PS3.4 Table B.2-1). */
const DATA_SET_DOES_NOT_MATCH = 0xa900;

export interface ArchiveStoreOptions extends AbortableOptions {
  /** AE title of whoever sent the object, for the file's (0002,0016). Default: none. */
  sourceAeTitle?: string;
}

/**
 * A folder of DICOM files with an index in memory: the store behind the archive SCP, usable without a network.
 *
 * It is made for tests and demos. It never deletes what it was not told to overwrite, keeps no audit trail, and trusts the
 * disk: a file is whole when it is visible, but not necessarily on the platter.
 */
export interface Archive extends InstanceSink {
  readonly folder: string;
  /** Number of instances. */
  readonly size: number;
  /** Is the instance there? */
  has(sopInstanceUid: string): boolean;
  /**
   * Stores an instance; one with the same SOP Instance UID is overwritten. A full disk is an outcome with status A700,
   * an object that is not what it says one with A900 or C000.
   */
  store(instance: DicomInstance, options?: ArchiveStoreOptions): Promise<StoreOutcome>;
  /** Answers to a query, with the keys of its identifier (PS3.4 §C.4.1). */
  find(level: QueryLevel, identifier: Attributes, options?: MatchingOptions): Iterable<Attributes>;
  /** Instances under some unique keys. Their data sets are read from disk when somebody iterates them. */
  select(keys: UniqueKeys): DicomInstance[];
}

function toInstance(image: IndexedImage): DicomInstance {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, fileSize, datasetOffset } = image;
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    byteLength: fileSize - datasetOffset,
    dataset: { [Symbol.asyncIterator]: () => readDataset(image) },
  };
}

function refused(status: number, message: string): StoreOutcome {
  return { state: 'failed', status, message };
}

/** The system's word for what went wrong, `ENOSPC` for example. */
function systemCode(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}

/** Makes the folder it is moved to only when that is missing: most objects are not the first of their series. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}

/** Files in a folder and all folders below it, without hidden ones. */
async function* filesBelow(folder: string): AsyncGenerator<string, void, undefined> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/**
 * Opens a folder as an archive: makes it if need be, removes what an interrupted run left half written, and reads the
 * headers of all DICOM files in it. Objects lie in `<Study Instance UID>/<Series Instance UID>/<SOP Instance UID>.dcm`;
 * files that were put there under other names are served too. One process at a time may have it open.
 *
 * @example
 * const archive = await openArchive(folder);
 * for (const study of archive.find('STUDY', attributesFrom({ ModalitiesInStudy: 'CT' }))) {
 *   console.log(textOf(study, 'StudyInstanceUID'));
 * }
 */
export async function openArchive(folder: string): Promise<Archive> {
  const incoming = join(folder, INCOMING);
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true });

  const index = createArchiveIndex();
  const paths = filesBelow(folder);
  async function readHeaders(): Promise<void> {
    // All workers draw from one list.
    for (let next = await paths.next(); !next.done; next = await paths.next()) {
      const found = await readHeader(next.value);
      if (found === undefined) continue;
      const known = index.get(found.image.sopInstanceUid);
      if (known === undefined || known.modifiedMs <= found.image.modifiedMs)
        index.add(found.image, found.header);
    }
  }
  await Promise.all(Array.from({ length: HEADERS_AT_ONCE }, readHeaders));

  async function store(given: DicomInstance, options: ArchiveStoreOptions): Promise<StoreOutcome> {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = given;
    const { attributes: header, instance } = await peekHeader(given, indexedTags);
    const uids = entityUidsOf(header);
    if (uids === undefined) return refused(Status.unableToProcess, 'A UID of the object is missing.');
    // They become names of folders and files.
    if (!Object.values(uids).every(isValidUid)) {
      return refused(Status.unableToProcess, 'A UID of the object is not valid.');
    }
    if (uids.sopInstanceUid !== sopInstanceUid || uids.sopClassUid !== sopClassUid) {
      return refused(DATA_SET_DOES_NOT_MATCH, 'The UIDs of command and data set differ.');
    }

    const { sourceAeTitle, signal } = options;
    const beginning = encodeFileMeta({
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid,
      ...(sourceAeTitle === undefined ? {} : { sourceAeTitle }),
    });
    const temporary = join(incoming, crypto.randomUUID());
    // Nothing looks at the chunks but what writes them: the header has values of its own.
    const { dataset } = given;
    const onWritten = isReleasable(dataset) ? (chunk: Uint8Array) => dataset.release(chunk) : undefined;
    const { size, modifiedMs } = await writeFile(temporary, instance.dataset, {
      beginning,
      signal,
      onWritten,
    });
    const path = join(folder, uids.studyInstanceUid, uids.seriesInstanceUid, `${sopInstanceUid}.dcm`);
    try {
      // Moved and indexed in one turn, so that of two objects with one UID the index knows the one that is there.
      const replaced = index.get(sopInstanceUid);
      move(temporary, path);
      index.add(
        { path, fileSize: size, modifiedMs, datasetOffset: beginning.length, transferSyntaxUid, ...uids },
        header,
      );
      if (replaced !== undefined && replaced.path !== path) await unlink(replaced.path).catch(() => {});
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw new WriteFileError('The file cannot be moved to its place.', { cause: error });
    }
    return { state: 'stored', status: Status.success };
  }

  return {
    folder,
    concurrency: STORES_AT_ONCE,
    get size() {
      return index.size;
    },
    has: (sopInstanceUid) => index.get(sopInstanceUid) !== undefined,

    async store(instance, options = {}) {
      try {
        return await store(instance, options);
      } catch (error) {
        if (error instanceof WriteFileError) {
          const message = `The archive cannot write: ${systemCode(error)}.`;
          return { state: 'failed', status: Status.outOfResources, message, retryable: true };
        }
        if (error instanceof DicomError && (error.code === 'MALFORMED' || error.code === 'TRUNCATED')) {
          return refused(Status.unableToProcess, 'The data set cannot be read.');
        }
        throw error;
      }
    },

    find: (level, identifier, options) => index.find(level, identifier, options),
    select: (keys) => index.select(keys).map(toInstance),
  };
}
