import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { textOf } from './attribute-access.ts';
import type { Attributes } from './attributes.ts';
import { concatBytes } from './bytes.ts';
import { decodeDataset } from './dataset.ts';
import { dictionaryEntry } from './dictionary.ts';
import { explicitLittleEndian } from './element-reader.ts';
import { encodeElement } from './element-writer.ts';
import { peekHeader } from './peek-header.ts';
import { replay } from './replay.ts';
import { makeTag, type Tag } from './tag.ts';
import { Tags } from './tags.ts';
import { TransferSyntax } from './transfer-syntax.ts';
import { encodeValues } from './values.ts';
import { hasLongLength, isVr, type Vr } from './vr.ts';

/** Implementation Class UID (0002,0012) of the project (PS3.7 §D.3.3.2). */
export const IMPLEMENTATION_CLASS_UID = '2.25.302896791474402879380172956063280250308';

/** Implementation Version Name (0002,0013) of the project: at most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'ADIT_TS_1';

/** Zeros, then `DICM` (PS3.10 §7.1). */
const preambleLength = 128;
const preamble = new Uint8Array(preambleLength + 4);
preamble.set([0x44, 0x49, 0x43, 0x4d], preambleLength);

/** Nobody has a reason to write more; it bounds what is read into memory. */
const maxMetaLength = 4 * 1024 * 1024;

export interface FileMetaOptions {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** AE title of whoever wrote the file, (0002,0016). Default: none. */
  sourceAeTitle?: string;
}

/** The beginning of a file: a preamble of zeros, `DICM` and the File Meta Information (PS3.10 §7.1). */
export function encodeFileMeta(options: FileMetaOptions): Uint8Array {
  const text = (tag: Tag, vr: Vr, value: string) =>
    encodeElement(tag, vr, encodeValues([value], vr), explicitLittleEndian);
  // Straight, not by way of attributes: every stored object begins with one.
  const elements = [
    encodeElement(Tags.FileMetaInformationVersion, 'OB', Uint8Array.of(0, 1), explicitLittleEndian),
    text(Tags.MediaStorageSOPClassUID, 'UI', options.sopClassUid),
    text(Tags.MediaStorageSOPInstanceUID, 'UI', options.sopInstanceUid),
    text(Tags.TransferSyntaxUID, 'UI', options.transferSyntaxUid),
    text(Tags.ImplementationClassUID, 'UI', IMPLEMENTATION_CLASS_UID),
    text(Tags.ImplementationVersionName, 'SH', IMPLEMENTATION_VERSION_NAME),
  ];
  if (options.sourceAeTitle !== undefined) {
    elements.push(text(Tags.SourceApplicationEntityTitle, 'AE', options.sourceAeTitle));
  }
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  const groupLength = encodeElement(
    Tags.FileMetaInformationGroupLength,
    'UL',
    encodeValues([length], 'UL'),
    explicitLittleEndian,
  );
  return concatBytes([preamble, groupLength, ...elements]);
}

/** An instance read from a file, with the file's own File Meta Information. */
export interface Part10Instance extends DicomInstance {
  /** Attributes of group 0002; empty when the file has none. */
  readonly meta: Attributes;
  /** Where in the file the data set begins, in bytes. */
  readonly datasetOffset: number;
}

export interface ReadPart10Options {
  /** Length of the whole file in bytes, where it is known: gives the instance its `byteLength`. */
  byteLength?: number;
}

/**
 * Reads a file's beginning and gives the instance in it; its data set streams as it is read.
 *
 * A file without preamble or File Meta Information is taken for what its first bytes look like. So is one that was
 * written in explicit VR but says implicit VR of itself, or the other way round.
 *
 * Throws `NOT_DICOM` for a file that is none, `TRUNCATED` and `MALFORMED` for one that is damaged where it was read or
 * names no SOP class or instance. The source is ended then.
 */
export async function readPart10(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadPart10Options = {},
): Promise<Part10Instance> {
  const source = bytes[Symbol.asyncIterator]();
  const head = createHead(source);
  try {
    let beginning = readBeginning(await head.upTo(1), head.ended);
    while (typeof beginning === 'number') beginning = readBeginning(await head.upTo(beginning), head.ended);
    const { start, meta, offset, transferSyntaxUid } = beginning;
    const dataset = replay(head.from(offset), source);
    const byteLength = options.byteLength === undefined ? {} : { byteLength: options.byteLength - offset };
    const sopClassUid = textOf(meta, Tags.MediaStorageSOPClassUID);
    const sopInstanceUid = textOf(meta, Tags.MediaStorageSOPInstanceUID);
    if (sopClassUid !== undefined && sopInstanceUid !== undefined) {
      return {
        sopClassUid,
        sopInstanceUid,
        transferSyntaxUid,
        dataset,
        ...byteLength,
        meta,
        datasetOffset: offset,
      };
    }
    const unnamed = { sopClassUid: '', sopInstanceUid: '', transferSyntaxUid, dataset, ...byteLength };
    const named = await nameInstance(unnamed).catch((error: unknown) => {
      // Of a file that says nothing of itself, only a data set that can be read shows that it is one.
      throw start === 0 && isUnreadable(error) ? notDicom(error) : error;
    });
    return { ...named, meta, datasetOffset: offset };
  } catch (error) {
    await source.return?.();
    throw error;
  }
}

