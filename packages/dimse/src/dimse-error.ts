import { DicomError, type DicomErrorOptions } from '@adit/core';

/**
 * What kinds of trouble a DIMSE operation ends with.
 *
 * - `UNREACHABLE` no TCP connection: refused, no route, unknown host name
 * - `TIMEOUT` the peer was silent for too long
 * - `REJECTED` the peer rejected the association (PS3.8 Table 9-21)
 * - `ABORTED` the peer aborted the association
 * - `CONNECTION_LOST` the connection ended without a release
 * - `PROTOCOL` the peer broke a rule of PS3.7 or PS3.8
 * - `NO_CONTEXT` the peer did not accept a presentation context that the operation needs
 * - `NOT_OFFERED` the peer aborted the association because of what it was asked for
 * - `STATUS` the peer answered with a failure status, kept in `status`
 * - `NOTHING_SENT` a retrieval ended well although it sent no object
 * - `CLOSED` used after its own end
 * - `LISTEN` the server could not listen
 * - `INVALID_NODE` a node description that cannot be meant
 */
export type DimseErrorCode =
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'REJECTED'
  | 'ABORTED'
  | 'CONNECTION_LOST'
  | 'PROTOCOL'
  | 'NO_CONTEXT'
  | 'NOT_OFFERED'
  | 'STATUS'
  | 'NOTHING_SENT'
  | 'CLOSED'
  | 'LISTEN'
  | 'INVALID_NODE';

export interface DimseErrorOptions extends DicomErrorOptions {
  /** Status of the answer (PS3.7 §C). In an SCP's handler: the status to answer with. */
  status?: number;
  /** Error Comment (0000,0902) of the answer. */
  comment?: string | undefined;
}

/**
 * What every function of this package throws.
 *
 * @example
 * try {
 *   await echo({ ...node, aeTitle: 'WRONG' });
 * } catch (error) {
 *   if (!(error instanceof DimseError)) throw error;
 *   console.log(error.code, error.retryable, error.message); // REJECTED false …
 * }
 */
export class DimseError extends DicomError {
  declare readonly code: DimseErrorCode;
  readonly status?: number;
  readonly #comment: string | undefined;

  constructor(code: DimseErrorCode, message: string, options: DimseErrorOptions = {}) {
    super(code, message, options);
    if (options.status !== undefined) this.status = options.status;
    this.#comment = options.comment;
  }

  /**
   * What the peer remarked on a failure, in its own words. They may name a patient: not for logs, and so not part of the
   * message nor of what is printed of this error.
   */
  get comment(): string | undefined {
    return this.#comment;
  }
}
