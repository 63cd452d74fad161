import type { Attributes, JsonAttribute } from './attributes.ts';
import { encodeBase64 } from './base64.ts';
import { concatBytes, decodeLatin1 } from './bytes.ts';
import { type CharacterSet, characterSetOf } from './character-set.ts';
import { dictionaryEntry } from './dictionary.ts';
import type { ElementToken, Token } from './element-reader.ts';
import { type Tag, tagToHex } from './tag.ts';
import { Tags } from './tags.ts';
import { decodeValues } from './values.ts';
import { type Vr, vrForm, vrUnit } from './vr.ts';

/** Makes attributes in memory of tokens. */
export interface AttributeCollector {
  readonly attributes: Attributes;
  add(token: Token): void;
}

/** Addresses in place of values; see `ReadMetadataOptions`. */
export interface BulkDataPlaces {
  uri: (path: readonly string[]) => string;
  maxInlineBytes: number;
}

/** One data set or item that is being filled. */
interface Level {
  attributes: Record<string, JsonAttribute>;
  characterSet: CharacterSet;
}

/**
 * @param options.characterSet of what is around the data set, in force until it names one itself
 * @param options.bulk keep native pixel data and long values, or say where they can be had, values of bytes above
 *   `maxInlineBytes` included; left out otherwise
 */
export function createAttributeCollector(options: {
  characterSet?: readonly string[] | undefined;
  bulk: boolean | BulkDataPlaces;
}): AttributeCollector {
  let level: Level = { attributes: {}, characterSet: characterSetOf(options.characterSet ?? []) };
  const { attributes } = level;
  /** What is around `level`: levels and, between them, the items of the sequences they are in. */
  const levels: Level[] = [];
  const sequences: { key: string; attribute: JsonAttribute; items: Attributes[] }[] = [];
  const places = typeof options.bulk === 'object' ? options.bulk : undefined;
  let bulk: { key: string; vr: Vr; littleEndian: boolean; parts: Uint8Array[] } | undefined;

  /** Says where a value can be had. */
  function addPlace(tag: Tag, vr: Vr, { uri }: BulkDataPlaces): void {
    const key = tagToHex(tag);
    const above = sequences.flatMap((sequence) => [sequence.key, String(sequence.items.length - 1)]);
    level.attributes[key] = { vr, BulkDataURI: uri([...above, key]) };
  }

  function addElement(token: ElementToken): void {
    const { tag, vr, value } = token;
    if (
      places &&
      value.length > places.maxInlineBytes &&
      vrForm(vr) === 'bytes' &&
      vrForm(knownVr(tag)) === 'bytes'
    ) {
      addPlace(tag, vr, places);
      return;
    }
    const { littleEndian } = token.encoding;
    if (tag === Tags.SpecificCharacterSet) {
      const terms = decodeLatin1(value).split('\\');
      level.characterSet = characterSetOf(terms);
    }
    const { characterSet } = level;
    const known = vr === 'UN' ? knownVr(tag) : vr;
    // What was not known when it was written stayed little endian (PS3.5 §6.2.2).
    level.attributes[tagToHex(tag)] = attributeOfValue(
      value,
      known,
      littleEndian || vr === 'UN',
      characterSet,
    );
  }

  return {
    attributes,
    add(token) {
      switch (token.kind) {
        case 'element':
          addElement(token);
          break;
        case 'sequence-start': {
          const items: Attributes[] = [];
          const attribute: JsonAttribute = { vr: 'SQ', Value: items };
          const key = tagToHex(token.tag);
          level.attributes[key] = attribute;
          sequences.push({ key, attribute, items });
          break;
        }
        case 'item-start': {
          levels.push(level);
          level = { attributes: {}, characterSet: level.characterSet };
          sequences.at(-1)!.items.push(level.attributes);
          break;
        }
        case 'item-end':
          level = levels.pop()!;
          break;
        case 'sequence-end': {
          const { attribute, items } = sequences.pop()!;
          // An attribute without a value has no Value (PS3.18 §F.2.5).
          if (items.length === 0) delete attribute.Value;
          break;
        }
        case 'fragments-start':
          if (places) addPlace(token.tag, token.vr, places);
          break;
        case 'bulk-start':
          if (places) addPlace(token.tag, token.vr, places);
          else if (options.bulk) {
            const { littleEndian } = token.encoding;
            bulk = { key: tagToHex(token.tag), vr: token.vr, littleEndian, parts: [] };
          }
          break;
        case 'bulk-chunk':
          bulk?.parts.push(token.bytes);
          break;
        case 'bulk-end':
          if (bulk !== undefined) {
            const { key, vr, littleEndian, parts } = bulk;
            const value = parts.length === 1 ? parts[0]! : concatBytes(parts);
            level.attributes[key] = attributeOfValue(value, vr, littleEndian, level.characterSet);
            bulk = undefined;
          }
          break;
      }
    },
  };
}

/** The VR that a value written as UN may be read with: that of the dictionary, unless it is a sequence there. */
function knownVr(tag: Tag): Vr {
  const vr = dictionaryEntry(tag)?.vr ?? 'UN';
  return vrForm(vr) === 'sequence' ? 'UN' : vr;
}

function attributeOfValue(
  value: Uint8Array,
  vr: Vr,
  littleEndian: boolean,
  characterSet: CharacterSet,
): JsonAttribute {
  if (value.length === 0) return { vr };
  if (vrForm(vr) === 'bytes') {
    return { vr, InlineBinary: encodeBase64(littleEndian ? value : swapBytes(value, vrUnit(vr))) };
  }
  const values = decodeValues(value, vr, { littleEndian, characterSet });
  return values.length === 0 ? { vr } : { vr, Value: values };
}

/** Turns each unit of a value around: big endian to little endian and back (PS3.5 §7.3). */
export function swapBytes(value: Uint8Array, unit: number): Uint8Array {
  if (unit === 1) return value;
  const swapped = value.slice();
  for (let at = 0; at + unit <= swapped.length; at += unit) swapped.subarray(at, at + unit).reverse();
  return swapped;
}
