import { DicomError } from '../errors.ts';
import type { JsonValue } from './attributes.ts';
import type { CharacterSet } from './character-set.ts';
import type { Vr } from './vr.ts';

/**
 * The values of one value field, as the DICOM JSON model has them (PS3.18 §F.2): texts without their padding, numbers,
 * person names in component groups, tags in hexadecimal. `null` stands for an empty value among others. Never throws:
 * a number that is none stays the text it was.
 */
export function decodeValues(
  _value: Uint8Array,
  _vr: Vr,
  _options: { littleEndian?: boolean; characterSet?: CharacterSet },
): JsonValue[] {
  throw new DicomError('NOT_IMPLEMENTED', 'Values are being written.');
}

/**
 * The value field of values of the DICOM JSON model, not padded yet. Throws `UNENCODABLE` where the character set lacks
 * a character and `INVALID_VALUE` where a value does not fit the VR.
 */
export function encodeValues(
  _values: readonly JsonValue[],
  _vr: Vr,
  _options: { littleEndian?: boolean; characterSet?: CharacterSet },
): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'Values are being written.');
}
