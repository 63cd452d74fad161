import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { saltedPseudonyms } from './salted-pseudonyms.ts';

/** The lowest digits come first: dividing by 36 again and again. */
function expected(salt: string, patientId: string): string {
  let number = BigInt(
    `0x${createHash('sha256')
      .update(salt + patientId, 'utf8')
      .digest('hex')}`,
  );
  const characters: string[] = [];
  while (characters.length < 14) {
    characters.push('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'[Number(number % 36n)]!);
    number /= 36n;
  }
  return characters.join('');
}

test('old salts give the pseudonyms they always gave', () => {
  // Computed with Python: hashlib.sha256((salt + id).encode('utf8')), int.from_bytes(…, 'big'), divmod by 36, 14 times.
  expect(saltedPseudonyms('test-salt')({ issuer: '', patientId: '1001' })).toBe('IF322M4GTLHMAF');
  expect(saltedPseudonyms('4f'.repeat(32))({ issuer: '', patientId: 'Ä-7' })).toBe('I0GXRKEBZBKPXS');
});

test('a salted pseudonym is 14 digits to base 36 of SHA-256, whoever issued the Patient ID', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1 }),
      fc.string(),
      (salt, patientId, issuer) => {
        expect(saltedPseudonyms(salt)({ issuer, patientId })).toBe(expected(salt, patientId));
      },
    ),
  );
});

test('without a salt or a Patient ID there is none', () => {
  expect(() => saltedPseudonyms('')).toThrow(expect.objectContaining({ code: 'INVALID_SALT' }));
  expect(() => saltedPseudonyms('s')({ issuer: '', patientId: '' })).toThrow(/no Patient ID/);
});
