import { test } from 'vitest';
import { fuzzClient, fuzzServer } from './testing/fuzz.ts';

test('half an hour of hostile clients', () => fuzzServer({ runs: 1_000_000, seconds: 1800 }));
test('half an hour of hostile servers', () => fuzzClient({ runs: 1_000_000, seconds: 1800 }));
