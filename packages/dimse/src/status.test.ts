import { expect, test } from 'vitest';
import { isPending, isRetryableStatus, statusCategory, statusText } from './status.ts';

/** PS3.4 Table B.2-1. */
test.each([
  [0x0000, 'success'],
  [0xb000, 'warning'],
  [0xb006, 'warning'],
  [0xb007, 'warning'],
  [0xb123, 'warning'],
  [0x0001, 'warning'],
  [0xa700, 'failure'],
  [0xa7ff, 'failure'],
  [0xa900, 'failure'],
  [0xc000, 'failure'],
  [0xcfff, 'failure'],
  [0x0122, 'failure'],
  [0x0124, 'failure'],
  [0x4711, 'failure'],
])('C-STORE status %i is a %s', (status, category) => {
  expect(statusCategory(status, 'storage')).toBe(category);
});

/** PS3.4 Tables C.4-1 and C.4-3. */
test.each([
  [0x0000, 'success'],
  [0xff00, 'pending'],
  [0xff01, 'pending'],
  [0xfe00, 'cancel'],
  [0xb000, 'warning'],
  [0xa701, 'failure'],
  [0xa702, 'failure'],
  [0xa900, 'failure'],
  [0xc001, 'failure'],
])('query or retrieve status %i is a %s', (status, category) => {
  expect(statusCategory(status, 'query-retrieve')).toBe(category);
});

test('more responses follow those that the tables call pending, and no others', () => {
  const statuses = Array.from({ length: 0x10000 }, (_, status) => status);
  const pending = statuses.filter((status) => statusCategory(status, 'query-retrieve') === 'pending');
  expect(statuses.filter(isPending)).toEqual(pending);
  expect(isPending(undefined)).toBe(false);
});

test('a status is told in the words of its service', () => {
  expect(statusText(0xa900, 'storage')).toBe('A900 (data set does not match SOP class)');
  expect(statusText(0xa900, 'query-retrieve')).toBe('A900 (identifier does not match SOP class)');
  expect(statusText(0x0110)).toBe('0110 (processing failure)');
  expect(statusText(0x4711)).toBe('4711 (not in the standard)');
});

test('a lack of resources may pass, nothing else', () => {
  expect([0xa700, 0xa701, 0xa7ff, 0x0213].every(isRetryableStatus)).toBe(true);
  expect([0x0000, 0xa900, 0xc000, 0x0110, 0x0122].some(isRetryableStatus)).toBe(false);
});
