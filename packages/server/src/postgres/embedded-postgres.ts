import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { chown, type FileHandle, mkdtemp, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ServerError } from '../errors.ts';
import { rotateLog } from '../runtime/log-file.ts';
import type { Account } from './account.ts';
import { postgresBinaries } from './binaries.ts';
import { openClusterHome } from './cluster-home.ts';
import { giveUpOwnership, livingOwner, takeOwnership } from './owner.ts';
import { postgresSurroundings, runAs } from './run-as.ts';
import { INITDB_FAILED, LOCKED, NOT_A_CLUSTER, supervisorScript } from './supervisor-script.ts';

const DATABASE = 'adit';
const SOCKET_NAME = '.s.PGSQL.5432';
/** Room of `sun_path` in a socket's address without its closing zero, unix(7). */
const MAX_SOCKET_PATH = 107;
/** How long the end of what an earlier start left behind is waited for. */
const LEFTOVER_PATIENCE_MS = 40_000;
/** What is left behind is most likely about to stop; later it is told to, first by a fast, then by an immediate shutdown. */
const LEFTOVER_SIGNALS = [
  { afterMs: 2_000, signal: 'SIGINT' },
  { afterMs: 20_000, signal: 'SIGQUIT' },
] as const;

/** Thrown when another living process runs the embedded PostgreSQL of this data directory. */
export class AlreadyRunningError extends ServerError {
  /** For connecting to it. */
  readonly connectionString: string;
  constructor(message: string, connectionString: string) {
    super('ALREADY_RUNNING', message);
    this.connectionString = connectionString;
  }
}

export interface EmbeddedPostgresOptions {
  /** An existing folder; what belongs to PostgreSQL lies in it under `postgres` and `postgres.log`. */
  readonly dataDirectory: string;
  /** Aborting stops what was started so far; {@link startEmbeddedPostgres} then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called before an empty database is made, which takes a second or two. */
  readonly onCreate?: () => void;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** For `pg`, libpq and everything made of them: a Unix socket that this user and PostgreSQL's own may open. */
  readonly connectionString: string;
  /** Settles when PostgreSQL has ended: with an error unless {@link stop} was called. Never rejects. */
  readonly ended: Promise<ServerError | undefined>;
  /** Stops it (fast shutdown: open connections are cut); resolved when all its processes have ended. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL that comes along, its cluster in the data directory, and makes both on first use.
 *
 * It lives no longer than this process: it is stopped when the process ends in whichever way, SIGKILL included. Ctrl-C
 * does not reach it. It listens on a Unix socket only.
 *
 * @throws AlreadyRunningError when a living process has it running.
 * @throws ServerError `POSTGRES_…` when it cannot be started, `DATA_DIRECTORY` when its folder cannot be used.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDirectory, signal } = options;
  const { folder, account } = await openClusterHome(dataDirectory);
  const cluster = join(folder, 'cluster');
  const binaries = await postgresBinaries(account, dataDirectory);
  const begin = Date.now();
  const signals = [...LEFTOVER_SIGNALS];

  for (;;) {
    signal?.throwIfAborted();
    const owner = await livingOwner(dataDirectory);
    if (owner) {
      throw new AlreadyRunningError(
        `ADIT is already running with the data directory ${dataDirectory} (process ${owner.pid}): stop it first, or choose another folder with ADIT_DATA.`,
        owner.connectionString,
      );
    }
    const started = await supervise({ ...options, folder, cluster, binaries, account });
    if (started) return started;

    // Nobody owns it, yet something of it lives.
    const waited = Date.now() - begin;
    if (waited > LEFTOVER_PATIENCE_MS) {
      throw new ServerError(
        'POSTGRES_FAILED',
        `Something of an earlier start still holds ${join(folder, 'lock')}, perhaps in another container: stop it, or choose another folder with ADIT_DATA.`,
      );
    }
    if (signals[0] && waited > signals[0].afterMs) signalLeftover(cluster, signals.shift()!.signal);
    await sleep(200, undefined, { signal });
  }
}

interface SuperviseOptions extends EmbeddedPostgresOptions {
  readonly folder: string;
  readonly cluster: string;
  readonly binaries: string;
  readonly account: Account | undefined;
}

/** One attempt to start; undefined when the cluster is locked. */
async function supervise(options: SuperviseOptions): Promise<EmbeddedPostgres | undefined> {
  const { folder, cluster, binaries, account, dataDirectory, signal, onCreate } = options;
  const sockets = await socketFolder(folder, account);
  const log = await openLog(join(dataDirectory, 'postgres.log'));
  const supervisor = spawn(
    '/bin/sh',
    // By way of the environment, so that lists of processes stay readable.
    ['-c', 'eval "$SCRIPT"', 'adit-postgres', binaries, cluster, join(folder, 'lock'), sockets],
    {
      cwd: postgresSurroundings.cwd,
      env: { ...postgresSurroundings.env, SCRIPT: supervisorScript },
      ...runAs(account),
      detached: true,
      stdio: ['pipe', 'pipe', log.handle.fd],
    },
  );
  // Listened to from the first turn on: what a child said and closed before anybody listened does not come again.
  const lines = createInterface({ input: supervisor.stdout! })[Symbol.asyncIterator]();
  const exited = exitOf(supervisor);
  let stopping = false;
  const ended = exited.then(async (exit) => {
    // Should the supervisor alone have been killed, what watches its standard input stops PostgreSQL.
    supervisor.stdin!.end();
    return stopping ? undefined : failureOf(exit, cluster, log);
  });
  let owned = false;
  const letGo = () => {
    stopping = true;
    supervisor.stdin!.end();
  };
  const stop = async () => {
    // First of all, for the next owner may come as soon as the lock is free.
    if (owned) await giveUpOwnership(dataDirectory).catch(() => {});
    letGo();
    await ended;
  };

  signal?.addEventListener('abort', letGo, { once: true });
  try {
    await log.handle.close();
    const connectionString = socketAddress(sockets, DATABASE);
    for await (const line of lines) {
      if (line === 'locked') {
        await takeOwnership(dataDirectory, connectionString);
        owned = true;
      }
      if (line === 'creating') onCreate?.();
      if (line === 'starting') break;
    }
    if (!owned && (await exited).status === LOCKED) return undefined;
    await prepareDatabase(sockets, ended);
    signal?.throwIfAborted();
    return { connectionString, ended, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', letGo);
  }
}

/** Where the socket is: the folder itself, unless the path would be too long for a socket's address. */
async function socketFolder(folder: string, account: Account | undefined): Promise<string> {
  const fits = Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_SOCKET_PATH;
  if (fits && !folder.includes('"')) return folder;
  const made = await mkdtemp('/tmp/adit-');
  if (account) await chown(made, account.uid, account.gid);
  return made;
}

function socketAddress(sockets: string, database: string): string {
  // sslmode, because a PGSSLMODE of the environment would otherwise hold for the socket too.
  return `postgresql:///${database}?user=adit&host=${encodeURIComponent(sockets)}&port=5432&sslmode=disable`;
}

interface Exit {
  readonly status: number | null;
  /** Why there was nothing to exit. */
  readonly error?: Error;
}

function exitOf(child: ChildProcess): Promise<Exit> {
  child.stdin!.on('error', () => {}); // It is gone: `exit` says so.
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: null, error }));
    child.once('exit', (status) => resolve({ status }));
  });
}

