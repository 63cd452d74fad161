/** Options every error of the project takes. */
export interface DicomErrorOptions {
  /** The error that led to this one. */
  cause?: unknown;
  /** True when the same call may succeed later without anybody changing anything. Default: false. */
  retryable?: boolean;
}

/**
 * Base of every error the packages throw. Each package has one subclass of its own.
 *
 * `message` is one sentence for people: what happened, at which node, what to do. It never holds an
 * identifier of a patient. `code` is stable and meant for programs.
 */
export class DicomError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: DicomErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
