import { runMigrations } from 'graphile-worker';
import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { listenTo } from './db/notifications.ts';
import type { Schema } from './db/schema.ts';
import { EVENTS_CHANNEL } from './jobs/events-log.ts';
import { CANCEL_CHANNEL } from './jobs/service.ts';
import { loggableError } from './loggable-error.ts';
import { createNodeService } from './nodes/service.ts';
import { RECEIVERS_CHANNEL } from './receiver/store.ts';
import type { RoleContext } from './roles/context.ts';
import { type RunningReceiver, startReceiver } from './roles/receiver.ts';
import { type RunningWeb, startWeb, type WebRoleOptions } from './roles/web.ts';
import { startWorkerRole, type WorkerRoleOptions } from './roles/worker.ts';
import type { Secrets } from './runtime/secrets.ts';

export interface ServerOptions extends WebRoleOptions, WorkerRoleOptions {
  config: Pick<Config, 'host' | 'port' | 'aeTitle' | 'receiverHost' | 'receiverPort' | 'dataDirectory'> & {
    /** Left out where no other process shares the database: then nothing is handed over. */
    handOver?: Config['handOver'] | undefined;
  };
  /** A database whose tables are up to date. Stays open when the server closes. */
  db: Kysely<Schema>;
  /** The connections of `db`: at least ten. */
  pool: Pool;
  secrets: Secrets;
  logger: Logger;
  /** Number of reverse proxies in front whose word on address and protocol counts. Default: 0. */
  trustedProxies?: number;
}

export interface Server extends AsyncDisposable {
  /** Where it is, as a browser on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /** Stops listening, ends what is under way so that it can go on later, and resolves when that is done. */
  close(): Promise<void>;
}

/**
 * Starts the server: web interface, API, receiver and the workers that transfer studies, in this process. Others may share
 * its database.
 *
 * Throws `DATABASE_UNAVAILABLE` and whatever listening throws; without a port for the receiver it does without one.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const roles = await startRoles(options, ['receiver', 'worker', 'web'], {
    onReceiverFailed: (err, logger) =>
      logger.warn({ err }, 'nothing can be received here: nodes cannot send by C-MOVE'),
  });
  const { url, port } = roles.web!;
  const close = async () => roles[Symbol.asyncDispose]();
  return { url, port, close, [Symbol.asyncDispose]: close };
}

/** What a process may be there for. */
export type Role = 'web' | 'worker' | 'receiver';

export interface RunningRoles extends AsyncDisposable {
  readonly web: RunningWeb | undefined;
  readonly receiver: RunningReceiver | undefined;
}

/**
 * Starts these roles in this process.
 *
 * @param onReceiverFailed lets the other roles go on when the receiver cannot be started; otherwise that is thrown
 */
export async function startRoles(
  options: ServerOptions,
  roles: readonly Role[],
  { onReceiverFailed }: { onReceiverFailed?: (error: unknown, logger: Logger) => void } = {},
): Promise<RunningRoles> {
  const { config, db, pool, secrets, trustedProxies = 0 } = options;
  const logger = options.logger.child({}, { serializers: { err: loggableError } });
  await using started = new AsyncDisposableStack();
  if (roles.includes('web') || roles.includes('worker')) await runMigrations({ pgPool: pool });
  const channels = [EVENTS_CHANNEL, CANCEL_CHANNEL, RECEIVERS_CHANNEL];
  const notifications = started.use(await listenTo({ pool, logger, channels }));
  const nodes = createNodeService({ db, secrets, dataDirectory: config.dataDirectory });
  const context: RoleContext = {
    config: { ...config, trustedProxies },
    ...{ db, pool, secrets, logger, notifications, nodes },
  };

  // Closed in reverse order: who uses something is closed before it.
  let receiver: RunningReceiver | undefined;
  if (roles.includes('receiver')) {
    try {
      receiver = started.use(await startReceiver(context));
    } catch (error) {
      if (!onReceiverFailed) throw error;
      onReceiverFailed(error, logger);
    }
  }
  if (roles.includes('worker')) started.use(await startWorkerRole(context, { ...options, receiver }));
  const web = roles.includes('web') ? started.use(await startWeb(context, options)) : undefined;
  const running = started.move();
  return { web, receiver, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
