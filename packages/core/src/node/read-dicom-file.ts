import { closeSync, fstatSync, openSync } from 'node:fs';
import { textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { readBeginning, readPart10 } from '../data/part10.ts';
import { createHeaderPeek, peekHeader } from '../data/peek-header.ts';
import { parseTag, type Tag } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { QueryLevel } from '../query/types.ts';
import type { DicomInstance, StoredDataset } from '../transfer/types.ts';
import { fileDataset } from './file-dataset.ts';
import { readInto } from './read-into.ts';

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
  // A `FileHandle` costs several times as much for each file, and asking a thread to open one more than opening it.
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const first = await readBlock(descriptor, FIRST_BLOCK, 0);
    const header =
      headerWithin(first, size, options.tags) ??
      (await readFileHeader(headBlocks(descriptor, first), size, options.tags));
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

/**
 * The header of a file that ends within its first block, as nearly all do: read at once, it takes a third of the time. Undefined
 * where it does not, or the file does not name its instance in front.
 */
function headerWithin(
  block: Uint8Array,
  size: number,
  tags: readonly Tag[] = HEADER_TAGS,
): FileHeader | undefined {
  const ended = block.length >= size;
  const beginning = readBeginning(block, ended);
  if (typeof beginning === 'number') return undefined;
  const { meta, offset, transferSyntaxUid } = beginning;
  const sopClassUid = textOf(meta, Tags.MediaStorageSOPClassUID);
  const sopInstanceUid = textOf(meta, Tags.MediaStorageSOPInstanceUID);
  if (sopClassUid === undefined || sopInstanceUid === undefined) return undefined;
  const peek = createHeaderPeek(transferSyntaxUid, tags);
  if (!peek.done) peek.push(block.subarray(offset));
  if (!peek.done && ended) peek.end();
  else if (!peek.done) return undefined;
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    attributes: peek.attributes(),
    byteLength: size - offset,
    datasetOffset: offset,
  };
}

async function* headBlocks(
  descriptor: number,
  first: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for (let block = first; block.length > 0; block = await readBlock(descriptor, BLOCK, position)) {
    position += block.length;
    yield block;
  }
}

async function readBlock(descriptor: number, length: number, position: number): Promise<Uint8Array> {
  // Not from the pool: a slice of it would keep the rest of it alive.
  const block = Buffer.allocUnsafeSlow(length);
  return block.subarray(0, await readInto(descriptor, [block], position, length));
}
