import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type PatientIdentity, patientBytes } from './patient-id.ts';

/** How many days earlier dates become where a recipe does not say. */
const defaultDateShift = { from: 62, to: 730 } as const;

/**
 * The number of days to add to every date of a patient: negative, so that no date comes to lie in the future. The same
 * for the same issuer, Patient ID, key and range.
 *
 * @param key the sub-key for `date`
 * @param range least and most number of days, both may come out
 */
export function dateOffset(
  key: Uint8Array,
  patient: PatientIdentity,
  range: { from: number; to: number } = defaultDateShift,
): number {
  const digest = hmac(sha256, key, patientBytes(patient));
  // 48 bits: with a range of at most 36,500 days, none is likelier than another by more than one in 10⁹.
  let number = 0;
  for (const byte of digest.subarray(0, 6)) number = number * 256 + byte;
  return -(range.from + (number % (range.to - range.from + 1)));
}
