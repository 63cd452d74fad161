import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { renewTables } from './testing/conformance-tables.ts';

test('the tables of the conformance statement are those of the code', async () => {
  const statement = await readFile(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
  // Renew them by packages/dimse/generate/conformance.ts, and read what the text around them says.
  expect(renewTables(statement)).toBe(statement);
});
