import { hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import { deriveSubKeys, keyFingerprint, randomKey } from './key.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** 00 01 02 … 1f, as in docs/keys.md. */
const goldenKey = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('sub-keys', () => {
  test('are those that docs/keys.md promises', () => {
    const keys = deriveSubKeys(goldenKey);
    expect({ uid: hex(keys.uid), id: hex(keys.id), date: hex(keys.date), name: hex(keys.name) }).toEqual({
      uid: '7c6a6265844e718cde02aac79d3ca42f2325adb2742bebf91ed66f4631e4c15d',
      id: '38b79c88be33c9e9398362c4eb6e213ad268854cb7d022dcaab26994e3cac2e2',
      date: '07bc04993d6e71cbcce035ce654473aecc60d917153b4fa2a74d3d320adf1459',
      name: '758415916c6b9a7954bb25f9b24df4e828781b03dd69e1a2dd2e6f0b3ec7fe69',
    });
  });

  test('are what another implementation of HKDF derives', () => {
    for (const key of [goldenKey, new Uint8Array(16).fill(255), new Uint8Array(4096).fill(3)]) {
      const keys = deriveSubKeys(key);
      for (const purpose of ['uid', 'id', 'date', 'name'] as const) {
        const expected = hkdfSync('sha256', key, '', `adit pseudonymize v1 ${purpose}`, 32);
        expect(hex(keys[purpose])).toBe(hex(new Uint8Array(expected)));
      }
    }
  });

  test.each([0, 15, 4097])('a key of %d bytes is refused', (length) => {
    const error = catchError(() => deriveSubKeys(new Uint8Array(length)));
    expect(error).toBeInstanceOf(PseudonymizeError);
    expect(error).toMatchObject({ code: 'INVALID_KEY' });
  });
});

test('random keys have 32 bytes and differ', () => {
  expect(randomKey()).toHaveLength(32);
  expect(hex(randomKey())).not.toBe(hex(randomKey()));
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a fingerprint is what another implementation of HKDF derives', () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index);
  const expected = hkdfSync('sha256', key, '', 'adit pseudonymize v1 fingerprint', 16);
  expect(keyFingerprint(key)).toBe(Buffer.from(expected).toString('hex'));
  expect(keyFingerprint(key)).toBe('62c57ad2f6e5a4c75ab17268c4364f24');
  expect(keyFingerprint(key.subarray(1))).not.toBe(keyFingerprint(key));
});
