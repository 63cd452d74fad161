import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveSubKeys } from './key.ts';
import { keyedPatientId } from './patient-id.ts';

const key = Uint8Array.from({ length: 32 }, (_, i) => i);

test('a Patient ID is 80 bits of the HMAC of issuer and ID, five to a character', () => {
  const digest = createHmac('sha256', key).update('Hospital A\\12345').digest();
  const bits = BigInt(`0x${digest.subarray(0, 10).toString('hex')}`)
    .toString(2)
    .padStart(80, '0');
  const expected = bits
    .match(/.{5}/g)!
    .map((five) => '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'[Number.parseInt(five, 2)])
    .join('');
  expect(keyedPatientId(key, { issuer: 'Hospital A', patientId: '12345' })).toBe(expected);
  expect(expected).toHaveLength(16);
});

test('is the one that docs/keys.md promises', () => {
  expect(keyedPatientId(deriveSubKeys(key).id, { issuer: 'Hospital A', patientId: '12345' })).toBe(
    'N6A2AKVPJSWWJHZV',
  );
});

test('the same number of another hospital is another patient', () => {
  expect(keyedPatientId(key, { issuer: 'Hospital A', patientId: '1' })).not.toBe(
    keyedPatientId(key, { issuer: 'Hospital B', patientId: '1' }),
  );
  expect(keyedPatientId(key, { issuer: 'A', patientId: '1' })).not.toBe(
    keyedPatientId(key, { issuer: '', patientId: 'A1' }),
  );
});
