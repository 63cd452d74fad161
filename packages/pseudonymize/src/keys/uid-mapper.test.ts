import { createHmac } from 'node:crypto';
import { isValidUid } from '@adit/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveSubKeys } from './key.ts';
import { createUidMapper } from './uid-mapper.ts';

const key = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('a UID mapper', () => {
  test('gives the UID that docs/keys.md promises', () => {
    expect(createUidMapper(deriveSubKeys(key).uid).map('1.2.3.4.5')).toBe(
      '2.25.187531248344047918624114351175246055035',
    );
  });

  test('writes 128 bits of the HMAC of the UID as a UUID of version 8 (RFC 9562 §5.8)', () => {
    const { map } = createUidMapper(key);
    fc.assert(
      fc.property(fc.stringMatching(/^[12](\.[1-9]\d{0,8}){1,6}$/), (uid) => {
        const digest = createHmac('sha256', key).update(uid).digest();
        digest[6] = (digest[6]! & 0x0f) | 0x80;
        digest[8] = (digest[8]! & 0x3f) | 0x80;
        expect(map(uid)).toBe(`2.25.${BigInt(`0x${digest.subarray(0, 16).toString('hex')}`)}`);
        expect(isValidUid(map(uid))).toBe(true);
      }),
    );
  });

  test('keeps what PS3.6 Annex A registers, and nothing', () => {
    const { map } = createUidMapper(key);
    for (const uid of [
      '1.2.840.10008.5.1.4.1.1.2', // CT Image Storage
      '1.2.840.10008.1.2.1', // Explicit VR Little Endian
      '1.2.840.10008.2.16.4', // DCM, a coding scheme
      '1.2.840.10008.6.1.460', // context group 7050
      '1.2.840.10008.1.4.1.1', // Talairach Brain Atlas Frame of Reference
      '',
    ]) {
      expect(map(uid)).toBe(uid);
    }
  });

  test('maps what only looks registered', () => {
    const { map } = createUidMapper(key);
    expect(map('1.2.840.10008.5.1.4.1.1.2.99999')).toMatch(/^2\.25\./);
    expect(map('1.2.840.100080.1')).toMatch(/^2\.25\./);
  });

  test('gives other UIDs under another key, and the same ones however many were mapped in between', () => {
    const { map } = createUidMapper(key);
    const first = map('1.2.3');
    expect(createUidMapper(new Uint8Array(32)).map('1.2.3')).not.toBe(first);
    for (let i = 0; i < 30_000; i++) map(`1.2.4.${i}`);
    expect(map('1.2.3')).toBe(first);
  });
});
