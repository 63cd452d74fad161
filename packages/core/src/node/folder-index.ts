import { attributesFrom, textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { parseTag, tagToHex } from '../data/tag.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { AbortableOptions, QueryLevel } from '../query/types.ts';
import { mapInOrder } from './map-in-order.ts';
import { type DicomFile, readDicomFile } from './read-dicom-file.ts';
import { walkFiles } from './walk-files.ts';

/** What is kept of a file. */
export interface IndexedInstance {
  path: string;
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  datasetOffset: number;
  byteLength: number;
  attributes: Attributes;
}

export interface IndexedSeries {
  /** Of the first file; so are a study's and a patient's. */
  attributes: Attributes;
  /** By SOP Instance UID, in the order of the files. */
  instances: Map<string, IndexedInstance>;
}

export interface IndexedStudy {
  attributes: Attributes;
  series: Map<string, IndexedSeries>;
}

/** The studies of a folder by Study Instance UID. */
export type FolderIndex = ReadonlyMap<string, IndexedStudy>;

/** A file that is not part of a folder source. */
export interface SkippedFile {
  path: string;
  /** `NOT_DICOM`, `DUPLICATE`, or the code of the error that reading it ended with. */
  code: string;
}

/** Headers read at once. */
const CONCURRENCY = 8;

/** What is kept of each level. */
const STUDY_KEYS = hexKeys('PATIENT', 'STUDY');
const SERIES_KEYS = hexKeys('SERIES');
const IMAGE_KEYS = hexKeys('IMAGE');

/** Reads the headers of all files below a folder. Throws what `walkFiles` throws. */
export async function readFolderIndex(
  folder: string,
  onSkipped: (file: SkippedFile) => void,
  options: AbortableOptions,
): Promise<FolderIndex> {
  const studies = new Map<string, IndexedStudy>();
  const read = async (path: string) => {
    try {
      return { path, file: await readDicomFile(path) };
    } catch (error) {
      return { path, code: codeOf(error) };
    }
  };
  for await (const result of mapInOrder(walkFiles(folder, options), CONCURRENCY, read)) {
    const { path } = result;
    const code = 'file' in result ? add(studies, path, result.file) : result.code;
    if (code !== undefined) onSkipped({ path, code });
  }
  return studies;
}

/** Gives a code when the file is not taken. */
function add(studies: Map<string, IndexedStudy>, path: string, file: DicomFile): string | undefined {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, datasetOffset, byteLength, attributes } = file;
  const studyInstanceUid = textOf(attributes, 'StudyInstanceUID');
  const seriesInstanceUid = textOf(attributes, 'SeriesInstanceUID');
  // A DICOMDIR, or something else that is not part of a study.
  if (studyInstanceUid === undefined || seriesInstanceUid === undefined) return 'NO_STUDY';

  const study = getOrAdd(studies, studyInstanceUid, () => ({
    attributes: pick(attributes, STUDY_KEYS),
    series: new Map(),
  }));
  const series = getOrAdd(study.series, seriesInstanceUid, () => ({
    attributes: pick(attributes, SERIES_KEYS, STUDY_KEYS),
    instances: new Map(),
  }));
  if (series.instances.has(sopInstanceUid)) return 'DUPLICATE';
  series.instances.set(sopInstanceUid, {
    path,
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    datasetOffset,
    byteLength,
    attributes: {
      ...pick(attributes, IMAGE_KEYS, SERIES_KEYS, STUDY_KEYS),
      ...attributesFrom({ SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid }),
    },
  });
  return undefined;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** What a level above has is not kept again. */
function pick(
  attributes: Attributes,
  keys: ReadonlySet<string>,
  ...above: ReadonlySet<string>[]
): Attributes {
  const kept = ([key]: [string, unknown]) => keys.has(key) && !above.some((others) => others.has(key));
  return Object.fromEntries(Object.entries(attributes).filter(kept));
}

function hexKeys(...levels: QueryLevel[]): ReadonlySet<string> {
  return new Set(levels.flatMap((level) => returnKeys(level).map((key) => tagToHex(parseTag(key)!))));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'UNREADABLE';
}
