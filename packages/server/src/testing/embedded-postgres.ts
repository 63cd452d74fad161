import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { commandLineOf, parentOf } from '../runtime/process-identity.ts';

/** A data directory that goes with the test. */
export function dataDirectory(name = 'data'): string {
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  onTestFinished(async () => {
    await until(() => postgresProcesses(folder).length === 0);
    rmSync(folder, { recursive: true, force: true });
  });
  // Not mkdtemp's 0700: as root, PostgreSQL's user has to pass through.
  chmodSync(folder, 0o711);
  const data = join(folder, name);
  mkdirSync(dirname(data), { recursive: true });
  mkdirSync(data, { mode: 0o700 });
  return data;
}

export async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  text: string,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}

/** Processes whose working directory lies in this folder: PostgreSQL's are in their cluster. */
export function postgresProcesses(folder: string): number[] {
  const inside = realpathSync(folder);
  return processes().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(inside);
    } catch {
      return false; // ended meanwhile
    }
  });
}

/**
 * Another process that starts PostgreSQL, says so, and lives until it is killed. With `busy` every turn of its file
 * system calls waits behind other work, as on a machine that has too much to do.
 */
export async function startInChild(data: string, { uid, busy }: { uid?: number; busy?: boolean } = {}) {
  const program = `
    import { pbkdf2 } from 'node:crypto';
    const work = () => pbkdf2('', '', 150_000, 64, 'sha512', work);
    if (${busy === true}) for (let job = 0; job < 3; job++) work();
    import { startEmbeddedPostgres } from ${JSON.stringify(import.meta.resolve('../postgres/embedded-postgres.ts'))};
    setInterval(() => {}, 1000);
    try {
      const { connectionString } = await startEmbeddedPostgres({ dataDirectory: ${JSON.stringify(data)} });
      console.log(JSON.stringify({ connectionString }));
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }`;
  const child = spawn(
    process.execPath,
    ['--conditions=@adit/source', '--input-type=module-typescript', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...(busy ? { UV_THREADPOOL_SIZE: '1' } : {}) },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  killWhenFinished(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    return { child, ...(JSON.parse(line) as { connectionString: string; code?: string; message?: string }) };
  }
  throw new Error('The child ended without a word');
}

export async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The process between ours and PostgreSQL. */
export function supervisorOf(data: string): number {
  return parentOf(Number.parseInt(readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8'), 10))!;
}

export function childrenOf(parent: number): number[] {
  return processes().filter((pid) => parentOf(pid) === parent);
}

/** Every process of a server that was started with this data directory, package managers above it and PostgreSQL included. */
export function processesOf(data: string): number[] {
  const setting = `ADIT_DATA=${data}`;
  const postgres = postgresProcesses(data);
  return processes().filter((pid) => {
    if (postgres.includes(pid) || commandLineOf(pid).some((word) => word.startsWith(data))) return true;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(setting);
    } catch {
      return false; // ended meanwhile
    }
  });
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Sees to it that a child does not outlive the test. */
export function killWhenFinished(child: ChildProcess): void {
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill(child);
  });
}
