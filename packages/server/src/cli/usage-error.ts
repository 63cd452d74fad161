import { DicomError } from '@adit/core';

/** Wrong usage: ends with exit status 2. */
export class UsageError extends DicomError {
  constructor(message: string, cause?: unknown) {
    super('USAGE', message, { cause });
  }
}
