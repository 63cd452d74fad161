// Writes src/generated/content-concepts.ts: PS3.15 Table E.3.4-1 as one string, a concept name a line.
//
// `DCM 121022 TEXT X t:C` is the coding scheme, the code value, the value type, the action of the Basic Profile and those
// of the options, as in Table E.1-1.

import { optionFields, standardData, writeGenerated } from './standard-data.ts';

interface Row {
  scheme: string;
  code_value: string;
  value_type: string;
  basic_profile: string;
  options: Record<string, string>;
}

const table = standardData<{ rows: Row[] }>('ps3.15-2020-table-E.3.4-1.json');
const lines = table.rows
  .map(({ scheme, code_value, value_type, basic_profile, options }) =>
    [scheme, code_value, value_type, basic_profile, ...optionFields(options)].join(' '),
  )
  .sort();

writeGenerated(
  'content-concepts.ts',
  `/** Table E.3.4-1, edition of 2020. See packages/pseudonymize/generate/content-concepts.ts for the form. */
export const tableE341 = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${lines.length} rows of Table E.3.4-1`);