interface Log {
  readonly path: string;
  readonly handle: FileHandle;
  /** Size before this start. */
  readonly start: number;
}

async function openLog(path: string): Promise<Log> {
  await rotateLog(path);
  const handle = await open(path, 'a', 0o600);
  return { path, handle, start: (await handle.stat()).size };
}

async function failureOf({ status, error }: Exit, cluster: string, log: Log): Promise<ServerError> {
  if (status === NOT_A_CLUSTER) {
    return new ServerError(
      'POSTGRES_FAILED',
      `${cluster} holds no database of PostgreSQL: restore it from a backup, or move it away to start with an empty one.`,
    );
  }
  const said = await readFile(log.path).catch(() => Buffer.alloc(0));
  const lines = said.subarray(log.start).toString('utf8').trim().split('\n');
  const fatal = lines.map((line) => /(?:FATAL|PANIC|error): +(.+)/.exec(line)?.[1]).filter((text) => text);
  const reason = error?.message ?? fatal.at(-1) ?? (lines.at(-1) || `status ${status}`);
  const what = status === INITDB_FAILED ? 'could not make its database' : 'stopped';
  return new ServerError(
    'POSTGRES_FAILED',
    `The embedded PostgreSQL ${what} (${reason}): see ${log.path}, or set DATABASE_URL to a PostgreSQL of yours.`,
    { cause: error },
  );
}

/** Waits until PostgreSQL accepts connections, however long it recovers from a crash, and makes our database in it. */
async function prepareDatabase(sockets: string, ended: Promise<ServerError | undefined>): Promise<void> {
  let end: { reason: ServerError | undefined } | undefined;
  ended.then((reason) => {
    end = { reason };
  });
  while (!end) {
    const client = new pg.Client(socketAddress(sockets, 'postgres'));
    client.on('error', () => {}); // The query in progress fails with it.
    try {
      await client.connect();
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
      if (!rowCount) await client.query(`CREATE DATABASE ${DATABASE}`);
      return;
    } catch (error) {
      if (!notReadyCodes.has((error as { code?: string }).code ?? '')) {
        await Promise.race([ended, sleep(1000)]);
        if (!end) throw error;
      }
    } finally {
      await client.end().catch(() => {});
    }
    await Promise.race([ended, sleep(20)]);
  }
  throw end.reason ?? new Error('PostgreSQL was stopped');
}

const notReadyCodes: ReadonlySet<string> = new Set([
  'ENOENT', // no socket yet
  'ECONNREFUSED', // the socket of an earlier start
  'ECONNRESET',
  '57P03', // cannot_connect_now: it is starting up
]);

/** Sends a signal to the cluster's postmaster, if it is alive in this machine's eyes. */
function signalLeftover(cluster: string, signal: NodeJS.Signals): void {
  try {
    const pid = Number.parseInt(readFileSync(join(cluster, 'postmaster.pid'), 'latin1'), 10);
    if (readlinkSync(`/proc/${pid}/cwd`) === cluster) process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
