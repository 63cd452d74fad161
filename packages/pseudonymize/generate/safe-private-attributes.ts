// Writes src/generated/safe-private-attributes.ts: PS3.15 Table E.3.10-1 as one string, a creator and group a line.
//
// `2001 Philips Imaging DD 001|0AIS 0BCS` is the group, the private creator, and behind the bar the last two hexadecimal
// digits of each safe element with its VR (the first, where the table allows several; UN where it names none).

import { standardData, writeGenerated } from './standard-data.ts';

interface Row {
  tag: string;
  private_creator: string;
  vr: string;
}

const table = standardData<{ content_sha256: string; rows: Row[] }>('ps3.15-2026d-table-E.3.10-1.json');
const elements = new Map<string, Set<string>>();
for (const { tag, private_creator, vr } of table.rows) {
  const match = /^\(([\dA-F]{4}),xx([\dA-F]{2})\)$/.exec(tag.toUpperCase().replace('XX', 'xx'));
  if (match === null) throw new Error(`The tag ${tag} is written in a way that is not known.`);
  const block = `${match[1]} ${private_creator.trim()}`;
  const known = elements.get(block) ?? new Set();
  elements.set(block, known.add(`${match[2]}${vr.split('/')[0] || 'UN'}`));
}
const lines = [...elements].map(([block, known]) => `${block}|${[...known].sort().join(' ')}`).sort();

writeGenerated(
  'safe-private-attributes.ts',
  `/** Digest that the source gives of its rows. */
export const sourceSha256 = '${table.content_sha256}';

/** Table E.3.10-1. See packages/pseudonymize/generate/safe-private-attributes.ts for the form. */
export const tableE3101 = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${table.rows.length} rows of Table E.3.10-1`);
