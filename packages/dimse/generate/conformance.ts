// Writes the tables of docs/conformance.md anew, from the code: pnpm exec node --conditions=@adit/source packages/dimse/generate/conformance.ts

import { readFileSync, writeFileSync } from 'node:fs';
import { renewTables } from '../src/testing/conformance-tables.ts';

const file = new URL('../../../docs/conformance.md', import.meta.url);
writeFileSync(file, renewTables(readFileSync(file, 'utf8')));
