import {
  type Attributes,
  type JsonAttribute,
  type JsonValue,
  type PersonNameJson,
  type Vr,
  vrOf,
} from '@adit/core';
import { SaxesParser } from 'saxes';
import { DicomWebError } from '../dicomweb-error.ts';

/** How deep elements may nest: three for each level of sequences. */
const MAX_DEPTH = 200;

interface Level {
  attributes: Record<string, JsonAttribute>;
  /** The attribute that is being read. */
  key: string;
  vr: Vr;
  values: JsonValue[];
  binary: string | undefined;
  uri: string | undefined;
  name: Record<string, string>;
}

/** VRs whose values are numbers in the JSON model (PS3.18 §F.2.3). */
const NUMBERS: ReadonlySet<Vr> = new Set(['DS', 'FD', 'FL', 'IS', 'SL', 'SS', 'UL', 'US', 'SV', 'UV']);
const GROUPS: ReadonlySet<string> = new Set(['Alphabetic', 'Ideographic', 'Phonetic']);

/**
 * Reads a data set of the Native DICOM Model (PS3.19 §A.1), in which services that know no JSON answer. Throws `MALFORMED`;
 * entities are not resolved, and the text is as long as its caller allows.
 */
export function attributesFromXml(text: string, name: string): Attributes {
  const parser = new SaxesParser();
  const root = newLevel();
  const levels: Level[] = [root];
  let depth = 0;
  let content = '';
  let group = '';
  const components: string[] = [];

  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name: tagName, attributes }) => {
    depth += 1;
    if (depth > MAX_DEPTH) throw new Error('too deep');
    content = '';
    const level = levels.at(-1)!;
    const local = localName(tagName);
    if (local === 'DicomAttribute') {
      level.key = String(attributes.tag ?? '').toUpperCase();
      const vr = String(attributes.vr ?? '');
      const tag = Number.parseInt(level.key, 16);
      level.vr = (/^[A-Z]{2}$/.test(vr) ? vr : vrOf(Number.isNaN(tag) ? 0 : tag)) as Vr;
      level.values = [];
      level.binary = undefined;
      level.uri = undefined;
    } else if (local === 'Item') levels.push(newLevel());
    else if (local === 'PersonName') level.name = {};
    else if (GROUPS.has(local)) {
      group = local;
      components.length = 0;
    } else if (local === 'BulkData')
      level.uri = attributes.uri === undefined ? undefined : String(attributes.uri);
  });
  parser.on('text', (piece) => {
    content += piece;
  });
  parser.on('closetag', ({ name: tagName }) => {
    depth -= 1;
    const level = levels.at(-1)!;
    const local = localName(tagName);
    if (local === 'Value') level.values.push(valueFrom(content, level.vr));
    else if (local === 'InlineBinary') level.binary = content.trim();
    else if (COMPONENTS.includes(local)) components[COMPONENTS.indexOf(local)] = content;
    else if (GROUPS.has(local)) level.name[group] = Array.from(components, (one) => one ?? '').join('^');
    else if (local === 'PersonName') level.values.push(level.name as PersonNameJson);
    else if (local === 'Item' && levels.length > 1) {
      levels.pop();
      levels.at(-1)!.values.push(level.attributes);
    } else if (local === 'DicomAttribute' && /^[0-9A-F]{8}$/.test(level.key)) {
      level.attributes[level.key] = {
        vr: level.vr,
        ...(level.values.length > 0 ? { Value: level.values } : {}),
        ...(level.binary ? { InlineBinary: level.binary } : {}),
        ...(level.uri === undefined ? {} : { BulkDataURI: level.uri }),
      };
    }
    content = '';
  });
  try {
    parser.write(text).close();
  } catch (error) {
    throw new DicomWebError('MALFORMED', `${name} answered with XML that cannot be read.`, { cause: error });
  }
  return root.attributes;
}

/** In the order of a person name (PS3.5 §6.2). */
const COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'];

function newLevel(): Level {
  return { attributes: {}, key: '', vr: 'UN', values: [], binary: undefined, uri: undefined, name: {} };
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

function valueFrom(content: string, vr: Vr): JsonValue {
  const number = NUMBERS.has(vr) && content.trim() !== '' ? Number(content) : Number.NaN;
  return Number.isNaN(number) ? content : number;
}
