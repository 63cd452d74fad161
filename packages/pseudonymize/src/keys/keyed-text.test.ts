import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveSubKeys } from './key.ts';
import { keyedText } from './keyed-text.ts';

const key = deriveSubKeys(Uint8Array.from({ length: 32 }, (_, i) => i)).name;

test('a keyed text is the HMAC of the text, five bits to a character', () => {
  const digest = createHmac('sha256', key).update('Müller').digest();
  const bits = BigInt(`0x${digest.toString('hex')}`)
    .toString(2)
    .padStart(256, '0');
  const expected = bits
    .match(/.{5}/g)!
    .map((five) => '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'[Number.parseInt(five, 2)])
    .join('');
  for (const length of [1, 16, 51]) expect(keyedText(key, 'Müller', length)).toBe(expected.slice(0, length));
});

test('in digits it is 48 bits of it, of the length asked for', () => {
  const number = createHmac('sha256', key).update('Müller').digest().readUIntBE(0, 6);
  for (const length of [1, 4, 9]) {
    const least = 10 ** (length - 1);
    expect(keyedText(key, 'Müller', length, true)).toBe(String(least + (number % (9 * least))));
  }
});

test('is the one that docs/keys.md promises', () => {
  expect(keyedText(key, 'Station 1', 16)).toBe('UBW3NT85G25NUXTR');
});
