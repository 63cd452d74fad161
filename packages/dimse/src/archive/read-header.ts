import { open } from 'node:fs/promises';
import { type Attributes, peekHeader, readPart10, textOf } from '@adit/core';
import type { IndexedImage } from './archive-index.ts';
import { indexedTags } from './indexed-attributes.ts';
import { readBlocks } from './read-file.ts';

/** More than a header up to the indexed attributes takes in most objects, so that one read is enough. */
const READ_LENGTH = 32 * 1024;

/** The UIDs of an object and of what it belongs to. */
export interface EntityUids {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
}

/** The UIDs that a composite object must have to be archived; undefined when one is missing. */
export function entityUidsOf(header: Attributes): EntityUids | undefined {
  const sopClassUid = textOf(header, 'SOPClassUID');
  const sopInstanceUid = textOf(header, 'SOPInstanceUID');
  const seriesInstanceUid = textOf(header, 'SeriesInstanceUID');
  const studyInstanceUid = textOf(header, 'StudyInstanceUID');
  if (!sopClassUid || !sopInstanceUid || !seriesInstanceUid || !studyInstanceUid) return undefined;
  return { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid };
}

/**
 * Reads as much of a file as the index needs. Undefined for a file that is no composite DICOM object, is damaged, or cannot
 * be read.
 */
export async function readHeader(
  path: string,
): Promise<{ image: IndexedImage; header: Attributes } | undefined> {
  try {
    await using handle = await open(path, 'r');
    const { size, mtimeMs } = await handle.stat();
    const instance = await readPart10(readBlocks(handle, 0, size, READ_LENGTH), { byteLength: size });
    const { transferSyntaxUid, byteLength = size } = instance;
    const { attributes: header } = await peekHeader(instance, indexedTags);
    const uids = entityUidsOf(header);
    if (uids === undefined) return undefined;
    return {
      image: {
        path,
        fileSize: size,
        modifiedMs: mtimeMs,
        datasetOffset: size - byteLength,
        transferSyntaxUid,
        ...uids,
      },
      header,
    };
  } catch {
    return undefined;
  }
}
