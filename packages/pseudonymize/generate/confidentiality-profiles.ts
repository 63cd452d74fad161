// Writes src/generated/confidentiality-profiles.ts: PS3.15 Table E.1-1 as one string, a row a line.
//
// A row is the tag (`00080050`; `50xxxxxx`, `60xx3000` and `gggg odd` as `*1******`), the action of the Basic Profile and,
// for each option that says something of the attribute, the option's letter and its action: `00080022 X/Z f:K m:C`.

import { optionFields, standardData, writeGenerated } from './standard-data.ts';

interface Row {
  name: string;
  tag: string;
  basic_profile: string;
  options: Record<string, string>;
}

function pattern(tag: string): string {
  if (tag === '(gggg,eeee) where gggg is odd') return '*1******';
  const match = /^\(([\dA-Fx]{4}),([\dA-Fx]{4})\)$/.exec(tag);
  if (match === null) throw new Error(`The tag ${tag} is written in a way that is not known.`);
  return `${match[1]}${match[2]}`;
}

function line({ tag, basic_profile, options }: Row): string {
  return [pattern(tag), basic_profile, ...optionFields(options)].join(' ');
}

const table = standardData<{ edition: string; content_sha256: string; rows: Row[] }>(
  'ps3.15-2026d-table-E.1-1.json',
);
const lines = table.rows.map(line).sort();

writeGenerated(
  'confidentiality-profiles.ts',
  `/** The edition of PS3.15 the table is of. */
export const edition = '${table.edition}';

/** Digest that the source gives of its rows. */
export const sourceSha256 = '${table.content_sha256}';

/** Table E.1-1. See packages/pseudonymize/generate/confidentiality-profiles.ts for the form. */
export const tableE11 = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${lines.length} rows of Table E.1-1`);