/** The bytes of a file: new File Meta Information and the data set as it is. */
export async function* writePart10(
  instance: DicomInstance,
  options: { sourceAeTitle?: string } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = instance;
  yield encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, ...options });
  yield* instance.dataset;
}

/** Takes the UIDs from the data set where the meta information does not have them. */
async function nameInstance(unnamed: DicomInstance): Promise<DicomInstance> {
  const { attributes, instance } = await peekHeader(unnamed, [Tags.SOPClassUID, Tags.SOPInstanceUID]);
  const sopClassUid = textOf(attributes, Tags.SOPClassUID);
  const sopInstanceUid = textOf(attributes, Tags.SOPInstanceUID);
  if (sopClassUid === undefined || sopInstanceUid === undefined) {
    throw new DicomError(
      'MALFORMED',
      'The file names no SOP class and instance, neither in front nor in its data set.',
    );
  }
  return { ...instance, sopClassUid, sopInstanceUid };
}

/** The beginning of a file, read as far as it was asked for. */
interface Head {
  /** The file is at its end. */
  readonly ended: boolean;
  /** Everything read so far, once at least `length` bytes are there or the file is at its end. */
  upTo(length: number): Promise<Uint8Array>;
  /** What has been read from here on. */
  from(offset: number): Uint8Array[];
}

function createHead(source: AsyncIterator<Uint8Array>): Head {
  let bytes: Uint8Array = new Uint8Array(0);
  let ended = false;
  return {
    get ended() {
      return ended;
    },
    async upTo(length) {
      const parts = [bytes];
      let total = bytes.length;
      while (total < length && !ended) {
        const result = await source.next();
        if (result.done === true) {
          ended = true;
        } else {
          parts.push(result.value);
          total += result.value.length;
        }
      }
      if (parts.length > 1) bytes = bytes.length === 0 && parts.length === 2 ? parts[1]! : concatBytes(parts);
      return bytes;
    },
    from(offset) {
      return offset < bytes.length ? [bytes.subarray(offset)] : [];
    },
  };
}

/** What stands before the data set of a file. */
export interface Part10Beginning {
  /** Where the File Meta Information ends; 0 for a file without. */
  start: number;
  meta: Attributes;
  /** Where the data set begins. */
  offset: number;
  transferSyntaxUid: string;
}

/**
 * Reads what stands before the data set. A number is how many bytes of the file it takes to get on.
 *
 * @param bytes the file's, from its beginning
 * @param ended these are all of them
 */
export function readBeginning(bytes: Uint8Array, ended: boolean): Part10Beginning | number {
  const needs = (length: number) => !ended && bytes.length < length;
  if (needs(preambleLength + 4)) return preambleLength + 4;
  let begin = 0;
  if (hasMagic(bytes, preambleLength)) begin = preambleLength + 4;
  else if (hasMagic(bytes, 0)) begin = 4;

  const start = endOfMeta(bytes, begin);
  if (start - begin > maxMetaLength) {
    throw new DicomError('TOO_LARGE', 'The File Meta Information is longer than any can be.');
  }
  if (needs(start + metaHeaderLength)) return start + metaHeaderLength;
  const isCut = bytes.length < start || (bytes[start] === 0x02 && bytes[start + 1] === 0x00);
  if (isCut) throw new DicomError('TRUNCATED', 'The file ends within its File Meta Information.');
  if (needs(start + longestGuess)) return start + longestGuess;
  const meta = decodeDataset(bytes.subarray(begin, start), {
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
  });
  return { start, meta, ...locateDataset(bytes, start, textOf(meta, Tags.TransferSyntaxUID)) };
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x44 && bytes[at + 1] === 0x49 && bytes[at + 2] === 0x43 && bytes[at + 3] === 0x4d;
}

/** Most bytes that an element's header takes. */
const metaHeaderLength = 12;

/** Where the elements of group 0002 end that begin here, as far as they can be seen. The group length is often wrong. */
function endOfMeta(bytes: Uint8Array, start: number): number {
  let end = start;
  for (;;) {
    const length = metaElementLength(bytes, end);
    if (length === undefined) return end;
    end += length;
  }
}

