import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runMigrations } from 'graphile-worker';
import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { accountRoutes } from './accounts/routes.ts';
import { findActor } from './accounts/service.ts';
import type { Config } from './config.ts';
import { listenTo } from './db/notifications.ts';
import type { Schema } from './db/schema.ts';
import { createApp } from './http/app.ts';
import { createSessions } from './http/session.ts';
import { findWebFolder } from './http/web-files.ts';
import { EVENTS_CHANNEL } from './jobs/events-log.ts';
import { createLiveEvents } from './jobs/live-events.ts';
import { jobRoutes } from './jobs/routes.ts';
import { CANCEL_CHANNEL, createJobService } from './jobs/service.ts';
import { loggableError } from './loggable-error.ts';
import type { OpenOptions } from './nodes/open-node.ts';
import { nodeRoutes } from './nodes/routes.ts';
import { createNodeService } from './nodes/service.ts';
import { queryRoutes } from './query/routes.ts';
import { startWorker } from './queue/worker.ts';
import { startReceiver } from './receiver/start-receiver.ts';
import type { Secrets } from './runtime/secrets.ts';
import { systemRoutes } from './system/routes.ts';
import { attemptTransfer } from './transfer/attempt-transfer.ts';

export interface ServerOptions {
  config: Pick<Config, 'host' | 'port' | 'aeTitle' | 'receiverHost' | 'receiverPort' | 'dataDirectory'>;
  /** A database whose tables are up to date. Stays open when the server closes. */
  db: Kysely<Schema>;
  /** The connections of `db`: at least ten. */
  pool: Pool;
  secrets: Secrets;
  logger: Logger;
  /** Folder of the built web interface. Default: that of @adit/web-components; without one the API alone is served. */
  webFolder?: string;
  /** Number of reverse proxies in front whose word on address and protocol counts. Default: 0. */
  trustedProxies?: number;
  /** Studies transferred at the same time by this process. Default: 4. */
  concurrency?: number;
  /** Waits before the second and the third attempt at a study, in milliseconds. Default: 10 s and 60 s. */
  retryWaits?: readonly number[];
}

export interface Server extends AsyncDisposable {
  /** Where it is, as a browser on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /** Stops listening, ends what is under way so that it can go on later, and resolves when that is done. */
  close(): Promise<void>;
}

/**
 * Starts the server: web interface, API and the workers that transfer studies, in this process.
 *
 * Throws `DATABASE_UNAVAILABLE` and whatever listening throws.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { config, db, pool, secrets } = options;
  const logger = options.logger.child({}, { serializers: { err: loggableError } });
  const webFolder = options.webFolder ?? findWebFolder();
  if (webFolder === undefined) logger.warn('the web interface is not built: only the API is served');

  const stop = new AbortController();
  await using started = new AsyncDisposableStack();
  await runMigrations({ pgPool: pool });
  const notifications = started.use(
    await listenTo({ pool, logger, channels: [EVENTS_CHANNEL, CANCEL_CHANNEL] }),
  );
  const nodes = createNodeService({ db, secrets, dataDirectory: config.dataDirectory });
  const receiver = started.use(await startReceiver({ config, nodes, logger }));
  const open: OpenOptions = { secrets, callingAeTitle: config.aeTitle, receiver };
  const liveEvents = createLiveEvents({ db, notifications, logger });
  started.defer(() => liveEvents.close());
  const sessions = createSessions({ pool, secrets, logger });
  started.defer(() => sessions.close());

  const app = createApp({
    handlers: {
      ...accountRoutes(db),
      ...nodeRoutes({ nodes, open, receiverPort: config.receiverPort }),
      ...queryRoutes({ nodes, open }),
      ...jobRoutes({ jobs: createJobService({ db, nodes }), liveEvents }),
      ...systemRoutes({ db, version: readVersion() }),
    },
    findActor: (userId) => findActor(db, userId),
    sessions: sessions.handler,
    webFolder,
    trustedProxies: options.trustedProxies ?? 0,
    logger,
    stopped: stop.signal,
  });
  started.use(
    await startWorker({
      db,
      pool,
      logger,
      notifications,
      attempt: (task, signal) => attemptTransfer({ db, nodes, open, logger }, task, signal),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      ...(options.retryWaits === undefined ? {} : { retryWaits: options.retryWaits }),
    }),
  );

  const http = createHttpServer(app);
  started.defer(() => closeHttp(http));
  // Before everything else is closed: ends the streams of events, which would never end by themselves.
  started.defer(() => stop.abort());
  http.listen(config.port, config.host);
  await once(http, 'listening');

  const { port } = http.address() as AddressInfo;
  const running = started.move();
  const close = () => running.disposeAsync();
  return { url: urlOf(config.host, port), port, close, [Symbol.asyncDispose]: close };
}

/** How long requests under way may take to end, in milliseconds. */
const CLOSE_PATIENCE = 2_000;

/** Requests under way may end; connections that wait for the next one are closed, and after a while all of them. */
async function closeHttp(http: HttpServer): Promise<void> {
  if (!http.listening) return;
  const closed = once(http, 'close');
  http.close();
  // Again and again, for a connection whose answer has just ended waits for another request.
  const idle = setInterval(() => http.closeIdleConnections(), 20);
  const impatience = setTimeout(() => http.closeAllConnections(), CLOSE_PATIENCE);
  await closed;
  clearInterval(idle);
  clearTimeout(impatience);
}

function urlOf(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}/`;
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
