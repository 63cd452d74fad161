import { stat } from 'node:fs/promises';
import type { Attributes } from '../data/attributes.ts';
import { readPart10 } from '../data/part10.ts';
import { peekHeader } from '../data/peek-header.ts';
import { parseTag, type Tag } from '../data/tag.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { QueryLevel } from '../query/types.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { fileChunks } from './file-chunks.ts';

const LEVELS: readonly QueryLevel[] = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'];

/** What queries of any level return: patient, study, series and instance. */
export const HEADER_TAGS: readonly Tag[] = [
  ...new Set(LEVELS.flatMap((level) => returnKeys(level).map((key) => parseTag(key)!))),
];

/** A file's instance, and what the header says of it. */
export interface DicomFile extends DicomInstance {
  /** Those of the wanted attributes the data set has. */
  readonly attributes: Attributes;
  readonly byteLength: number;
}

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
  const { size } = await stat(path);
  const file = await readPart10(fileChunks(path), { byteLength: size });
  const { attributes, instance } = await peekHeader(file, options.tags ?? HEADER_TAGS);
  await instance.dataset[Symbol.asyncIterator]().return?.();
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = file;
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    attributes,
    byteLength: file.byteLength!,
    dataset: datasetOfFile(path),
  };
}

/** The data set of a Part 10 file: opened when it is read. */
export async function* datasetOfFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { dataset } = await readPart10(fileChunks(path));
  yield* dataset;
}
