import { DicomError } from '../errors.ts';
import type { ElementEncoding } from './element-reader.ts';
import type { Tag } from './tag.ts';
import type { Vr } from './vr.ts';

/** One element: its header and its value, padded to an even length as its VR asks (PS3.5 §7.1). */
export function encodeElement(
  _tag: Tag,
  _vr: Vr,
  _value: Uint8Array,
  _encoding: ElementEncoding,
): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'The element writer is being written.');
}

/** The header of an element alone; `length` undefined for an undefined length. */
export function encodeElementHeader(
  _tag: Tag,
  _vr: Vr,
  _length: number | undefined,
  _encoding: ElementEncoding,
): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'The element writer is being written.');
}

/** The header of an item; `length` undefined for an undefined length (PS3.5 §7.5). */
export function encodeItemHeader(_length: number | undefined, _encoding: ElementEncoding): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'The element writer is being written.');
}

/** The delimiter that ends an item of undefined length. */
export function encodeItemDelimiter(_encoding: ElementEncoding): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'The element writer is being written.');
}

/** The delimiter that ends a sequence or fragments of undefined length. */
export function encodeSequenceDelimiter(_encoding: ElementEncoding): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'The element writer is being written.');
}
