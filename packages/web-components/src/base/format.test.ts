import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatName, formatTime } from './format.ts';

test('groups digits and shows a missing count as a dash', () => {
  expect(formatCount(1204)).toBe('1\u202f204');
  expect(formatCount(0)).toBe('0');
  expect(formatCount(undefined)).toBe('–');
});

test('picks a unit that keeps two or three digits', () => {
  expect([0, 999, 1000, 9_949, 212_400_000, 1e9, 999_600].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '9.9 kB',
    '212 MB',
    '1.0 GB',
    '1.0 MB',
  ]);
});

test('says durations as people do', () => {
  expect([0.44, 9.96, 59.6, 125, 4230].map(formatDuration)).toEqual([
    '0.4 s',
    '10 s',
    '1 min 0 s',
    '2 min 5 s',
    '1 h 10 min',
  ]);
});

test('reads names by their components and shows every script', () => {
  expect(formatName({ alphabetic: 'Doe^John' })).toBe('Doe, John');
  expect(formatName({ alphabetic: 'Müller^Jürgen^^Dr.^MD' })).toBe('Müller, Dr. Jürgen MD');
  expect(formatName({ alphabetic: 'Yamada^Tarou', ideographic: '山田^太郎' })).toBe(
    'Yamada, Tarou · 山田, 太郎',
  );
  expect(formatName({ ideographic: '山田^太郎' })).toBe('山田, 太郎');
  expect(formatName({ alphabetic: '' })).toBe('–');
  expect(formatName(undefined)).toBe('–');
});

test('leaves out the day when it is today', () => {
  const now = new Date(2026, 10, 20, 19, 0);
  expect(formatTime(new Date(2026, 10, 20, 18, 2).toISOString(), now)).toBe('18:02');
  expect(formatTime(new Date(2026, 10, 19, 8, 5).toISOString(), now)).toBe('2026-11-19 08:05');
});
