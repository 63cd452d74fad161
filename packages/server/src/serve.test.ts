import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createClient } from '@adit/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataDirectory, postgresProcesses } from './testing/embedded-postgres.ts';
import { startServer } from './testing/server-process.ts';
import { testPostgres } from './testing/test-postgres.ts';

function firstLogin(data: string): { url: string; username: string; password: string } {
  return JSON.parse(readFileSync(join(data, 'first-login.json'), 'utf8'));
}

async function loggedIn(data: string) {
  const { url, ...body } = firstLogin(data);
  const client = createClient({ baseUrl: url });
  await client.login({ body });
  return client;
}

const postgres = testPostgres();

describe('adit serve', { timeout: 120_000 }, () => {
  it('does the main job on the first start, and finds everything again on the second', {
    timeout: 120_000,
  }, async () => {
    const data = dataDirectory('data of ADIT');
    const first = startServer(data);
    const { port } = await first.event('listening');
    const transfer = await first.event('transfer');
    expect(transfer).toMatchObject({ ok: true, failed: 0, held: 0 });
    expect(transfer.instances).toBeGreaterThan(0);
    expect(transfer.verified).toBe(transfer.instances);
    expect(transfer.bytes).toBeGreaterThan(1_000_000);

    expect(firstLogin(data).url).toBe(`http://127.0.0.1:${port}/`);
    expect(statSync(join(data, 'first-login.json')).mode & 0o777).toBe(0o600);
    const client = await loggedIn(data);
    const before = await client.listJobs({ query: {} });
    expect(before.jobs).toMatchObject([{ state: 'success' }]);
    first.child.kill('SIGINT');
    expect(await first.ended).toBe(0);
    expect(await first.event('summary')).toMatchObject({ ok: true });
    expect(postgresProcesses(data)).toEqual([]);

    const second = startServer(data);
    await second.event('listening');
    const again = await loggedIn(data);
    expect(await again.listJobs({ query: {} })).toEqual(before);
    expect((await again.listNodes()).map(({ name }) => name)).toEqual(['Demo A', 'Demo B']);
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    await expect(second.event('transfer')).rejects.toThrow('before it said');
    expect(first.stderr() + second.stderr()).toBe('');
  });

  it('uses the database it is given: starts no other, and adds no demo to it', async () => {
    const data = dataDirectory();
    await using database = await postgres.openDatabase({ migrated: false });
    const server = startServer(data, { DATABASE_URL: database.connectionString });
    await server.event('listening');
    expect(await (await loggedIn(data)).listNodes()).toEqual([]);
    expect(readdirSync(data).sort()).toEqual(['first-login.json', 'secret.key']);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect((await database.pool.query('SELECT username FROM users')).rows).toEqual([{ username: 'admin' }]);
  });

  it('refuses a port that is in use, and leaves nothing running', async () => {
    const data = dataDirectory();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const server = startServer(data, { ADIT_PORT: String(port), ADIT_DEMO: 'off' });
    expect(await server.event('summary')).toMatchObject({ ok: false });
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toBe(
      `Port ${port} is in use by another program: stop that, or choose another port with ADIT_PORT.\n`,
    );
    expect(postgresProcesses(data)).toEqual([]);
  });

  it('refuses to run twice with one data directory', async () => {
    const data = dataDirectory();
    const first = startServer(data, { ADIT_DEMO: 'off' });
    await first.event('listening');
    const second = startServer(data, { ADIT_DEMO: 'off' });
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toBe(
      `ADIT is already running with the data directory ${data} (process ${first.child.pid}): stop it first, or choose another folder with ADIT_DATA.\n`,
    );
    expect(await (await loggedIn(data)).listNodes()).toEqual([]);
  });

  it('says each wrong setting in a sentence', async () => {
    const data = dataDirectory();
    const server = startServer(data, { ADIT_PORT: 'eighty', ADIT_DEMO: 'maybe' });
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toBe(
      'ADIT_PORT must be a port from 0 to 65535, not "eighty". ADIT_DEMO must be one of auto, on, off, not "maybe".\n',
    );
  });

  it('says in a sentence that the data directory is not its own', async () => {
    const data = dataDirectory();
    chmodSync(data, 0o777);
    const server = startServer(data);
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toBe(
      `Everybody may write to the data directory ${data}: choose a folder of your own with ADIT_DATA.\n`,
    );
  });

  it('ends with a sentence when PostgreSQL ends under it', async () => {
    const data = dataDirectory();
    const server = startServer(data, { ADIT_DEMO: 'off' });
    await server.event('listening');
    process.kill(
      Number.parseInt(readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8'), 10),
      'SIGKILL',
    );
    expect(await server.ended).toBe(1);
    expect(server.stderr()).toContain('The embedded PostgreSQL stopped');
  });
});
