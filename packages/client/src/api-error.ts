import { DicomError } from '@adit/core';
import type { Problem } from './contract/problem.ts';

/**
 * An operation of the API did not succeed. `message` is the problem's `detail`.
 *
 * `status` is the HTTP status, 0 when no answer came at all (`code` is then `UNREACHABLE`).
 */
export class ApiError extends DicomError {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem, options: { cause?: unknown } = {}) {
    super(problem.code, problem.detail, { cause: options.cause, retryable: problem.retryable });
    this.status = problem.status;
    this.problem = problem;
  }
}
