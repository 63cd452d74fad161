import { DicomError } from '@adit/core';

/**
 * Error of the package, for what is wrong before an instance is looked at: `INVALID_KEY`, `INVALID_PSEUDONYM`,
 * `INVALID_RECIPE`, `UNKNOWN_RECIPE`. An instance that must not leave is a `HeldBackError`.
 */
export class PseudonymizeError extends DicomError {}
