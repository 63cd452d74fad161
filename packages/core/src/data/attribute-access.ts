import { DicomError } from '../errors.ts';
import type { Attributes, JsonAttribute, JsonValue, PersonNameJson } from './attributes.ts';
import { encodeBase64 } from './base64.ts';
import { dictionaryEntry } from './dictionary.ts';
import { formatPersonName, parsePersonName } from './person-name.ts';
import { parseTag, type Tag, tagToHex } from './tag.ts';
import { isVr, type Vr, vrForm } from './vr.ts';

/** The attribute of a keyword (`PatientID`), eight hexadecimal digits or a tag. */
export function attributeOf(attributes: Attributes, key: string | Tag): JsonAttribute | undefined {
  if (typeof key === 'number') return attributes[tagToHex(key)];
  if (Object.hasOwn(attributes, key)) return attributes[key];
  const tag = parseTag(key);
  return tag === undefined ? undefined : attributes[tagToHex(tag)];
}

/**
 * The first value as text, undefined when absent or empty. Of a person name, its component groups divided by `=`; of a
 * sequence or bytes, undefined.
 */
export function textOf(attributes: Attributes, key: string | Tag): string | undefined {
  const value = attributeOf(attributes, key)?.Value?.[0];
  return value === undefined ? undefined : textOfValue(value) || undefined;
}

/** All values as text; empty values are empty texts. Absent: none. */
export function textsOf(attributes: Attributes, key: string | Tag): string[] {
  const attribute = attributeOf(attributes, key);
  if (attribute?.Value === undefined || attribute.vr === 'SQ') return [];
  return attribute.Value.map((value) => textOfValue(value) ?? '');
}

/** The first value as a number; undefined when absent, empty or no number. */
export function numberOf(attributes: Attributes, key: string | Tag): number | undefined {
  const value = attributeOf(attributes, key)?.Value?.[0];
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** The items of a sequence. Absent, or no sequence: none. */
export function itemsOf(attributes: Attributes, key: string | Tag): readonly Attributes[] {
  const attribute = attributeOf(attributes, key);
  return attribute?.vr === 'SQ' ? ((attribute.Value ?? []) as readonly Attributes[]) : [];
}

function textOfValue(value: JsonValue): string | undefined {
  if (value === null) return undefined;
  if (typeof value !== 'object') return String(value);
  const isName = 'Alphabetic' in value || 'Ideographic' in value || 'Phonetic' in value;
  return isName ? formatPersonName(value as PersonNameJson) : undefined;
}

/** A value to make an attribute of: one, several, items of a sequence, bytes, or an attribute as it is. */
export type AttributeInput =
  | JsonValue
  | undefined
  | Uint8Array
  | JsonAttribute
  | readonly (JsonValue | AttributesInput)[]
  | AttributesInput;

/** Values by keyword or by eight hexadecimal digits. */
export interface AttributesInput {
  readonly [keyword: string]: AttributeInput;
}

/**
 * Makes attributes: `attributesFrom({ PatientID: '1', ImageType: ['ORIGINAL', 'PRIMARY'], Rows: 512 })`. The VR is that
 * of the dictionary; an attribute with a `vr` of its own is taken as it is, and is the way to give private ones. An
 * empty text, `null` or an empty list makes an empty attribute; undefined makes none.
 *
 * Throws `UNKNOWN_ATTRIBUTE` for a keyword or tag the dictionary lacks, and `INVALID_VALUE` for a value its VR can not
 * be made of.
 */
export function attributesFrom(input: AttributesInput): Attributes {
  const attributes: Record<string, JsonAttribute> = {};
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined) continue;
    const tag = parseTag(key);
    if (tag === undefined) throw unknownAttribute(key);
    if (isJsonAttribute(value)) {
      attributes[tagToHex(tag)] = value;
      continue;
    }
    const entry = dictionaryEntry(tag);
    if (entry === undefined) throw unknownAttribute(key);
    attributes[tagToHex(tag)] = attributeFrom(value, entry.vr, key);
  }
  return attributes;
}

function unknownAttribute(key: string): DicomError {
  return new DicomError('UNKNOWN_ATTRIBUTE', `The dictionary has no attribute "${key}".`);
}

function isJsonAttribute(value: AttributeInput): value is JsonAttribute {
  return (
    typeof value === 'object' &&
    value !== null &&
    'vr' in value &&
    typeof value.vr === 'string' &&
    isVr(value.vr)
  );
}

function attributeFrom(value: Exclude<AttributeInput, undefined>, vr: Vr, key: string): JsonAttribute {
  if (value instanceof Uint8Array) {
    if (vrForm(vr) !== 'bytes') throw unfit(key, vr);
    return value.length === 0 ? { vr } : { vr, InlineBinary: encodeBase64(value) };
  }
  const list = (Array.isArray(value) ? value : [value]) as readonly (JsonValue | AttributesInput)[];
  const isEmpty = list.length === 0 || (list.length === 1 && (list[0] === null || list[0] === ''));
  if (isEmpty) return { vr };
  if (vrForm(vr) === 'bytes') throw unfit(key, vr);
  return { vr, Value: list.map((item) => valueFrom(item, vr, key)) };
}

function valueFrom(value: JsonValue | AttributesInput, vr: Vr, key: string): JsonValue {
  if (vr === 'SQ') {
    if (value === null || typeof value !== 'object') throw unfit(key, vr);
    return attributesFrom(value as AttributesInput);
  }
  if (value === null || value === '') return null;
  if (vr === 'PN') return typeof value === 'string' ? parsePersonName(value) : (value as PersonNameJson);
  if (typeof value === 'object') throw unfit(key, vr);
  // Numbers of binary VRs are numbers; texts stay texts, for a query may ask for IS "1*" or DA "20240101-".
  if (vrForm(vr) === 'number')
    return typeof value === 'string' && Number.isFinite(Number(value)) ? Number(value) : value;
  return vr === 'IS' || vr === 'DS' ? value : String(value);
}

function unfit(key: string, vr: Vr): DicomError {
  return new DicomError('INVALID_VALUE', `${key} of VR ${vr} can not be made of the value given.`);
}
