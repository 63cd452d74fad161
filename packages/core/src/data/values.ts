import { DicomError } from '../errors.ts';
import type { JsonValue, PersonNameJson } from './attributes.ts';
import { decodeLatin1, encodeLatin1 } from './bytes.ts';
import { type CharacterSet, characterSetOf } from './character-set.ts';
import { formatPersonName, parsePersonName } from './person-name.ts';
import { isMultiValuedVr, isTextVr, type Vr, vrForm, vrUnit } from './vr.ts';

/** How the bytes of a value field are to be understood. */
export interface ValueEncoding {
  /** Default: true. */
  littleEndian?: boolean;
  /** For VRs that depend on it. Default: the default repertoire. */
  characterSet?: CharacterSet;
}

/**
 * The values of one value field, as the DICOM JSON model has them (PS3.18 §F.2): texts without their padding, numbers,
 * person names in component groups, tags in hexadecimal. `null` stands for an empty value among others. None for VRs of
 * bytes and sequences. Never throws: a number that is none stays the text it was.
 */
export function decodeValues(value: Uint8Array, vr: Vr, encoding: ValueEncoding = {}): JsonValue[] {
  const { littleEndian = true, characterSet = defaultRepertoire } = encoding;
  switch (vrForm(vr)) {
    case 'text': {
      const text = isTextVr(vr) ? characterSet.decode(value, vr) : decodeLatin1(value);
      return decodeTexts(text, vr);
    }
    case 'number':
      return decodeNumbers(value, vr, littleEndian);
    case 'tag':
      return decodeTags(value, littleEndian);
    default:
      return [];
  }
}

/**
 * The value field of values of the DICOM JSON model, not padded yet. Throws `UNENCODABLE` where the character set lacks
 * a character and `INVALID_VALUE` where a value does not fit the VR.
 */
export function encodeValues(values: readonly JsonValue[], vr: Vr, encoding: ValueEncoding = {}): Uint8Array {
  const { littleEndian = true, characterSet = defaultRepertoire } = encoding;
  switch (vrForm(vr)) {
    case 'text': {
      const text = values.map((value) => encodeText(value, vr)).join('\\');
      const bytes = isTextVr(vr) ? characterSet.encode(text, vr) : encodeLatin1(text);
      if (bytes === undefined) {
        const name = characterSet.terms.join('\\') || 'ISO_IR 6';
        throw new DicomError('UNENCODABLE', `A value of VR ${vr} has a character that ${name} lacks.`);
      }
      return bytes;
    }
    case 'number':
      return encodeNumbers(values, vr, littleEndian);
    case 'tag':
      return encodeTags(values, littleEndian);
    default:
      if (values.length === 0) return new Uint8Array(0);
      throw new DicomError('INVALID_VALUE', `VR ${vr} holds bytes or items, not values.`);
  }
}

const defaultRepertoire = characterSetOf([]);

/** Spaces before a value of these VRs mean as little as those after it (PS3.5 §6.2). */
const leadingSpacesMeanNothing = new Set<Vr>(['AE', 'CS', 'DS', 'IS', 'LO', 'PN', 'SH', 'UI']);

function decodeTexts(text: string, vr: Vr): JsonValue[] {
  const trimmed = trimEnd(text);
  if (trimmed === '') return [];
  if (!isMultiValuedVr(vr)) return [trimmed];
  if (!trimmed.includes('\\')) return [decodeText(trimmed, vr)];
  return trimmed.split('\\').map((part) => decodeText(part, vr));
}

function decodeText(part: string, vr: Vr): JsonValue {
  let text = trimEnd(part);
  if (leadingSpacesMeanNothing.has(vr)) text = text.replace(/^ +/, '');
  if (text === '') return null;
  if (vr === 'PN') return parsePersonName(text);
  if (vr === 'IS') return /^[+-]?\d+$/.test(text) ? numberOrText(text) : text;
  if (vr === 'DS')
    return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? numberOrText(text) : text;
  return text;
}

function numberOrText(text: string): number | string {
  // Adding 0 makes 0 of -0, which JSON could not tell from it.
  const number = Number(text) + 0;
  return Number.isFinite(number) ? number : text;
}

/** Takes padding away: spaces, and NUL, which should pad UI alone but is found everywhere. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end--;
  return end === text.length ? text : text.slice(0, end);
}

function decodeNumbers(value: Uint8Array, vr: Vr, littleEndian: boolean): JsonValue[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const unit = vrUnit(vr);
  const numbers: JsonValue[] = [];
  for (let at = 0; at + unit <= value.length; at += unit)
    numbers.push(readNumber(view, at, vr, littleEndian));
  return numbers;
}

function readNumber(view: DataView, at: number, vr: Vr, littleEndian: boolean): JsonValue {
  switch (vr) {
    case 'US':
      return view.getUint16(at, littleEndian);
    case 'SS':
      return view.getInt16(at, littleEndian);
    case 'UL':
      return view.getUint32(at, littleEndian);
    case 'SL':
      return view.getInt32(at, littleEndian);
    case 'FL':
      return finite(view.getFloat32(at, littleEndian));
    case 'FD':
      return finite(view.getFloat64(at, littleEndian));
    case 'UV':
      return safe(view.getBigUint64(at, littleEndian));
    default:
      return safe(view.getBigInt64(at, littleEndian));
  }
}

/** JSON has no NaN and no infinity: they become texts. */
function finite(number: number): number | string {
  return Number.isFinite(number) ? number : String(number);
}

