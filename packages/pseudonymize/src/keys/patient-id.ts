import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * The Patient ID that stands for a patient: the same for the same issuer, Patient ID and key. Two hospitals give the same
 * number to different people, so the issuer is part of who somebody is (PS3.3 §C.2.2).
 *
 * @param key the sub-key for `id`
 * @param issuer Issuer of Patient ID (0010,0021), or the Universal Entity ID; empty where there is none
 * @param patientId Patient ID (0010,0020), trimmed
 */
export function keyedPatientId(key: Uint8Array, issuer: string, patientId: string): string {
  // No value of an LO has a backslash, so that the two cannot be told apart wrongly.
  const digest = hmac(sha256, key, new TextEncoder().encode(`${issuer}\\${patientId}`));
  // 80 bits in 16 letters and digits without 0, 1, I and O, which people take for each other.
  const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
  let text = '';
  for (let bit = 0; bit < 80; bit += 5) {
    const pair = (digest[bit >>> 3]! << 8) | digest[(bit >>> 3) + 1]!;
    text += alphabet[(pair >>> (11 - (bit & 7))) & 31];
  }
  return text;
}
