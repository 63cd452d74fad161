import { DicomWebError } from './dicomweb-error.ts';

/** Statuses that say "not now": timeout, conflict, too early, too many. */
const BUSY: ReadonlySet<number> = new Set([408, 409, 425, 429, 503]);

/**
 * What an HTTP status of a failed request means, in one sentence. The body is not repeated: it may hold identifiers.
 *
 * @param what was asked for, as a noun: `the study`
 */
export function statusError(status: number, name: string, what: string): DicomWebError {
  if (status === 401 || status === 403) {
    return new DicomWebError(
      'UNAUTHORIZED',
      `${name} refused access (HTTP ${status}): check the credentials of this node.`,
      { status },
    );
  }
  if (status === 404 || status === 410) {
    return new DicomWebError('NOT_FOUND', `${name} does not have ${what} (HTTP ${status}).`, { status });
  }
  if (status === 406 || status === 415) {
    return new DicomWebError(
      'NOT_ACCEPTABLE',
      `${name} cannot send ${what} in the form asked for (HTTP ${status}).`,
      { status },
    );
  }
  if (BUSY.has(status)) {
    return new DicomWebError('BUSY', `${name} is busy (HTTP ${status}): try again later.`, {
      status,
      retryable: true,
    });
  }
  // 501 and 505 say that it will never work.
  if (status >= 500 && status !== 501 && status !== 505) {
    return new DicomWebError('SERVER', `${name} failed (HTTP ${status}): try again, or look into its log.`, {
      status,
      retryable: true,
    });
  }
  return new DicomWebError('REJECTED', `${name} rejected the request for ${what} (HTTP ${status}).`, {
    status,
  });
}
