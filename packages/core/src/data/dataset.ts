import { DicomError } from '../errors.ts';
import type { Attributes } from './attributes.ts';
import type { Tag } from './tag.ts';

export interface DecodeDatasetOptions {
  transferSyntaxUid: string;
  /** Leave out this element of the data set and all after it. Default: read to the end. */
  stopAt?: Tag;
  /** Of an object that is cut off: give what came before instead of throwing `TRUNCATED`. Default: false. */
  allowTruncated?: boolean;
  /**
   * Specific Character Set of what is around the data set, for one that names none itself. Default: the default
   * repertoire.
   */
  characterSet?: readonly string[];
}

/**
 * Reads a small data set into memory. Texts are decoded from its character set and stored as such; (0008,0005) stays as
 * it was. Values of bytes come as `InlineBinary`, in little endian. Encapsulated pixel data, which the DICOM JSON model
 * has no place for, are left out.
 */
export function decodeDataset(_bytes: Uint8Array, _options: DecodeDatasetOptions): Attributes {
  throw new DicomError('NOT_IMPLEMENTED', 'Data sets are being written.');
}

export interface EncodeDatasetOptions {
  transferSyntaxUid: string;
  /** Put a group length before the elements of a group: for command sets and file meta information. Default: false. */
  groupLength?: boolean;
  /** Give sequences and items their length instead of delimiters. Default: true. */
  definedLengths?: boolean;
}

/**
 * Encodes attributes as a data set, tags ascending, texts in the character set its (0008,0005) names. Throws
 * `UNENCODABLE` where that lacks a character, and `INVALID_VALUE` where a value does not fit its VR.
 */
export function encodeDataset(_attributes: Attributes, _options: EncodeDatasetOptions): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'Data sets are being written.');
}
