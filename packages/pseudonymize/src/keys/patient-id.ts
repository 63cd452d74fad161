import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { base32 } from './keyed-text.ts';

/** Who a patient is: two hospitals give the same number to different people, so the issuer is part of it (PS3.3 §C.2.2). */
export interface PatientIdentity {
  /** Issuer of Patient ID (0010,0021), or the Universal Entity ID; empty where there is none. */
  issuer: string;
  /** Patient ID (0010,0020), trimmed. */
  patientId: string;
}

/** What is hashed of a patient. No value of an LO has a backslash, so that the two cannot be told apart wrongly. */
export function patientBytes({ issuer, patientId }: PatientIdentity): Uint8Array {
  return new TextEncoder().encode(`${issuer}\\${patientId}`);
}

/**
 * The Patient ID that stands for a patient: the same for the same issuer, Patient ID and key.
 *
 * @param key the sub-key for `id`
 */
export function keyedPatientId(key: Uint8Array, patient: PatientIdentity): string {
  const digest = hmac(sha256, key, patientBytes(patient));
  // 80 bits.
  return base32(digest, 16);
}
