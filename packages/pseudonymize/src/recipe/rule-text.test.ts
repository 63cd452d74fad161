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

test('a hash has as many characters as asked for, or as the VR takes', () => {
  const hash = (length: number, vr: 'LO' | 'SH' | 'IS' | 'US') =>
    textByRule({ action: 'hash', length }, 'Station 1', vr, key);
  expect(hash(51, 'LO')).toMatch(/^[2-9A-HJ-NP-Z]{51}$/);
  expect(hash(51, 'SH')).toBe(hash(51, 'LO')!.slice(0, 16));
  expect(hash(16, 'IS')).toMatch(/^[1-9]\d{8}$/);
  expect(hash(16, 'US')).toBeUndefined();
});
