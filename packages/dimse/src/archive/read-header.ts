import { open } from 'node:fs/promises';
import { type Attributes, decodeDataset, peekHeader, TransferSyntax, textOf } from '@adit/core';
import type { IndexedImage } from './archive-index.ts';
import { indexedTags } from './indexed-attributes.ts';
import { readBlocks } from './read-file.ts';

/** 128 bytes of preamble, `DICM`, and the 12 bytes of (0002,0000), which counts what follows it (PS3.10 §7.1). */
const PREAMBLE_LENGTH = 128;
const META_START = PREAMBLE_LENGTH + 4;
const GROUP_LENGTH_ELEMENT_LENGTH = 12;
/** More than a header up to the indexed attributes takes in most objects, so that one read is enough. */
const READ_LENGTH = 32 * 1024;

/** Length of the file's beginning before the data set; undefined when it is not a DICOM file. */
function datasetOffsetOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < META_START + GROUP_LENGTH_ELEMENT_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isDicom = view.getUint32(PREAMBLE_LENGTH) === 0x4449434d;
  // (0002,0000) UL of length 4, little endian.
  const hasLength =
    view.getUint32(META_START) === 0x02000000 && view.getUint32(META_START + 4) === 0x554c0400;
  if (!isDicom || !hasLength) return undefined;
  return META_START + GROUP_LENGTH_ELEMENT_LENGTH + view.getUint32(META_START + 8, true);
}

async function* startingWith(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  yield* rest;
}

/** What a composite object must say to be archived: its UIDs, and those of its series and its study. */
export function entityUidsOf(
  header: Attributes,
):
  | { sopClassUid: string; sopInstanceUid: string; seriesInstanceUid: string; studyInstanceUid: string }
  | undefined {
  const sopClassUid = textOf(header, 'SOPClassUID');
  const sopInstanceUid = textOf(header, 'SOPInstanceUID');
  const seriesInstanceUid = textOf(header, 'SeriesInstanceUID');
  const studyInstanceUid = textOf(header, 'StudyInstanceUID');
  if (!sopClassUid || !sopInstanceUid || !seriesInstanceUid || !studyInstanceUid) return undefined;
  return { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid };
}

/**
 * Reads as much of a file as the index needs. Undefined for a file that is not a DICOM object with File Meta
 * Information, is damaged, or cannot be read.
 */
export async function readHeader(
  path: string,
): Promise<{ image: IndexedImage; header: Attributes } | undefined> {
  try {
    await using handle = await open(path, 'r');
    const { size, mtimeMs } = await handle.stat();
    const blocks = readBlocks(handle, 0, size, READ_LENGTH);
    const first = (await blocks.next()).value;
    const datasetOffset = first && datasetOffsetOf(first);
    if (first === undefined || datasetOffset === undefined || datasetOffset > first.length) return undefined;

    const meta = decodeDataset(first.subarray(META_START, datasetOffset), {
      transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
    });
    const transferSyntaxUid = textOf(meta, 'TransferSyntaxUID');
    if (transferSyntaxUid === undefined) return undefined;
    const { attributes } = await peekHeader(
      {
        sopClassUid: '',
        sopInstanceUid: '',
        transferSyntaxUid,
        dataset: startingWith(first.subarray(datasetOffset), blocks),
      },
      indexedTags,
    );
    const uids = entityUidsOf(attributes);
    if (uids === undefined) return undefined;
    const image = { path, fileSize: size, modifiedMs: mtimeMs, datasetOffset, transferSyntaxUid, ...uids };
    return { image, header: attributes };
  } catch {
    return undefined;
  }
}
