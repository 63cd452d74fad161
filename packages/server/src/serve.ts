import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { checkCredentials, ensureFirstUser } from './accounts/service.ts';
import { formatBytes, type Output } from './cli/output.ts';
import { type Config, readConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import type { Schema } from './db/schema.ts';
import { ServerError } from './errors.ts';
import { createNodeService } from './nodes/service.ts';
import { clusterHomePath } from './postgres/cluster-home.ts';
import { startEmbeddedPostgres } from './postgres/embedded-postgres.ts';
import { openDataDirectory } from './runtime/data-directory.ts';
import { provideDemoNodes } from './runtime/demo-nodes.ts';
import {
  type FirstLogin,
  firstLoginPath,
  prepareFirstLogin,
  readFirstLogin,
  writeFirstLogin,
} from './runtime/first-login.ts';
import { transferFirstStudy } from './runtime/first-transfer.ts';
import { launchersEnded } from './runtime/launchers.ts';
import { createLogger } from './runtime/logger.ts';
import { openSecrets } from './runtime/secrets.ts';
import { createServer } from './server.ts';

/** What has not stopped in order by then ends with the process. */
const STOP_PATIENCE_MS = 8_000;

export interface ServeOptions {
  /** Where to say what happens. */
  readonly output: Output;
  /** Aborting stops everything in order. */
  readonly signal: AbortSignal;
  /** Shows the main job once: transfers a study between the demo nodes when there was no job yet. Default: false. */
  readonly demo?: boolean;
  /** Holds the configuration. Default: `process.env`. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Runs the whole product in this process until the signal is aborted: PostgreSQL unless `DATABASE_URL` names one, tables,
 * demo nodes, web server and workers. Started by `pnpm start`, it stops with what started it as well.
 *
 * @returns True when it was stopped in order.
 * @throws ServerError when it cannot be started, or PostgreSQL ends under it.
 */
export async function serve({
  output,
  signal: asked,
  demo = false,
  environment = process.env,
}: ServeOptions): Promise<boolean> {
  const signal = AbortSignal.any([asked, launchersEnded()]);
  // A terminal or pipe that is gone is no reason to end in disorder.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const config = readConfig(environment);
  await openDataDirectory(config.dataDirectory);
  const logger = await createLogger(config);

  // A terminal has just written ^C.
  signal.addEventListener('abort', () => output.say(process.stdout.isTTY ? '\nStopping' : 'Stopping'));
  // Closed in reverse order: who uses something is closed before it.
  const running = new AsyncDisposableStack();
  try {
    await run({ config, logger, running, output, signal, demo });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    setTimeout(() => process.exit(1), STOP_PATIENCE_MS).unref();
    await running.disposeAsync().catch((error: unknown) => logger.error({ error }, 'stopped with errors'));
  }
  output.summary({ ok: true, seconds: output.seconds() }, 'Stopped.');
  return true;
}

interface RunOptions extends Required<Omit<ServeOptions, 'environment'>> {
  readonly config: Config;
  readonly logger: Logger;
  /** Takes what is to be closed at the end. */
  readonly running: AsyncDisposableStack;
}

/** Starts everything and waits until the signal is aborted. */
async function run(options: RunOptions): Promise<void> {
  const { config, running, output, signal } = options;
  if (config.databaseUrl !== undefined) return runWith(config.databaseUrl, options);
  const postgres = running.use(
    await startEmbeddedPostgres({
      dataDirectory: config.dataDirectory,
      signal,
      onCreate: () => output.say('Making the database'),
    }),
  );
  // When PostgreSQL ends, that is the reason to tell, not what came of it elsewhere.
  await Promise.race([postgres.ended.then(throwIfGiven), runWith(postgres.connectionString, options)]);
}

async function runWith(connectionString: string, options: RunOptions): Promise<void> {
  const { config, logger, running, output, signal, demo } = options;
  const { dataDirectory } = config;
  const secrets = await openSecrets(config);
  const { db, pool } = running.use(await openDatabase({ connectionString, logger }));
  const migrations = await migrate(db);
  logger.info({ migrations }, 'database is ready');
  await ensureFirstUser(db, () => prepareFirstLogin(dataDirectory));
  signal.throwIfAborted();

  const nodes = createNodeService({ db, secrets, dataDirectory });
  const onFill = () => output.say('Generating studies for two demo servers');
  const demoNodes = await provideDemoNodes({ config, nodes, signal, onFill });
  if (demoNodes) running.use(demoNodes);

  const server = running.use(
    await createServer({ config, db, pool, secrets, logger, trustedProxies: config.trustedProxies }).catch(
      listenFailure(config),
    ),
  );
  const login = await validFirstLogin(config, db, server.url);
  logger.info({ port: server.port }, 'server is listening');
  output.event({ event: 'listening', port: server.port });

  if (demo && demoNodes && login) {
    const [source, destination] = demoNodes.nodes;
    await showFirstTransfer({ login, source: source!.name, destination: destination!.name, output, signal });
  }
  await welcome({ ...options, url: server.url, login });
  await aborted(signal);
}

function listenFailure({ host, port }: Config) {
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

/** The first login with the server's present address, if its password still holds. */
async function validFirstLogin(
  { dataDirectory }: Config,
  db: Kysely<Schema>,
  url: string,
): Promise<FirstLogin | undefined> {
  const kept = await readFirstLogin(dataDirectory);
  if (!kept) return undefined;
  const login = { ...kept, url };
  if (kept.url !== url) await writeFirstLogin(dataDirectory, login);
  try {
    await checkCredentials(db, login);
    return login;
  } catch {
    return undefined; // It was changed.
  }
}

interface ShowOptions {
  readonly login: FirstLogin;
  readonly source: string;
  readonly destination: string;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function showFirstTransfer({ login, source, destination, output, signal }: ShowOptions): Promise<void> {
  const begin = performance.now();
  const transfer = await transferFirstStudy({
    login,
    source,
    destination,
    signal,
    onStart: ({ study, pseudonym }) =>
      output.say(
        `Transferring a study of ${study.instances} instances from ${source} to ${destination} as ${pseudonym}`,
      ),
    onProgress: ({ counts: { expected, ...counts } }) => {
      const seconds = (performance.now() - begin) / 1000;
      output.progress(expected === undefined ? counts : { ...counts, expected }, seconds);
    },
  });
  if (!transfer) return;
  const { ok, message, counts, seconds } = transfer;
  const { stored, verified, bytes, failed, held } = counts;
  const rate = formatBytes(bytes / Math.max(seconds, 0.001));
  output.event(
    { event: 'transfer', ok, instances: stored, verified, failed, held, bytes, seconds },
    `  ${stored} instances, ${formatBytes(bytes)} in ${seconds.toFixed(1)} s (${rate}/s), ${verified} verified at ${destination}`,
  );
  if (!ok) output.remark(`  The transfer is not complete: ${message}`);
}

interface WelcomeOptions extends Pick<RunOptions, 'output' | 'config' | 'demo'> {
  readonly url: string;
  readonly login: FirstLogin | undefined;
}

async function welcome({ output, config, demo, url, login }: WelcomeOptions): Promise<void> {
  const { dataDirectory, databaseUrl } = config;
  const loginFile = fromHere(firstLoginPath(dataDirectory));
  output.say(`\nADIT is ready: ${url}`);
  if (login && demo) {
    output.say(`  user      ${login.username}`);
    output.say(`  password  ${login.password}   (also in ${loginFile})`);
  } else if (login) {
    // Not the password: what a server says may end up in logs.
    output.say(`User name and password are in ${loginFile}.`);
  }
  const cluster = databaseUrl === undefined ? await realpath(clusterHomePath(dataDirectory)) : undefined;
  const elsewhere = cluster !== undefined && !cluster.startsWith(await realpath(dataDirectory));
  output.say(`Data is kept in ${fromHere(dataDirectory)}${elsewhere ? `, the database in ${cluster}` : ''}.`);
  output.say('Ctrl-C stops ADIT; the next start finds everything again.');
}

/** The shorter form of a path. */
function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') || short === '' ? path : short;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function throwIfGiven(error: Error | undefined): void {
  if (error) throw error;
}