/**
 * The length of the element of group 0002 that begins here, in explicit VR little endian (PS3.10 §7.1), or in implicit
 * VR as some have written it; undefined when no such element does.
 */
function metaElementLength(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length < at + 8 || bytes[at] !== 0x02 || bytes[at + 1] !== 0x00) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vr = vrAt(bytes, at + 4);
  if (vr === undefined) return 8 + view.getUint32(at + 4, true);
  if (!hasLongLength(vr)) return 8 + view.getUint16(at + 6, true);
  return bytes.length < at + metaHeaderLength ? undefined : metaHeaderLength + view.getUint32(at + 8, true);
}

function vrAt(bytes: Uint8Array, at: number) {
  const letters = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0);
  return isVr(letters) ? letters : undefined;
}

/** Where files begin that lost their preamble or a part of it: stray bytes are found in front of some. */
const strayOffsets = [...Array.from({ length: 16 }, (_, i) => i + 1), preambleLength, preambleLength + 4];

/** Bytes behind the File Meta Information that a guess may look at: of an element behind the last of those offsets. */
const longestGuess = preambleLength + 12;

/** Says where the data set begins and in which transfer syntax it is. */
function locateDataset(
  bytes: Uint8Array,
  start: number,
  declared: string | undefined,
): { offset: number; transferSyntaxUid: string } {
  if (declared !== undefined) {
    return { offset: start, transferSyntaxUid: correctTransferSyntax(bytes, start, declared) };
  }
  const transferSyntaxUid = guessTransferSyntax(bytes, start);
  if (transferSyntaxUid !== undefined) return { offset: start, transferSyntaxUid };
  if (start === 0) {
    for (const offset of strayOffsets) {
      const guess = guessTransferSyntax(bytes, offset);
      // Only what cannot be anything else: the beginning of the SOP Common Module in explicit VR.
      if (
        guess !== undefined &&
        guess !== TransferSyntax.ImplicitVrLittleEndian &&
        beginsModule(bytes, offset, guess)
      ) {
        return { offset, transferSyntaxUid: guess };
      }
    }
  }
  throw notDicom();
}

/** Is it the bytes that are wrong, and not the source? */
function isUnreadable(error: unknown): boolean {
  return error instanceof DicomError && ['MALFORMED', 'TRUNCATED', 'TOO_LARGE'].includes(error.code);
}

function notDicom(cause?: unknown): DicomError {
  return new DicomError('NOT_DICOM', 'The file is no DICOM file.', { cause });
}

/** Explicit and implicit VR little endian are mixed up by some writers; the bytes tell. */
function correctTransferSyntax(bytes: Uint8Array, at: number, declared: string): string {
  const { ImplicitVrLittleEndian, ExplicitVrLittleEndian } = TransferSyntax;
  if (declared !== ImplicitVrLittleEndian && declared !== ExplicitVrLittleEndian) return declared;
  const guess = guessTransferSyntax(bytes, at);
  return guess === ImplicitVrLittleEndian || guess === ExplicitVrLittleEndian ? guess : declared;
}

/** The transfer syntax that an element at this place looks like; undefined when it looks like none. */
function guessTransferSyntax(bytes: Uint8Array, at: number): string | undefined {
  if (bytes.length < at + 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleGroup = view.getUint16(at, true);
  if (vrAt(bytes, at + 4) !== undefined) {
    // Data sets begin with low groups: the order of bytes that makes the group lower is the one.
    return littleGroup <= view.getUint16(at, false)
      ? TransferSyntax.ExplicitVrLittleEndian
      : TransferSyntax.ExplicitVrBigEndian;
  }
  const tag = makeTag(littleGroup, view.getUint16(at + 2, true));
  const isKnown = dictionaryEntry(tag) !== undefined || (tag & 0xffff) === 0;
  const length = view.getUint32(at + 4, true);
  return littleGroup >= 0x0004 && littleGroup <= 0x0028 && isKnown && length <= 0x10000 && length % 2 === 0
    ? TransferSyntax.ImplicitVrLittleEndian
    : undefined;
}

/** Is the element at this place one of group 0008 that has the VR the dictionary gives it? */
function beginsModule(bytes: Uint8Array, at: number, transferSyntaxUid: string): boolean {
  const littleEndian = transferSyntaxUid === TransferSyntax.ExplicitVrLittleEndian;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = makeTag(view.getUint16(at, littleEndian), view.getUint16(at + 2, littleEndian));
  return tag >>> 16 === 0x0008 && dictionaryEntry(tag)?.vr === vrAt(bytes, at + 4);
}
