import { attributesFrom, textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { parseTag, type Tag, tagToHex } from '../data/tag.ts';
import type { DicomError } from '../errors.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { AbortableOptions, QueryLevel } from '../query/types.ts';
import { mapInOrder } from './map-in-order.ts';
import type { FileHeader } from './read-dicom-file.ts';

/** Where files lie that may hold instances: a folder, or an archive. */
export interface FileStorage<File> {
  /** What the user named it. Messages name nothing else: folders and files may be called after patients. */
  readonly name: string;
  /** All of them, each once. Throws `DicomError` when they cannot be listed. */
  files(options: AbortableOptions): AsyncIterable<File>;
  /** For those who want to know which file is meant. */
  pathOf(file: File): string;
  /** Reads a header, as `readDicomFile` does. */
  readHeader(file: File, tags?: readonly Tag[]): Promise<FileHeader>;
  /** The bytes of a file from the data set on, as its header tells where that is. */
  datasetOf(file: File, header: Pick<FileHeader, 'datasetOffset' | 'byteLength'>): AsyncIterable<Uint8Array>;
  /** What trouble with reading is called for people. */
  errorOf(error: unknown): DicomError;
}

/** What is kept of a file. */
export interface IndexedInstance<File> {
  file: File;
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  datasetOffset: number;
  byteLength: number;
  attributes: Attributes;
}

export interface IndexedSeries<File> {
  /** Of the first file; so are a study's and a patient's. */
  attributes: Attributes;
  /** By SOP Instance UID, in the order of the files. */
  instances: Map<string, IndexedInstance<File>>;
}

export interface IndexedStudy<File> {
  attributes: Attributes;
  series: Map<string, IndexedSeries<File>>;
}

/** Studies by Study Instance UID. */
export type FileIndex<File> = ReadonlyMap<string, IndexedStudy<File>>;

/** A file that is not part of a source. */
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

/** Reads the headers of all files. Throws what listing them throws. */
export async function readFileIndex<File>(
  storage: FileStorage<File>,
  onSkipped: (file: SkippedFile) => void,
  options: AbortableOptions,
): Promise<FileIndex<File>> {
  const studies = new Map<string, IndexedStudy<File>>();
  const read = async (file: File) => {
    try {
      return { file, header: await storage.readHeader(file) };
    } catch (error) {
      return { file, code: codeOf(error) };
    }
  };
  for await (const result of mapInOrder(storage.files(options), CONCURRENCY, read)) {
    const code = 'header' in result ? add(studies, result.file, result.header) : result.code;
    if (code !== undefined) onSkipped({ path: storage.pathOf(result.file), code });
  }
  return studies;
}

/** Gives a code when the file is not taken. */
function add<File>(
  studies: Map<string, IndexedStudy<File>>,
  file: File,
  header: FileHeader,
): string | undefined {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, datasetOffset, byteLength, attributes } = header;
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
    file,
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
