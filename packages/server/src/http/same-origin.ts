import type { RequestHandler } from 'express';
import { ServerError } from '../errors.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses requests that a page of another site makes with the user's cookies.
 *
 * Browsers say where a request comes from: by `Sec-Fetch-Site`, older ones by `Origin`. What says neither is no browser and
 * has no cookies to be abused. `SameSite=Lax` on the session cookie is the second line.
 */
export const sameOriginOnly: RequestHandler = (request, _response, next) => {
  if (SAFE_METHODS.has(request.method)) return next();
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const trusted =
    site !== undefined
      ? site === 'same-origin' || site === 'none'
      : origin === undefined || URL.parse(origin)?.host === request.host;
  if (trusted) return next();
  next(
    new ServerError(
      'CROSS_SITE',
      'The request came from another site and was refused: use ADIT under its own address.',
    ),
  );
};
