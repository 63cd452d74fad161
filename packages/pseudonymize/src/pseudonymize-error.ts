import { DicomError } from '@adit/core';

/**
 * Error of the package, for what is wrong before an instance is looked at: `INVALID_KEY`, `INVALID_PSEUDONYM`,
 * `INVALID_RECIPE`, `UNKNOWN_RECIPE`, `INVALID_SALT`, `INVALID_PSEUDONYM_TABLE`; and `UNKNOWN_PATIENT` while instances are read, where a table of
 * pseudonyms is to fail rather than hold back. An instance that must not leave is a `HeldBackError`.
 */
export class PseudonymizeError extends DicomError {}
