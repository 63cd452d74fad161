import { expect, test } from 'vitest';
import { sharesOf } from './progress.ts';

const none = { received: 0, stored: 0, skipped: 0, warnings: 0, failed: 0, held: 0, verified: 0, bytes: 0 };

test('shares are of what is expected', () => {
  expect(sharesOf({ ...none, expected: 10, stored: 5, warnings: 1, failed: 2, held: 1 })).toEqual({
    ok: 40,
    warn: 10,
    skip: 0,
    bad: 20,
    held: 10,
  });
});

test('nothing known yet is an empty bar, and more than expected does not overflow', () => {
  expect(sharesOf(none).ok).toBe(0);
  expect(sharesOf({ ...none, expected: 2, stored: 4 }).ok).toBe(100);
});

test('what a canceled job left behind is no failure', () => {
  expect(sharesOf({ ...none, expected: 10, stored: 5, failed: 5 }, true)).toMatchObject({ ok: 50, bad: 0 });
});
