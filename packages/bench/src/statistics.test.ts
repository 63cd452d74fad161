import { expect, test } from 'vitest';
import { summarize } from './statistics.ts';

test.each([
  [[3], { median: 3, min: 3, max: 3 }],
  [[9, 1, 5], { median: 5, min: 1, max: 9 }],
  [[10, 2, 4, 100], { median: 7, min: 2, max: 100 }],
])('summarizes %j', (values, expected) => {
  expect(summarize(values)).toEqual(expected);
});

test('does not summarize nothing', () => {
  expect(() => summarize([])).toThrow(RangeError);
});
