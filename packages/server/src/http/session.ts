import connectPgSimple from 'connect-pg-simple';
import type { Request, RequestHandler } from 'express';
import session from 'express-session';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Secrets } from '../runtime/secrets.ts';

declare module 'express-session' {
  interface SessionData {
    userId: string;
  }
}

/** A login ends after this long without a request, in seconds. */
const IDLE_SECONDS = 12 * 60 * 60;
const COOKIE = 'adit.session';

export interface Sessions {
  handler: RequestHandler;
  close(): void;
}

/** Login sessions, kept in PostgreSQL so that several web processes share them. */
export function createSessions(options: { pool: Pool; secrets: Secrets; logger: Logger }): Sessions {
  const Store = connectPgSimple(session);
  const store = new Store({
    pool: options.pool,
    tableName: 'sessions',
    ttl: IDLE_SECONDS,
    errorLog: (...details: unknown[]) => options.logger.error({ details }, 'session store'),
  });
  const handler = session({
    name: COOKIE,
    store,
    secret: Buffer.from(options.secrets.derive('session cookies')).toString('base64'),
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: {
      httpOnly: true,
      sameSite: 'lax',
      // Over TLS, here or at a trusted proxy, the cookie never goes over plain HTTP.
      secure: 'auto',
      maxAge: IDLE_SECONDS * 1000,
      path: '/',
    },
  });
  return { handler, close: () => store.close() };
}

/** Logs a user in under a new session id, so that one planted before the login is worth nothing. */
export async function startSession(request: Request, userId: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    request.session.regenerate((error) => (error ? reject(error) : resolve())),
  );
  request.session.userId = userId;
  await new Promise<void>((resolve, reject) =>
    request.session.save((error) => (error ? reject(error) : resolve())),
  );
}

/** Logs out: the session is gone at the server, the cookie at the browser. */
export async function endSession(request: Request): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    request.session.destroy((error) => (error ? reject(error) : resolve())),
  );
  request.res?.clearCookie(COOKIE, { path: '/', httpOnly: true, sameSite: 'lax' });
}
