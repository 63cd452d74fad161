import type { Logger } from 'pino';
import type { Output } from './cli/output.ts';
import { type Config, readConfig } from './config.ts';
import { type Database, openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { ServerError } from './errors.ts';
import { createLogger } from './runtime/logger.ts';

/** What has not stopped in order by then ends with the process. */
const STOP_PATIENCE_MS = 8_000;

export interface ProgramOptions {
  /** Where to say what happens. */
  readonly output: Output;
  /** Aborting stops everything in order. */
  readonly signal: AbortSignal;
  /** Holds the configuration. Default: `process.env`. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface Program {
  readonly config: Config;
  readonly logger: Logger;
  /** Takes what is to be closed at the end. */
  readonly running: AsyncDisposableStack;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * The frame of whatever runs until it is stopped: configuration, log, and an end in order.
 *
 * @param prepare comes before the log, which may be in the data directory
 * @param start starts everything; its promise may wait for an end of its own
 * @returns True when it was stopped in order.
 * @throws ServerError when it cannot be started.
 */
export async function runUntilStopped(
  { output, signal, environment = process.env }: ProgramOptions,
  prepare: (config: Config) => Promise<void>,
  start: (program: Program) => Promise<void>,
): Promise<boolean> {
  // A terminal or pipe that is gone is no reason to end in disorder.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const config = readConfig(environment);
  await prepare(config);
  const logger = await createLogger(config);

  // A terminal has just written ^C.
  signal.addEventListener('abort', () => output.say(process.stdout.isTTY ? '\nStopping' : 'Stopping'));
  // Closed in reverse order: who uses something is closed before it.
  const running = new AsyncDisposableStack();
  try {
    await start({ config, logger, running, output, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    setTimeout(() => process.exit(1), STOP_PATIENCE_MS).unref();
    await running.disposeAsync().catch((error: unknown) => logger.error({ error }, 'stopped with errors'));
  }
  output.summary({ ok: true, seconds: output.seconds() }, 'Stopped.');
  return true;
}

/** Connects to the database and brings its tables up to date. */
export async function openTables(
  connectionString: string,
  { logger, running }: Pick<Program, 'logger' | 'running'>,
): Promise<Database> {
  const database = running.use(await openDatabase({ connectionString, logger }));
  const migrations = await migrate(database.db);
  logger.info({ migrations }, 'database is ready');
  return database;
}

/** For `catch`: says in a sentence why the web server cannot listen. */
export function listenFailure({ host, port }: Pick<Config, 'host' | 'port'>) {
  return (error: NodeJS.ErrnoException & { port?: number }): never => {
    const sentence = listenSentences[error.code ?? '']?.(host, port);
    if (!/^(listen|getaddrinfo)$/.test(error.syscall ?? '') || !sentence) throw error;
    throw new ServerError('LISTEN', sentence, { cause: error });
  };
}

const listenSentences: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (_, port) =>
    `Port ${port} is in use by another program: stop that, or choose another port with ADIT_PORT.`,
  EACCES: (_, port) => `This user may not listen on port ${port}: choose one above 1023 with ADIT_PORT.`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine: choose another with ADIT_HOST.`,
  ENOTFOUND: (host) => `${host} is no address of this machine: choose another with ADIT_HOST.`,
};

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
