// Writes src/generated/confidentiality-profiles.ts: PS3.15 Table E.1-1 as one string, a row a line.
//
// A row is the tag (`00080050`; `50xxxxxx`, `60xx3000` and `gggg odd` as `*1******`), the action of the Basic Profile and,
// for each option that says something of the attribute, the option's letter and its action: `00080022 X/Z f:K m:C`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Row {
  name: string;
  tag: string;
  basic_profile: string;
  options: Record<string, string>;
}

interface Table {
  edition: string;
  content_sha256: string;
  rows: Row[];
}

/** The ten option columns in the order of the table, each with the letter it has in the generated lines. */
const letters: Readonly<Record<string, string>> = {
  retain_safe_private: 'v',
  retain_uids: 'u',
  retain_device_identity: 'd',
  retain_institution_identity: 'i',
  retain_patient_characteristics: 'p',
  retain_longitudinal_full_dates: 'f',
  retain_longitudinal_modified_dates: 'm',
  clean_descriptors: 't',
  clean_structured_content: 's',
  clean_graphics: 'g',
};

function pattern(tag: string): string {
  if (tag === '(gggg,eeee) where gggg is odd') return '*1******';
  const match = /^\(([\dA-Fx]{4}),([\dA-Fx]{4})\)$/.exec(tag);
  if (match === null) throw new Error(`The tag ${tag} is written in a way that is not known.`);
  return `${match[1]}${match[2]}`;
}

function line(row: Row): string {
  const options = Object.entries(row.options).map(([option, action]) => {
    const letter = letters[option];
    if (letter === undefined) throw new Error(`The option ${option} is not known.`);
    return `${letter}:${action}`;
  });
  const order = Object.values(letters);
  options.sort((a, b) => order.indexOf(a[0]!) - order.indexOf(b[0]!));
  return [pattern(row.tag), row.basic_profile, ...options].join(' ');
}

const folder = process.env.ADIT_STANDARD_DATA;
if (folder === undefined) {
  console.error('Set ADIT_STANDARD_DATA to the folder that README.md beside this file describes.');
  process.exit(1);
}
const table = JSON.parse(readFileSync(join(folder, 'ps3.15-2026d-table-E.1-1.json'), 'utf8')) as Table;
const lines = table.rows.map(line).sort();

writeFileSync(
  new URL('../src/generated/confidentiality-profiles.ts', import.meta.url),
  `// Made by packages/pseudonymize/generate. Do not edit.
// DICOM PS3.6 and PS3.15, © NEMA

/** The edition of PS3.15 the table is of. */
export const edition = '${table.edition}';

/** Digest that the source gives of its rows. */
export const sourceSha256 = '${table.content_sha256}';

/** Table E.1-1. See packages/pseudonymize/generate/confidentiality-profiles.ts for the form. */
export const tableE11 = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${lines.length} rows`);
