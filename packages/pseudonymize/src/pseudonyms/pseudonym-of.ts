import type { PatientIdentity } from '../keys/patient-id.ts';
import { PseudonymizeError } from '../pseudonymize-error.ts';

/**
 * Gives a patient's pseudonym: Patient ID and Patient's Name to be. The same for the same patient, whenever it is asked.
 *
 * Throws `HeldBackError` for a patient who has none: the instance is held back. Anything else it throws fails the instance.
 */
export type PseudonymOf = (patient: PatientIdentity) => string;

/** Throws `INVALID_PSEUDONYM`. The message says nothing of the text. */
export function checkPseudonym(pseudonym: string): void {
  if (!isPseudonym(pseudonym)) {
    throw new PseudonymizeError(
      'INVALID_PSEUDONYM',
      'A pseudonym has 1 to 64 characters, none of them a control character, a blank at its ends or one of \\ ^ = * ?',
    );
  }
}

/** Fits VR LO and a component of VR PN (PS3.5 §6.2), and is no wildcard in a query (PS3.4 §C.2.2.2.4). */
export function isPseudonym(text: string): boolean {
  const { length } = [...text];
  return length >= 1 && length <= 64 && !/[\p{Cc}\\^=*?]/u.test(text) && text.trim() === text;
}
