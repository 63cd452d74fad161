// Writes src/data/generated/uid-data.ts: the UIDs of PS3.6 Annex A as one string.
//
// A line `=type` begins the UIDs of a type; each line after it is a UID without its root 1.2.840.10008, a space and its
// name, `!` before a retired one. Context groups (Table A-3) are not listed: they are all there is below …6.1.

import { writeFileSync } from 'node:fs';
import { banner, readJson, readPydicomEntries } from './sources.ts';
import { uidsSince2022 } from './uids-since-2022.ts';

const root = '1.2.840.10008.';
const uids = new Map<string, { uid: string; name: string; type: string; retired: boolean }>();

for (const { key, fields } of readPydicomEntries('_uid_dict.py')) {
  const [name = '', type = '', , retired] = fields;
  uids.set(key, { uid: key, name, type, retired: retired !== '' });
}
for (const [type, entries] of Object.entries(uidsSince2022)) {
  for (const [uid, name] of Object.entries(entries)) {
    if (!uids.has(root + uid)) uids.set(root + uid, { uid: root + uid, name, type, retired: false });
  }
}
for (const { id, name } of readJson<{ id: string; name: string }[]>(
  'ADIT_STANDARD_DATA',
  'innolitics-sops.json',
)) {
  if (!uids.has(id)) uids.set(id, { uid: id, name, type: 'SOP Class', retired: false });
}

const lines: string[] = [];
for (const type of [...new Set([...uids.values()].map((entry) => entry.type))].sort()) {
  if (type === '') continue;
  lines.push(`=${type}`);
  const entries = [...uids.values()].filter((entry) => entry.type === type);
  for (const { uid, name, retired } of entries.sort((a, b) => compare(a.uid, b.uid))) {
    if (!uid.startsWith(root)) throw new Error(`${uid} is not of the standard's root`);
    lines.push(`${retired ? '!' : ''}${uid.slice(root.length)} ${name}`);
  }
}

/** By the numbers of the components. */
function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

writeFileSync(
  new URL('../src/data/generated/uid-data.ts', import.meta.url),
  `${banner}\n/** See packages/core/generate/uids.ts for the form. */\nexport const uidData = \`${lines.join('\n')}\`;\n`,
);
console.log(`${uids.size} UIDs`);
