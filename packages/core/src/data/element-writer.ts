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
  const header = encodeElementHeader(tag, vr, length, encoding);
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  bytes.set(value, header.length);
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
  if (length !== undefined && (length % 2 !== 0 || length >= undefinedLength)) {
    throw new DicomError(
      'INVALID_VALUE',
      `The value of ${formatTag(tag)} is ${length} bytes long; an element has an even length below 4 GiB.`,
    );
  }
  const { explicitVr, littleEndian } = encoding;
  if (!explicitVr) return encodeHead(8, tag, length, littleEndian);

  // A short VR can not say that it is longer: PS3.5 §6.2.2 has it written as UN then.
  const written: Vr = hasLongLength(vr) || (length !== undefined && length <= 0xffff) ? vr : 'UN';
  const long = hasLongLength(written);
  const header = encodeHead(long ? 12 : 8, tag, long ? length : 0, littleEndian);
  header[4] = written.charCodeAt(0);
  header[5] = written.charCodeAt(1);
  if (!long) {
    header[6] = littleEndian ? length! & 0xff : length! >> 8;
    header[7] = littleEndian ? length! >> 8 : length! & 0xff;
  }
  return header;
}

/** The header of an item; `length` undefined for an undefined length (PS3.5 §7.5). */
export function encodeItemHeader(length: number | undefined, encoding: ElementEncoding): Uint8Array {
  return encodeHead(8, 0xfffee000, length, encoding.littleEndian);
}

/** The delimiter that ends an item of undefined length. */
export function encodeItemDelimiter(encoding: ElementEncoding): Uint8Array {
  return encodeHead(8, 0xfffee00d, 0, encoding.littleEndian);
}

/** The delimiter that ends a sequence of undefined length, or fragments. */
export function encodeSequenceDelimiter(encoding: ElementEncoding): Uint8Array {
  return encodeHead(8, 0xfffee0dd, 0, encoding.littleEndian);
}

/** Tag in the first four bytes, length in the last four. */
function encodeHead(size: 8 | 12, tag: Tag, length: number | undefined, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, tag >>> 16, littleEndian);
  view.setUint16(2, tag & 0xffff, littleEndian);
  view.setUint32(size - 4, length ?? undefinedLength, littleEndian);
  return bytes;
}
