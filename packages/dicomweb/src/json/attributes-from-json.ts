import { type Attributes, type JsonAttribute, type JsonValue, type Vr, vrOf } from '@adit/core';

/**
 * Takes one object of an answer for the DICOM JSON model (PS3.18 §F.2), as far as it follows it: keys become upper case, a
 * missing VR is looked up, a person name written as plain text becomes its alphabetic form, and whatever is none of this
 * is left out.
 */
export function attributesFromJson(json: unknown): Attributes {
  const attributes: Record<string, JsonAttribute> = {};
  if (!isObject(json)) return attributes;
  for (const [key, value] of Object.entries(json)) {
    if (!/^[0-9A-Fa-f]{8}$/.test(key) || !isObject(value)) continue;
    attributes[key.toUpperCase()] = attributeFromJson(Number.parseInt(key, 16), value);
  }
  return attributes;
}

function attributeFromJson(tag: number, json: Record<string, unknown>): JsonAttribute {
  const vr = typeof json.vr === 'string' && /^[A-Z]{2}$/.test(json.vr) ? (json.vr as Vr) : vrOf(tag);
  const attribute: JsonAttribute = { vr };
  if (Array.isArray(json.Value)) attribute.Value = json.Value.map((value) => valueFromJson(vr, value));
  if (typeof json.InlineBinary === 'string') attribute.InlineBinary = json.InlineBinary;
  if (typeof json.BulkDataURI === 'string') attribute.BulkDataURI = json.BulkDataURI;
  return attribute;
}

function valueFromJson(vr: Vr, value: unknown): JsonValue {
  if (vr === 'SQ') return attributesFromJson(value);
  if (vr === 'PN' && isObject(value)) {
    const groups = ['Alphabetic', 'Ideographic', 'Phonetic'].filter(
      (group) => typeof value[group] === 'string',
    );
    return Object.fromEntries(groups.map((group) => [group, value[group] as string]));
  }
  if (vr === 'PN' && typeof value === 'string') return { Alphabetic: value };
  if (typeof value === 'string' || typeof value === 'number') return value;
  return typeof value === 'boolean' ? String(value) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
