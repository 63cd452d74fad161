import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { ServerError } from '../errors.ts';

/** Failed logins that one address may make in a window. */
const LIMIT = 20;
const WINDOW_MINUTES = 15;

/** Slows down guessing of passwords: an address with too many failed logins waits. */
export function loginLimit(): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MINUTES * 60_000,
    limit: LIMIT,
    skipSuccessfulRequests: true,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // A forwarded-for header of somebody who is no trusted proxy is ignored, which needs no warning.
    validate: { xForwardedForHeader: false },
    handler: (_request, _response, next) =>
      next(
        new ServerError(
          'TOO_MANY_ATTEMPTS',
          `Too many failed logins from your address: wait ${WINDOW_MINUTES} minutes.`,
          { retryable: true },
        ),
      ),
  });
}
