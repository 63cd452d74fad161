import { expect, test } from 'vitest';
import { progressLine } from './output.ts';

const counts = {
  received: 0,
  stored: 0,
  verified: 0,
  skipped: 0,
  failed: 0,
  held: 0,
  warnings: 0,
  bytes: 0,
};

test('progress shows a bar and the time left once both can be told', () => {
  expect(progressLine(counts, 0)).toBe('0 instances · 0 B');
  expect(progressLine({ ...counts, stored: 7, bytes: 3_500_000 }, 1)).toBe('7 instances · 3.5 MB · 3.5 MB/s');
  expect(progressLine({ ...counts, expected: 500, stored: 120, held: 5, bytes: 60e6 }, 1)).toBe(
    '[=====               ] 125 of 500 instances · 60 MB · 60 MB/s',
  );
  expect(progressLine({ ...counts, expected: 500, stored: 125, bytes: 60e6 }, 30)).toBe(
    '[=====               ] 125 of 500 instances · 60 MB · 2.0 MB/s · 1:30 left',
  );
  expect(progressLine({ ...counts, expected: 20_000, stored: 20, bytes: 10e6 }, 10)).toContain(
    ' · 2:46:30 left',
  );
});

test('progress of more than was expected stays within the bar', () => {
  expect(progressLine({ ...counts, expected: 10, stored: 12, bytes: 1 }, 10)).toBe(
    '[====================] 12 of 10 instances · 1 B · 0 B/s',
  );
});
