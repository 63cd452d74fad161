import { expect, test } from 'vitest';
import { deriveSubKeys } from '../keys/key.ts';
import { textByRule } from './rule-text.ts';

const key = deriveSubKeys(Uint8Array.from({ length: 32 }, (_, i) => i)).name;

test.each([
  ['DOE^JANE^Q', 'JQD'],
  ['Doe^Mary Jane^^Dr.^III', 'MJD'],
  ['Müller-Öztürk^Åsa', 'AMO'],
  ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'TY'],
  ['DOE', 'D'],
  ['^^', undefined],
])('the initials of %s are %s', (name, initials) => {
  expect(textByRule({ action: 'initials' }, name, 'PN', key)).toBe(initials);
});

test.each([
  ['045Y', 5, '045Y'],
  ['047Y', 5, '045Y'],
  ['048Y', 5, '050Y'],
  ['999Y', 50, '999Y'],
  ['011M', 5, '000Y'],
  ['030M', 5, '005Y'],
  ['45', 5, undefined],
])('the age %s in steps of %d years is %s', (age, years, rounded) => {
  expect(textByRule({ action: 'round-age', years }, age, 'AS', key)).toBe(rounded);
});

test.each([
  ['19450427', 'DA', 'year', '19450101'],
  ['19450427', 'DA', 'month', '19450401'],
  ['1945.04.27', 'DA', 'month', '19450401'],
  ['20240115101530.5+0100', 'DT', 'year', '20240101'],
  ['202401', 'DT', 'month', '20240101'],
  ['2024', 'DT', 'month', '20240101'],
  ['00000000', 'DA', 'year', undefined],
  ['1945', 'DA', 'year', undefined],
] as const)('the date %s of VR %s to the %s is %s', (date, vr, to, rounded) => {
  expect(textByRule({ action: 'round-date', to }, date, vr, key)).toBe(rounded);
});

test('a hash has as many characters as asked for, or as the VR takes', () => {
  const hash = (length: number, vr: 'LO' | 'SH' | 'IS' | 'US') =>
    textByRule({ action: 'hash', length }, 'Station 1', vr, key);
  expect(hash(51, 'LO')).toMatch(/^[2-9A-HJ-NP-Z]{51}$/);
  expect(hash(51, 'SH')).toBe(hash(51, 'LO')!.slice(0, 16));
  expect(hash(16, 'IS')).toMatch(/^[1-9]\d{8}$/);
  expect(hash(16, 'US')).toBeUndefined();
});
