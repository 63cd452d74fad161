import { DicomError } from '../errors.ts';
import type { ElementEncoding } from './element-reader.ts';
import { formatTag, type Tag } from './tag.ts';
import { hasLongLength, type Vr, vrPadding } from './vr.ts';

const undefinedLength = 0xffffffff;

/**
 * One element: its header and its value, padded to an even length as its VR asks (PS3.5 §7.1). A value too long for the
 * 16-bit length of its VR is written as UN, as PS3.5 §6.2.2 has it.
 */
export function encodeElement(tag: Tag, vr: Vr, value: Uint8Array, encoding: ElementEncoding): Uint8Array {
  const length = value.length + (value.length % 2);
  const written = checkedVr(tag, vr, length, encoding);
  const header = encoding.explicitVr && hasLongLength(written) ? 12 : 8;
  const bytes = new Uint8Array(header + length);
  writeElementHeader(bytes, tag, written, length, encoding);
  bytes.set(value, header);
  if (length > value.length) bytes[bytes.length - 1] = vrPadding(vr);
  return bytes;
}

/**
 * The header of an element alone, where the value comes from elsewhere.
 *
 * @param length of the value in bytes, even; undefined for an undefined length, which a delimiter must end
 */
export function encodeElementHeader(
  tag: Tag,
  vr: Vr,
  length: number | undefined,
  encoding: ElementEncoding,
): Uint8Array {
  const written = checkedVr(tag, vr, length, encoding);
  const bytes = new Uint8Array(encoding.explicitVr && hasLongLength(written) ? 12 : 8);
  writeElementHeader(bytes, tag, written, length, encoding);
  return bytes;
}

/** The VR that a value of such a length is written with. */
function checkedVr(tag: Tag, vr: Vr, length: number | undefined, encoding: ElementEncoding): Vr {
  if (length !== undefined && (length % 2 !== 0 || length >= undefinedLength)) {
    throw new DicomError(
      'INVALID_VALUE',
      `The value of ${formatTag(tag)} is ${length} bytes long; an element has an even length below 4 GiB.`,
    );
  }
  // A short VR can not say that it is longer: PS3.5 §6.2.2 has it written as UN then.
  return !encoding.explicitVr || hasLongLength(vr) || (length !== undefined && length <= 0xffff) ? vr : 'UN';
}

function writeElementHeader(
  bytes: Uint8Array,
  tag: Tag,
  vr: Vr,
  length: number | undefined,
  { explicitVr, littleEndian }: ElementEncoding,
): void {
  writeTag(bytes, tag, littleEndian);
  if (!explicitVr) {
    writeUint32(bytes, 4, length ?? undefinedLength, littleEndian);
    return;
  }
  bytes[4] = vr.charCodeAt(0);
  bytes[5] = vr.charCodeAt(1);
  if (hasLongLength(vr)) writeUint32(bytes, 8, length ?? undefinedLength, littleEndian);
  else writeUint16(bytes, 6, length!, littleEndian);
}

/** The header of an item; `length` undefined for an undefined length (PS3.5 §7.5). */
export function encodeItemHeader(length: number | undefined, encoding: ElementEncoding): Uint8Array {
  return encodeHead(0xfffee000, length, encoding.littleEndian);
}

/** The delimiter that ends an item of undefined length. */
export function encodeItemDelimiter(encoding: ElementEncoding): Uint8Array {
  return encodeHead(0xfffee00d, 0, encoding.littleEndian);
}

/** The delimiter that ends a sequence of undefined length, or fragments. */
export function encodeSequenceDelimiter(encoding: ElementEncoding): Uint8Array {
  return encodeHead(0xfffee0dd, 0, encoding.littleEndian);
}

/** Tag in the first four bytes, length in the last four. */
function encodeHead(tag: Tag, length: number | undefined, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  writeTag(bytes, tag, littleEndian);
  writeUint32(bytes, 4, length ?? undefinedLength, littleEndian);
  return bytes;
}

// Byte by byte: the buffer of a small array is only made when somebody asks for it, as a `DataView` does.

function writeTag(bytes: Uint8Array, tag: Tag, littleEndian: boolean): void {
  writeUint16(bytes, 0, tag >>> 16, littleEndian);
  writeUint16(bytes, 2, tag & 0xffff, littleEndian);
}

function writeUint16(bytes: Uint8Array, at: number, value: number, littleEndian: boolean): void {
  bytes[at] = littleEndian ? value : value >>> 8;
  bytes[at + 1] = littleEndian ? value >>> 8 : value;
}

function writeUint32(bytes: Uint8Array, at: number, value: number, littleEndian: boolean): void {
  writeUint16(bytes, at, littleEndian ? value & 0xffff : value >>> 16, littleEndian);
  writeUint16(bytes, at + 2, littleEndian ? value >>> 16 : value & 0xffff, littleEndian);
}
