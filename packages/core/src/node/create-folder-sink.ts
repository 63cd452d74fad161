import { basename, join } from 'node:path';
import { attributesFrom, textOf } from '../data/attribute-access.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import { INSTANCE_PATH_TAGS, instancePath } from '../layout/instance-path.ts';
import type { AbortableOptions } from '../query/types.ts';
import type { InstanceSink, StoreOutcome, Verifier } from '../transfer/types.ts';
import { fileError } from './file-error.ts';
import { FolderNames } from './folder-names.ts';
import { checksumOfFile, writeInstanceFile } from './instance-file.ts';
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

  return {
    concurrency: options.concurrency ?? 4,

    async store(given, { signal } = {}): Promise<StoreOutcome> {
      const { attributes, instance } = await peekHeader(given, INSTANCE_PATH_TAGS);
      const modalities = options.modalitiesOf?.(textOf(attributes, Tags.StudyInstanceUID) ?? '');
      const target = instancePath(
        { ...attributes, ...attributesFrom({ SOPInstanceUID: instance.sopInstanceUid }) },
        modalities ? { modalities } : {},
      );
      let file: string;
      try {
        const folder = await names.folderOf(options.layout === 'flat' ? { ...target, folders: [] } : target);
        file = join(folder, target.file);
      } catch (error) {
        await instance.dataset[Symbol.asyncIterator]().return?.();
        throw error instanceof DicomError ? error : fileError(error, path, 'write');
      }
      const { outcome, ...written } = await writeInstanceFile(file, instance, {
        root: path,
        ...(signal ? { signal } : {}),
      });
      if (outcome.state !== 'failed') stored.set(instance.sopInstanceUid, { ...written, path: file });
      return outcome;
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

async function pathsByName(folder: string, signal: AbortSignal | undefined): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for await (const path of walkFiles(folder, signal ? { signal } : {})) paths.set(basename(path), path);
  return paths;
}

async function isIntact(sopInstanceUid: string, written: Written): Promise<boolean> {
  const there = await checksumOfFile(written.path).catch(() => undefined);
  return (
    there?.sopInstanceUid === sopInstanceUid &&
    there.bytes === written.bytes &&
    there.checksum === (written.checksum ?? there.checksum)
  );
}
