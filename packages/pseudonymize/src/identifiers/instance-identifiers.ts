import { isValidUid, registeredUid } from '@adit/core';
import type { PatientIdentifiers, SearchedKind } from './patient-identifiers.ts';

/** Shorter UIDs are not looked for in texts, unless they look like one: `1.2` is a version of something. */
const minUid = 6;

/** What must not be seen of an instance in whatever is kept of it. */
export class InstanceIdentifiers {
  readonly patient: PatientIdentifiers;
  readonly #uids: ReadonlySet<string> | undefined;

  /** `uids` are those of the header; undefined where UIDs are retained and so may be seen. */
  constructor(patient: PatientIdentifiers, uids: ReadonlySet<string> | undefined) {
    this.patient = patient;
    this.#uids = uids;
  }

  /** Does the text name the patient, or an instance by its UID? */
  in(text: string, kind?: SearchedKind): boolean {
    return this.patient.in(text, kind) || this.#hasUid(text);
  }

  #hasUid(text: string): boolean {
    if (this.#uids === undefined || !text.includes('.')) return false;
    for (const [candidate] of text.matchAll(/\d+(?:\.\d+)+/g)) {
      if (candidate.length >= minUid && this.#uids.has(candidate)) return true;
      // One that the header does not use: of an instance it does not refer to, or not there yet.
      if (looksLikeUid(candidate) && registeredUid(candidate) === undefined) return true;
    }
    return false;
  }
}

/** Long enough and with enough components to be no version, address or point in time. */
function looksLikeUid(text: string): boolean {
  return text.length >= 18 && text.split('.').length >= 5 && isValidUid(text);
}
