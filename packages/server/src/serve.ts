import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import { checkCredentials, ensureFirstUser } from './accounts/service.ts';
import { formatBytes, type Output } from './cli/output.ts';
import { createNodeService } from './nodes/service.ts';
import { clusterHomePath } from './postgres/cluster-home.ts';
import { startEmbeddedPostgres } from './postgres/embedded-postgres.ts';
import {
  aborted,
  listenFailure,
  openTables,
  type Program,
  type ProgramOptions,
  runUntilStopped,
} from './run-until-stopped.ts';
import { openDataDirectory } from './runtime/data-directory.ts';
import { provideDemoNodes } from './runtime/demo-nodes.ts';
import {
  currentFirstLogin,
  type FirstLogin,
  firstLoginPath,
  prepareFirstLogin,
} from './runtime/first-login.ts';
import { transferFirstStudy } from './runtime/first-transfer.ts';
import { launchersEnded } from './runtime/launchers.ts';
import { openSecrets } from './runtime/secrets.ts';
import { createServer } from './server.ts';
import { checkSecretKey } from './system/secret-key-check.ts';

export interface ServeOptions extends ProgramOptions {
  /** Shows the main job once: transfers a study between the demo nodes when there was no job yet. Default: false. */
  readonly demo?: boolean;
}

/**
 * Runs the whole product in this process until the signal is aborted: PostgreSQL unless `DATABASE_URL` names one, tables,
 * demo nodes, web server, receiver and workers. Started by `pnpm start`, it stops with what started it as well.
 *
 * @returns True when it was stopped in order.
 * @throws ServerError when it cannot be started, or PostgreSQL ends under it.
 */
export function serve({ demo = false, ...options }: ServeOptions): Promise<boolean> {
  return runUntilStopped(
    { ...options, signal: AbortSignal.any([options.signal, launchersEnded()]) },
    ({ dataDirectory }) => openDataDirectory(dataDirectory),
    (program) => run({ ...program, demo }),
  );
}

interface RunOptions extends Program {
  readonly demo: boolean;
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
  const { dataDirectory, trustedProxies } = config;
  // Nobody else has the database that comes along.
  const shared = config.databaseUrl !== undefined;
  const secrets = await openSecrets(config);
  const { db, pool } = await openTables(connectionString, options);
  if (shared) await checkSecretKey(db, secrets);
  await ensureFirstUser(db, () => prepareFirstLogin(dataDirectory));
  signal.throwIfAborted();

  const nodes = createNodeService({ db, secrets, dataDirectory });
  const onFill = () => output.say('Generating studies for two demo servers');
  const demoNodes = await provideDemoNodes({ config, nodes, signal, onFill });
  if (demoNodes) running.use(demoNodes);

  const server = running.use(
    await createServer({
      config: shared ? config : { ...config, handOver: undefined },
      ...{ db, pool, secrets, logger, trustedProxies },
    }).catch(listenFailure(config)),
  );
  const login = await currentFirstLogin(dataDirectory, server.url, (kept) => checkCredentials(db, kept));
  logger.info({ port: server.port }, 'server is listening');
  output.event({ event: 'listening', port: server.port });

  if (demo && demoNodes && login) {
    const [source, destination] = demoNodes.nodes;
    await showFirstTransfer({ login, source: source!.name, destination: destination!.name, output, signal });
  }
  await welcome({ ...options, url: server.url, login });
  await aborted(signal);
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

function throwIfGiven(error: Error | undefined): void {
  if (error) throw error;
}
