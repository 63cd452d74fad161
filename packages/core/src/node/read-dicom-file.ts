import { closeSync, fstatSync, openSync, read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { Attributes } from '../data/attributes.ts';
import { readPart10 } from '../data/part10.ts';
import { peekHeader } from '../data/peek-header.ts';
import { parseTag, type Tag } from '../data/tag.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { QueryLevel } from '../query/types.ts';
import type { DicomInstance, StoredDataset } from '../transfer/types.ts';
import { fileDataset } from './file-dataset.ts';

// A `FileHandle` costs several times as much for each file, and asking a thread to open one more than opening it.
const read = promisify(readCallback);

const LEVELS: readonly QueryLevel[] = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'];

/** What queries of any level return: patient, study, series and instance. */
export const HEADER_TAGS: readonly Tag[] = [
  ...new Set(LEVELS.flatMap((level) => returnKeys(level).map((key) => parseTag(key)!))),
];

/** What the beginning of a file says of the instance in it. */
export interface FileHeader extends Omit<DicomInstance, 'dataset'> {
  /** Those of the wanted attributes the data set has. */
  readonly attributes: Attributes;
  readonly byteLength: number;
  /** Where in the file the data set begins, in bytes. */
  readonly datasetOffset: number;
}

/** A file's instance, and what the header says of it. */
export interface DicomFile extends FileHeader {
  /** Can be read as often as is wanted. */
  readonly dataset: StoredDataset;
}

/** Most headers end within the first block; the others are read on in larger ones. */
const FIRST_BLOCK = 16 * 1024;
const BLOCK = 1024 * 1024;

/**
 * Reads the header of a Part 10 file, no further than it must; without preamble or file meta information as well. The file
 * is opened again when `dataset` is read, so that nothing has to be closed.
 *
 * Throws `DicomError`: `NOT_DICOM`, `MALFORMED`, `TRUNCATED`, or what the file system says, as Node says it.
 *
 * @param options.tags wanted attributes. Default: those queries return
 */
export async function readDicomFile(
  path: string,
  options: { tags?: readonly Tag[] } = {},
): Promise<DicomFile> {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const header = await readFileHeader(headBlocks(descriptor), size, options.tags);
    const { datasetOffset, byteLength } = header;
    return { ...header, dataset: fileDataset({ path, offset: datasetOffset, byteLength }) };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads the header out of the bytes of a file, no further than it must, and ends them. Throws as `readDicomFile` does, and
 * what reading the bytes throws.
 *
 * @param size of the whole file
 */
export async function readFileHeader(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
  tags: readonly Tag[] = HEADER_TAGS,
): Promise<FileHeader> {
  const file = await readPart10(bytes, { byteLength: size });
  const { attributes, instance } = await peekHeader(file, tags);
  await instance.dataset[Symbol.asyncIterator]().return?.();
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, datasetOffset } = file;
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    attributes,
    byteLength: file.byteLength!,
    datasetOffset,
  };
}

async function* headBlocks(descriptor: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let length = FIRST_BLOCK; ; length = BLOCK) {
    // Not from the pool: a slice of it would keep the rest of it alive.
    const { bytesRead, buffer } = await read(descriptor, Buffer.allocUnsafeSlow(length), 0, length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
