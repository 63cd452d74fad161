import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accountRoutes } from '../accounts/routes.ts';
import { findActor } from '../accounts/service.ts';
import { createApp } from '../http/app.ts';
import { createSessions } from '../http/session.ts';
import { findWebFolder } from '../http/web-files.ts';
import { createLiveEvents } from '../jobs/live-events.ts';
import { jobRoutes } from '../jobs/routes.ts';
import { createJobService } from '../jobs/service.ts';
import { nodeRoutes } from '../nodes/routes.ts';
import { queryRoutes } from '../query/routes.ts';
import { systemRoutes } from '../system/routes.ts';
import { readVersion } from '../version.ts';
import type { RoleContext } from './context.ts';

export interface WebRoleOptions {
  /** Folder of the built web interface. Default: that of @adit/web-components; without one the API alone is served. */
  readonly webFolder?: string;
}

export interface RunningWeb extends AsyncDisposable {
  /** Where it is, as a browser on this machine reaches it. */
  readonly url: string;
  readonly port: number;
}

/** The web server: interface, API and live events. Throws what listening throws. */
export async function startWeb(context: RoleContext, options: WebRoleOptions): Promise<RunningWeb> {
  const { config, db, pool, secrets, logger, notifications, nodes } = context;
  const webFolder = options.webFolder ?? findWebFolder();
  if (webFolder === undefined) logger.warn('the web interface is not built: only the API is served');

  const stop = new AbortController();
  await using started = new AsyncDisposableStack();
  // Searches and tests receive nothing.
  const open = { secrets, callingAeTitle: config.aeTitle };
  const liveEvents = createLiveEvents({ db, notifications, logger });
  started.defer(() => liveEvents.close());
  const sessions = createSessions({ pool, secrets, logger });
  started.defer(() => sessions.close());

  const app = createApp({
    handlers: {
      ...accountRoutes(db),
      ...nodeRoutes({ db, nodes, open, receiverPort: config.receiverPort }),
      ...queryRoutes({ nodes, open }),
      ...jobRoutes({ jobs: createJobService({ db, nodes }), liveEvents }),
      ...systemRoutes({ db, version: readVersion() }),
    },
    findActor: (userId) => findActor(db, userId),
    sessions: sessions.handler,
    webFolder,
    trustedProxies: config.trustedProxies,
    logger,
    stopped: stop.signal,
  });

  const http = createHttpServer(app);
  started.defer(() => closeHttp(http));
  // Before everything else is closed: ends the streams of events, which would never end by themselves.
  started.defer(() => stop.abort());
  http.listen(config.port, config.host);
  await once(http, 'listening');

  const { port } = http.address() as AddressInfo;
  const running = started.move();
  return { url: urlOf(config.host, port), port, [Symbol.asyncDispose]: () => running.disposeAsync() };
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
