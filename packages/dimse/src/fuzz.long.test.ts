import { test } from 'vitest';
import { fuzzClient, fuzzServer } from './testing/fuzz.ts';

test('a minute of hostile clients', () => fuzzServer({ runs: 10_000, seconds: 60 }));
test('a minute of hostile servers', () => fuzzClient({ runs: 10_000, seconds: 60 }));
