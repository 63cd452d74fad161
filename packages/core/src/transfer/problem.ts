import { DicomError } from '../errors.ts';

/** Why a transfer ended before everything was tried. */
export interface TransferProblem {
  code: string;
  message: string;
  retryable: boolean;
  /** The error behind it, for logs. */
  cause: unknown;
}

/** What ended a transfer, whose caller may have wanted that. */
export function problemOf(error: unknown, signal: AbortSignal | undefined): TransferProblem {
  if (signal?.aborted) {
    return { code: 'CANCELED', message: 'The transfer was canceled.', retryable: true, cause: error };
  }
  return {
    code: error instanceof DicomError ? error.code : 'UNEXPECTED',
    message: sentence(error),
    retryable: isRetryable(error),
    cause: error,
  };
}

export function isRetryable(error: unknown): boolean {
  return error instanceof DicomError && error.retryable;
}

/** The message for people; an error that is not ours is not shown as it is, for it may hold anything. */
export function sentence(error: unknown): string {
  return error instanceof DicomError
    ? error.message
    : 'Something unexpected went wrong; the log of ADIT says more.';
}
