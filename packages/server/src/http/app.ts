import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { ServerError } from '../errors.ts';
import { loginLimit } from './login-limit.ts';
import { type MountOptions, mountContract } from './mount-contract.ts';
import { problemDocument } from './problem-document.ts';
import { sameOriginOnly } from './same-origin.ts';
import { webFiles } from './web-files.ts';

export interface AppOptions extends Omit<MountOptions, 'before'> {
  sessions: RequestHandler;
  /** Folder of the built web interface; without it the API alone is served. */
  webFolder: string | undefined;
  /** Number of proxies in front whose word on address and protocol counts. */
  trustedProxies: number;
}

/** The Express application: the API of the contract under /api, the web interface everywhere else. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.set('trust proxy', options.trustedProxies);
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(securityHeaders());
  app.use(
    '/api',
    neverStored,
    sameOriginOnly,
    options.sessions,
    mountContract({ ...options, before: { login: loginLimit() } }),
    notFound,
  );
  if (options.webFolder) app.use(webFiles(options.webFolder));
  app.use(notFound);
  app.use(sendProblem(options));
  return app;
}

/** Everything the web interface needs comes from this server, so nothing else is allowed. */
function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'"],
        // The web components read the few icons they have of their own from data URIs.
        connectSrc: ["'self'", 'data:'],
        workerSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Of this host alone: others below its name are not ours to decide on. Browsers heed it over TLS only.
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
    xFrameOptions: { action: 'deny' },
  });
}

const neverStored: RequestHandler = (_request, response, next) => {
  response.set('cache-control', 'no-store');
  next();
};

const notFound: RequestHandler = () => {
  throw new ServerError('NOT_FOUND', 'There is nothing at this address.');
};

function sendProblem({ logger }: Pick<AppOptions, 'logger'>): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem = problemDocument(error);
    // The route, not the address: that may hold the name of a patient.
    const where = { method: request.method, route: `${request.baseUrl}${request.route?.path ?? ''}` };
    if (problem.status === 500) logger.error({ ...where, err: error }, 'request failed');
    else if (problem.status > 500) logger.warn({ ...where, err: error }, 'request failed');
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}
