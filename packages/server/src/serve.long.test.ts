import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@adit/client';
import { describe, expect, it } from 'vitest';
import { commandLineOf, parentOf } from './runtime/process-identity.ts';
import { dataDirectory, processesOf, supervisorOf } from './testing/embedded-postgres.ts';
import { type ServerProcess, serverEnvironment, startServer, watchServer } from './testing/server-process.ts';

const root = new URL('../../..', import.meta.url).pathname;
const startCommand = ['-y', 'pnpm@12.21.0', 'start', '--json'];

/** `npx pnpm start`, as a user types it. */
function pnpmStart(data: string): ServerProcess {
  return watchServer(
    spawn('npx', startCommand, {
      cwd: root,
      env: serverEnvironment(data),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

function serverOf(data: string): number {
  return JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')).pid;
}

/** Nothing of a start is left, ten seconds after it was ended at the latest. */
async function allEnded(data: string): Promise<void> {
  for (let tries = 0; tries < 100 && processesOf(data).length > 0; tries++) await sleep(100);
  expect(processesOf(data).map((pid) => commandLineOf(pid).join(' '))).toEqual([]);
}

/** The data directory works, and holds the one job of the first start. */
async function nothingLost(data: string): Promise<void> {
  const server = startServer(data);
  await server.event('listening');
  const { url, ...body } = JSON.parse(readFileSync(join(data, 'first-login.json'), 'utf8'));
  const client = createClient({ baseUrl: url });
  await client.login({ body });
  let { jobs } = await client.listJobs({ query: {} });
  // What was cut short goes on, and what had not begun begins once the server listens.
  const isOver = () => jobs.length > 0 && jobs.every(({ endedAt }) => endedAt !== undefined);
  for (let tries = 0; tries < 200 && !isOver(); tries++) {
    await sleep(100);
    ({ jobs } = await client.listJobs({ query: {} }));
  }
  expect(jobs).toMatchObject([{ state: 'success' }]);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
}

describe('pnpm start', () => {
  /** From the server up to npx. */
  function chain(data: string): number[] {
    const pids = processesOf(data);
    const found = [serverOf(data)];
    for (let pid = parentOf(found[0]!); pid !== undefined && pids.includes(pid); pid = parentOf(pid))
      found.push(pid);
    return found;
  }

  it.each([
    ['the server', (data: string) => chain(data)[0]!],
    ['the start script', (data: string) => chain(data)[1]!],
    ["pnpm's shell", (data: string) => chain(data)[2]!],
    ['pnpm', (data: string) => chain(data)[3]!],
    ["npx's shell", (data: string) => chain(data)[4]!],
    ['npx', (data: string) => chain(data)[5]!],
    ["PostgreSQL's supervisor", supervisorOf],
    [
      'PostgreSQL',
      (data: string) =>
        Number.parseInt(readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8'), 10),
    ],
  ])('leaves nothing running and loses nothing when %s is killed', async (_name, victim) => {
    const data = dataDirectory();
    const start = pnpmStart(data);
    await start.event('transfer');
    process.kill(victim(data), 'SIGKILL');
    await allEnded(data);
    expect(await start.ended).not.toBe(0);
    await nothingLost(data);
  });

  it('stops in order by Ctrl-C in a terminal', async () => {
    const data = dataDirectory();
    const terminal = spawn('script', ['-qec', `exec npx ${startCommand.join(' ')}`, '/dev/null'], {
      cwd: root,
      env: serverEnvironment(data),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const start = watchServer(terminal);
    await start.event('transfer');
    terminal.stdin.write('\x03');
    expect(await start.event('summary')).toMatchObject({ ok: true });
    expect([0, 130]).toContain(await start.ended);
    await allEnded(data);
    await nothingLost(data);
  });

  it('stops in order when its terminal is closed', async () => {
    const data = dataDirectory();
    const terminal = spawn('script', ['-qec', `exec npx ${startCommand.join(' ')}`, '/dev/null'], {
      cwd: root,
      env: serverEnvironment(data),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const start = watchServer(terminal);
    await start.event('transfer');
    terminal.kill('SIGKILL');
    await allEnded(data);
    await nothingLost(data);
  });

  it('stops in order by SIGTERM', async () => {
    const data = dataDirectory();
    const start = pnpmStart(data);
    await start.event('transfer');
    start.child.kill('SIGTERM');
    await start.ended;
    await allEnded(data);
    await nothingLost(data);
  });
});

describe('adit serve', () => {
  it('starts after having been killed at any moment of the start before', async () => {
    const data = dataDirectory();
    for (const wait of [300, 600, 900, 1200, 1500, 1800, 2500, 3500, 5000]) {
      const server = startServer(data);
      await sleep(wait);
      server.child.kill('SIGKILL');
      await server.ended;
    }
    const server = startServer(data);
    await server.event('listening');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    await nothingLost(data);
  });
});
