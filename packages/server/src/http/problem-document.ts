import type { Problem } from '@adit/client';
import { DicomError } from '@adit/core';
import { ServerError } from '../errors.ts';
import { InvalidRequestError } from './invalid-request-error.ts';

/** HTTP status and title of the errors that services throw, by their code. */
const STATUSES: Readonly<Record<string, readonly [status: number, title: string]>> = {
  INVALID_REQUEST: [400, 'Invalid request'],
  NOT_JSON: [400, 'Invalid request'],
  LOGIN_REQUIRED: [401, 'Login required'],
  WRONG_CREDENTIALS: [401, 'Login failed'],
  FORBIDDEN: [403, 'Not allowed'],
  CROSS_SITE: [403, 'Request from another site'],
  NOT_FOUND: [404, 'Not found'],
  METHOD_NOT_ALLOWED: [405, 'Method not allowed'],
  NAME_TAKEN: [409, 'Conflict'],
  NODE_IN_USE: [409, 'Conflict'],
  WRONG_STATE: [409, 'Conflict'],
  TOO_LARGE: [413, 'Request too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Unsupported media type'],
  TOO_MANY_ATTEMPTS: [429, 'Too many attempts'],
  SECRET_UNREADABLE: [500, 'Secret unreadable'],
  DATABASE_UNAVAILABLE: [503, 'Database unavailable'],
  SHUTTING_DOWN: [503, 'Shutting down'],
};

const UNEXPECTED: Problem = {
  status: 500,
  title: 'Unexpected error',
  detail: 'Something went wrong in ADIT itself: try again, and tell an administrator if it stays so.',
  code: 'UNEXPECTED',
  retryable: false,
};

/**
 * The problem document (RFC 9457) of an error. What is not an error of the project says nothing of itself: it may hold
 * anything, so it is for the log alone.
 */
export function problemDocument(error: unknown): Problem {
  const known = recognize(error);
  if (!known) return UNEXPECTED;
  const [status, title] =
    known instanceof ServerError
      ? (STATUSES[known.code] ?? [500, 'Server error'])
      : // Of another package: a node did not do what ADIT asked it for.
        [502, 'The node did not answer as it should'];
  return {
    status,
    title,
    detail: known.message,
    code: known.code,
    retryable: known.retryable,
    ...(known instanceof InvalidRequestError && Object.keys(known.fields).length > 0
      ? { fields: known.fields }
      : {}),
  };
}

/** The project's own error behind one of Express or PostgreSQL; undefined when it is not known. */
function recognize(error: unknown): DicomError | undefined {
  if (error instanceof DicomError) return error;
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  switch (type) {
    case 'entity.too.large':
      return new ServerError('TOO_LARGE', 'The request is larger than 1 MiB: send less at once.');
    case 'entity.parse.failed':
    case 'request.size.invalid':
    case 'request.aborted':
      return new ServerError('NOT_JSON', 'The body of the request is not JSON.');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ServerError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON in UTF-8, not compressed.');
  }
  // A path that is no URI, refused by Express.
  if (error instanceof URIError || status === 400) {
    return new ServerError('INVALID_REQUEST', 'The path of the request is not valid.');
  }
  if (isDatabaseLoss(error)) {
    return new ServerError('DATABASE_UNAVAILABLE', 'The database is not there at present: try again soon.', {
      cause: error,
      retryable: true,
    });
  }
  return undefined;
}

/**
 * Whether the connection to the database is what failed: PostgreSQL ended it (severity FATAL) or has no room (SQLSTATE 53), its
 * socket is not there or broke, or node-postgres, whose own errors have no code, lost it. Sockets of nodes do not show up
 * here, for the packages that hold them throw errors of their own.
 */
function isDatabaseLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '', severity, syscall } = error as { code?: string; severity?: string; syscall?: string };
  return (
    severity === 'FATAL' ||
    syscall === 'connect' ||
    /^((08|53)\w{3}|EPIPE|ECONNRESET|ECONNREFUSED)$/.test(code) ||
    /^(Connection terminated|timeout exceeded when trying to connect|Client (has encountered|was closed))/.test(
      error.message,
    )
  );
}
