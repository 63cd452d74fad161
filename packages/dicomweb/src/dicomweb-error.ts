import { DicomError, type DicomErrorOptions } from '@adit/core';

/**
 * What went wrong with a DICOMweb service:
 *
 * - `INVALID_URL`, `INVALID_HEADERS`, `INVALID_QUERY`, `CLOSED`: the caller's mistake, found before anything was sent;
 *   `CLOSED` also for what was under way when the client was disposed of.
 * - `CONNECT`, `TLS`, `TIMEOUT`, `NETWORK`: no connection, no trust, no answer in time, cut while answering.
 * - `UNAUTHORIZED`, `NOT_FOUND`, `NOT_ACCEPTABLE`, `REJECTED`, `BUSY`, `SERVER`: what an HTTP status says.
 * - `UNEXPECTED_ANSWER`, `MALFORMED`, `TRUNCATED`, `LIMIT`: an answer that is something else, against its format, ends
 *   too early or exceeds a bound.
 * - `NOT_OFFERED`: there is no WADO-RS at the address, whatever is asked for.
 */
export type DicomWebErrorCode =
  | 'INVALID_URL'
  | 'INVALID_HEADERS'
  | 'INVALID_QUERY'
  | 'CLOSED'
  | 'CONNECT'
  | 'TLS'
  | 'TIMEOUT'
  | 'NETWORK'
  | 'UNAUTHORIZED'
  | 'NOT_FOUND'
  | 'NOT_ACCEPTABLE'
  | 'REJECTED'
  | 'BUSY'
  | 'SERVER'
  | 'UNEXPECTED_ANSWER'
  | 'MALFORMED'
  | 'TRUNCATED'
  | 'LIMIT'
  | 'NOT_OFFERED';

export interface DicomWebErrorOptions extends DicomErrorOptions {
  /** HTTP status of the answer, where there was one. */
  status?: number;
}

/** Error of a DICOMweb service or of talking to it. Its message names the service, never a credential. */
export class DicomWebError extends DicomError {
  declare readonly code: DicomWebErrorCode;
  /** HTTP status of the answer, where there was one. */
  readonly status: number | undefined;

  constructor(code: DicomWebErrorCode, message: string, options: DicomWebErrorOptions = {}) {
    super(code, message, options);
    this.status = options.status;
  }
}
