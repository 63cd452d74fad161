import { HeldBackError } from '@adit/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import type { PseudonymOf } from './pseudonym-of.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/**
 * Pseudonyms as an ADIT before this one made them in mass transfers, so that what was sent under an old salt goes on: SHA-256 of
 * salt and Patient ID as a number, its 14 lowest digits to base 36 (`A` to `Z` are 0 to 25), the lowest first.
 *
 * The issuer is no part of it, and whoever has the salt can try Patient IDs one after the other: for what is new, leave the
 * pseudonyms to the key.
 *
 * Throws `INVALID_SALT` for an empty salt.
 */
export function saltedPseudonyms(salt: string): PseudonymOf {
  if (salt === '') throw new PseudonymizeError('INVALID_SALT', 'The salt is empty; give the one of the job.');
  return ({ patientId }) => {
    if (patientId === '') throw new HeldBackError('It has no Patient ID to make a pseudonym from.');
    const digest = sha256(new TextEncoder().encode(salt + patientId));
    let number = 0n;
    for (const byte of digest) number = number * 256n + BigInt(byte);
    let pseudonym = '';
    for (let i = 0; i < 14; i++) {
      pseudonym += alphabet[Number(number % 36n)];
      number /= 36n;
    }
    return pseudonym;
  };
}
