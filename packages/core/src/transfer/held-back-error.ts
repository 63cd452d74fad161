import { DicomError } from '../errors.ts';

/** Thrown by a transform for an instance that must not leave: counted as held back, never stored. */
export class HeldBackError extends DicomError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('HELD_BACK', message, options);
  }
}
