import { join } from 'node:path';
import { textOf } from '../data/attribute-access.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import type { InstancePath, PathFolder } from '../layout/instance-path.ts';
import { makeFolder } from './make-folder.ts';
import { readDicomFile } from './read-dicom-file.ts';
import { walkFiles } from './walk-files.ts';

/** What says whose a folder is, from the patient's down. */
const OWNER_TAGS = [Tags.PatientID, Tags.StudyInstanceUID, Tags.SeriesInstanceUID] as const;

/** So many files are tried to find out whose a folder is. */
const MAX_FILES = 20;

const MAX_NAMES = 1_000;

/**
 * Gives each patient, study and series a folder of its own below a root: where another has the name already, `_2`, `_3`…
 * is added. Whose a folder is that was there before is told by a file in it, so that a later run finds the same ones.
 */
export class FolderNames {
  readonly #root: string;
  /** Owners by path. */
  readonly #owners = new Map<string, string>();
  readonly #made = new Map<string, Promise<string>>();
  /** Names are given one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder of an instance where needed, and gives its path. Errors are those of the file system. */
  folderOf(path: InstancePath): Promise<string> {
    const key = JSON.stringify(path.folders);
    const known = this.#made.get(key);
    if (known) return known;
    const made = this.#turn.then(() => this.#make(path.folders));
    this.#turn = made.catch(() => {});
    this.#made.set(key, made);
    // What failed may be mended before the next instance.
    made.catch(() => this.#made.delete(key));
    return made;
  }

  async #make(folders: InstancePath['folders']): Promise<string> {
    let path = this.#root;
    for (const [level, folder] of folders.entries()) path = await this.#choose(path, folder, level);
    await makeFolder(path);
    return path;
  }

  async #choose(parent: string, { name, owner }: PathFolder, level: number): Promise<string> {
    for (let number = 1; number <= MAX_NAMES; number++) {
      const path = join(parent, number === 1 ? name : `${name}_${number}`);
      const holder = this.#owners.get(path) ?? (await ownerOf(path, level)) ?? owner;
      this.#owners.set(path, holder);
      if (holder === owner) return path;
    }
    throw new DicomError(
      'TOO_MANY_FILES',
      `${this.#root} has too many folders of the same name: choose another folder.`,
    );
  }
}

/** Undefined when there is no folder, or nothing in it that tells. */
async function ownerOf(path: string, level: number): Promise<string | undefined> {
  let tried = 0;
  try {
    for await (const file of walkFiles(path)) {
      const header = await readDicomFile(file, { tags: OWNER_TAGS }).catch(() => undefined);
      if (header) return textOf(header.attributes, OWNER_TAGS[level]!)?.trim() ?? '';
      tried += 1;
      if (tried === MAX_FILES) return undefined;
    }
  } catch (error) {
    if (!(error instanceof DicomError && error.code === 'NOT_FOUND')) throw error;
  }
  return undefined;
}
