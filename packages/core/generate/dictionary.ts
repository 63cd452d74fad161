// Writes src/data/generated/dictionary-data.ts: the attributes of PS3.6 §6–8 and PS3.7 §E as one string.
//
// A line `=gggg` begins a group; each line after it is an element: `eeeeKeyword VR VM`, VM left out where it is 1, `!`
// before a retired one. Alternatives of a VR are divided by `/`, the usual one first. `x` in a number stands for any digit.

import { writeFileSync } from 'node:fs';
import { attributesSince2024 } from './attributes-since-2024.ts';
import { banner, readJson, readPydicomEntries } from './sources.ts';

interface SourceAttribute {
  id: string;
  keyword: string;
  valueRepresentation: string;
  valueMultiplicity: string;
  retired: 'Y' | 'N';
}

interface Attribute {
  tag: string;
  keyword: string;
  vrs: string;
  vm: string;
  retired: boolean;
}

/**
 * The choices the standard leaves, with what an implicit encoding must take first: words rather than bytes (PS3.5 §A.1),
 * unsigned unless Pixel Representation says otherwise (which the element reader looks at).
 */
const choices: Readonly<Record<string, string>> = {
  'OB or OW': 'OW/OB',
  'US or SS': 'US/SS',
  'US or OW': 'OW/US',
  'US or SS or OW': 'OW/US/SS',
  'See Note 2': 'UN',
  '': 'UN',
};

const attributes = new Map<string, Attribute>();
function add(attribute: Attribute) {
  attributes.set(attribute.tag, attribute);
}

// PS3.7 §E: command elements, which PS3.6 does not list.
for (const { key, fields } of readPydicomEntries('_dicom_dict.py')) {
  if (!key.startsWith('0x0000')) continue;
  const [vrs = '', vm = '', , retired, keyword = ''] = fields;
  add({ tag: key.slice(2), keyword, vrs, vm, retired: retired !== '' });
}

for (const source of readJson<SourceAttribute[]>('ADIT_STANDARD_DATA', 'innolitics-attributes.json')) {
  const vrs = choices[source.valueRepresentation] ?? source.valueRepresentation;
  const vm = source.valueMultiplicity === '' ? '1' : source.valueMultiplicity.split(' ')[0]!;
  add({ tag: source.id, keyword: source.keyword, vrs, vm, retired: source.retired === 'Y' });
}

for (const [tag, keyword, vrs, vm = '1'] of attributesSince2024) {
  if (!attributes.has(tag.toLowerCase())) add({ tag, keyword, vrs, vm, retired: false });
}

const lines: string[] = [];
let group = '';
for (const attribute of [...attributes.values()].sort((a, b) => compare(a.tag, b.tag))) {
  const tag = attribute.tag.toLowerCase();
  if (!/^[\da-fx]{8}$/.test(tag) || !/^[A-Z]{2}(\/[A-Z]{2})*$/.test(attribute.vrs)) {
    throw new Error(`Attribute ${tag} has VR "${attribute.vrs}"`);
  }
  if (tag.slice(0, 4) !== group) {
    group = tag.slice(0, 4);
    lines.push(`=${group}`);
  }
  const { keyword, vrs, vm, retired } = attribute;
  lines.push(`${retired ? '!' : ''}${tag.slice(4)}${keyword} ${vrs}${vm === '1' ? '' : ` ${vm}`}`);
}

function compare(a: string, b: string): number {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  return x < y ? -1 : x > y ? 1 : 0;
}

writeFileSync(
  new URL('../src/data/generated/dictionary-data.ts', import.meta.url),
  `${banner}\n/** See packages/core/generate/dictionary.ts for the form. */\nexport const dictionaryData = \`${lines.join('\n')}\`;\n`,
);
console.log(`${attributes.size} attributes`);
