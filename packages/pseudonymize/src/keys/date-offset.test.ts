import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateOffset } from './date-offset.ts';
import { deriveSubKeys } from './key.ts';

const key = deriveSubKeys(Uint8Array.from({ length: 32 }, (_, i) => i)).date;

test('a date offset is 48 bits of the HMAC of issuer and Patient ID, within the range', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[^\\]{0,20}$/),
      fc.string({ maxLength: 20 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.nat(3000),
      (issuer, patientId, from, more) => {
        const range = { from, to: from + more };
        const offset = dateOffset(key, { issuer, patientId }, range);
        const digest = createHmac('sha256', key).update(`${issuer}\\${patientId}`).digest();
        expect(offset).toBe(-(from + (digest.readUIntBE(0, 6) % (more + 1))));
        expect(-offset).toBeGreaterThanOrEqual(range.from);
        expect(-offset).toBeLessThanOrEqual(range.to);
      },
    ),
  );
});

test('is the one that docs/keys.md promises', () => {
  expect(dateOffset(key, { issuer: 'Hospital A', patientId: '12345' })).toBe(-168);
});

test('is another for the same number of another hospital', () => {
  expect(dateOffset(key, { issuer: 'A', patientId: '1' })).not.toBe(
    dateOffset(key, { issuer: 'B', patientId: '1' }),
  );
});
