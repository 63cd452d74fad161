import { describe, test } from 'vitest';
import { fuzzClient, fuzzServer } from './testing/fuzz.ts';

// Recordings of DCMTK, spoiled. `fuzz.long.test.ts` and `fuzz.soak.test.ts` do the same for longer.
describe('any bytes at any time end in a clean abort and a closed connection, and disturb nobody', () => {
  test('as server', () => fuzzServer({ runs: 6, seconds: 10 }), 60_000);
  test('as client', () => fuzzClient({ runs: 8, seconds: 10 }), 60_000);
});