/** What JSON readers could not tell from its neighbours becomes text (PS3.18 §F.2.3). */
function safe(number: bigint): number | string {
  const rounded = Number(number);
  return Number.isSafeInteger(rounded) ? rounded : String(number);
}

function decodeTags(value: Uint8Array, littleEndian: boolean): JsonValue[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const tags: JsonValue[] = [];
  for (let at = 0; at + 4 <= value.length; at += 4) {
    const tag = view.getUint16(at, littleEndian) * 0x10000 + view.getUint16(at + 2, littleEndian);
    tags.push(tag.toString(16).toUpperCase().padStart(8, '0'));
  }
  return tags;
}

function encodeText(value: JsonValue, vr: Vr): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (vr === 'DS') return formatDecimalString(value);
    if (vr === 'IS' && !Number.isSafeInteger(value)) throw misfit(vr);
    return String(value);
  }
  if (vr !== 'PN') throw misfit(vr);
  return formatPersonName(value as PersonNameJson);
}

/** A number as a Decimal String: at most 16 characters, as exact as they allow (PS3.5 §6.2). */
export function formatDecimalString(number: number): string {
  if (!Number.isFinite(number)) throw misfit('DS');
  for (let digits = 17; ; digits--) {
    const plain = String(Number(number.toPrecision(digits)));
    if (plain.length <= 16) return plain;
    const exponential = number
      .toExponential(digits - 1)
      .replace(/\.?0*e/, 'e')
      .replace('e+', 'e');
    if (exponential.length <= 16) return exponential;
  }
}

function encodeNumbers(values: readonly JsonValue[], vr: Vr, littleEndian: boolean): Uint8Array {
  const unit = vrUnit(vr);
  const bytes = new Uint8Array(values.length * unit);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number' && typeof value !== 'string') throw misfit(vr);
    writeNumber(view, index * unit, vr, value, littleEndian);
  }
  return bytes;
}

const ranges: Readonly<Partial<Record<Vr, readonly [number, number]>>> = {
  US: [0, 0xffff],
  SS: [-0x8000, 0x7fff],
  UL: [0, 0xffffffff],
  SL: [-0x80000000, 0x7fffffff],
};

function writeNumber(
  view: DataView,
  at: number,
  vr: Vr,
  value: number | string,
  littleEndian: boolean,
): void {
  if (vr === 'UV' || vr === 'SV') {
    const number = toBigInt(value, vr);
    if (vr === 'UV') view.setBigUint64(at, number, littleEndian);
    else view.setBigInt64(at, number, littleEndian);
    return;
  }
  const number = Number(value);
  const isFloat = vr === 'FL' || vr === 'FD';
  // `Number` makes 0 of an empty text and NaN of any other that is no number; only floats have a NaN, by its name.
  if (
    value === '' ||
    (Number.isNaN(number) && !(isFloat && (value === 'NaN' || typeof value === 'number')))
  ) {
    throw misfit(vr);
  }
  const range = ranges[vr];
  if (range !== undefined && !(Number.isInteger(number) && number >= range[0] && number <= range[1]))
    throw misfit(vr);
  switch (vr) {
    case 'US':
      view.setUint16(at, number, littleEndian);
      break;
    case 'SS':
      view.setInt16(at, number, littleEndian);
      break;
    case 'UL':
      view.setUint32(at, number, littleEndian);
      break;
    case 'SL':
      view.setInt32(at, number, littleEndian);
      break;
    case 'FL':
      view.setFloat32(at, number, littleEndian);
      break;
    default:
      view.setFloat64(at, number, littleEndian);
  }
}

function toBigInt(value: number | string, vr: 'UV' | 'SV'): bigint {
  let number: bigint;
  try {
    number = BigInt(value);
  } catch {
    throw misfit(vr);
  }
  if (value === '' || (vr === 'UV' ? BigInt.asUintN(64, number) : BigInt.asIntN(64, number)) !== number)
    throw misfit(vr);
  return number;
}

function encodeTags(values: readonly JsonValue[], littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'string' || !/^[\da-f]{8}$/i.test(value)) throw misfit('AT');
    view.setUint16(index * 4, Number.parseInt(value.slice(0, 4), 16), littleEndian);
    view.setUint16(index * 4 + 2, Number.parseInt(value.slice(4), 16), littleEndian);
  }
  return bytes;
}

/** The value itself stays out of the message: it may be a patient's. */
function misfit(vr: Vr): DicomError {
  return new DicomError('INVALID_VALUE', `A value does not fit VR ${vr}.`);
}
