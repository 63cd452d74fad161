import {
  accessSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dataDirectory,
  kill,
  postgresProcesses,
  query,
  startInChild,
  until,
} from '../testing/embedded-postgres.ts';
import { AlreadyRunningError, startEmbeddedPostgres } from './embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

describe('startEmbeddedPostgres', () => {
  it('makes a UTF-8 database on first use, and finds its content again', async () => {
    const data = dataDirectory();
    let created = 0;
    const onCreate = () => created++;
    {
      await using postgres = await startEmbeddedPostgres({ dataDirectory: data, onCreate });
      await query(postgres.connectionString, 'CREATE TABLE kept (name text)');
      await query(postgres.connectionString, "INSERT INTO kept VALUES ('Łukasz Ångström'), ('Zoë')");
    }
    expect(postgresProcesses(data)).toEqual([]);

    await using postgres = await startEmbeddedPostgres({ dataDirectory: data, onCreate });
    expect(created).toBe(1);
    expect(
      await query(
        postgres.connectionString,
        "SELECT upper(name) AS name FROM kept WHERE name ILIKE 'łUKASZ å%'",
      ),
    ).toEqual([{ name: 'ŁUKASZ ÅNGSTRÖM' }]);
    expect(await query(postgres.connectionString, 'SHOW server_encoding')).toEqual([
      { server_encoding: 'UTF8' },
    ]);
  });

  it('listens on a socket that is closed to other users, and on no network address', async () => {
    const data = dataDirectory();
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SHOW listen_addresses')).toEqual([
      { listen_addresses: '' },
    ]);
    expect(statSync(join(data, 'postgres')).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'postgres/.s.PGSQL.5432')).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'postgres.log')).mode & 0o777).toBe(0o600);
    // Root lets PostgreSQL's user pass, and nobody see.
    expect(statSync(data).mode & 0o777).toBe(isRoot ? 0o710 : 0o700);
  });

  it('copes with spaces, quotes and commas in the path', async () => {
    const data = dataDirectory(`PACS "data", of Ward 3's`);
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('puts the socket elsewhere when the path is too long for one, and clears it away', async () => {
    const data = dataDirectory(join('deep'.repeat(20), 'deeper'.repeat(20)));
    const postgres = await startEmbeddedPostgres({ dataDirectory: data });
    const sockets = new URL(postgres.connectionString).searchParams.get('host')!;
    try {
      expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(statSync(sockets).mode & 0o777).toBe(0o700);
    } finally {
      await postgres.stop();
    }
    expect(existsSync(sockets)).toBe(false);
  });

  it("does not take the user's own PG variables for its own", async () => {
    const data = dataDirectory();
    const before = { ...process.env };
    Object.assign(process.env, { PGDATA: '/nowhere', PGPORT: '1', PGHOST: 'nowhere', PGSSLMODE: 'require' });
    try {
      await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
      expect(await query(postgres.connectionString, 'SELECT current_user AS name')).toEqual([
        { name: 'adit' },
      ]);
    } finally {
      process.env = before;
    }
  });

  it('refuses a second start while the first one lives, and names its process', async () => {
    const data = dataDirectory();
    const { child, connectionString } = await startInChild(data);
    const refusal = await startEmbeddedPostgres({ dataDirectory: data }).catch((error) => error);
    expect(refusal).toBeInstanceOf(AlreadyRunningError);
    expect(refusal.message).toContain(
      `already running with the data directory ${data} (process ${child.pid})`,
    );
    // The one that runs is not troubled, and can be used by what was refused.
    expect(await query(refusal.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(refusal.connectionString).toBe(connectionString);
  });

  it('stops when its process is killed with SIGKILL, and keeps what was committed', async () => {
    const data = dataDirectory();
    const { child, connectionString } = await startInChild(data);
    await query(connectionString, 'CREATE TABLE kept AS SELECT 42 AS number');
    await kill(child);
    await until(() => postgresProcesses(data).length === 0);

    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT number FROM kept')).toEqual([{ number: 42 }]);
  });

  it('logs neither statements nor values of rows', async () => {
    const data = dataDirectory();
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    await query(postgres.connectionString, 'CREATE TABLE patients (name text PRIMARY KEY)');
    const insert = "INSERT INTO patients VALUES ('Doe^Jane')";
    await query(postgres.connectionString, insert);
    await expect(query(postgres.connectionString, insert)).rejects.toThrow('duplicate key');
    const log = readFileSync(join(data, 'postgres.log'), 'utf8');
    expect(log).toContain('duplicate key');
    expect(log).not.toContain('Doe');
  });

  it('as root runs PostgreSQL as another user', async ({ skip }) => {
    skip(!isRoot, 'only root can run PostgreSQL as another user');
    const data = dataDirectory();
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(postgres.connectionString).toContain('adit');
    const [process] = postgresProcesses(data);
    expect(statSync(`/proc/${process}`).uid).not.toBe(0);
  });

  it("as root keeps the cluster elsewhere when PostgreSQL's user cannot reach the data directory", async ({
    skip,
  }) => {
    skip(!isRoot, 'only root can run PostgreSQL as another user');
    const data = dataDirectory();
    const home = join(data, '..');
    chmodSync(home, 0o700);
    const postgres = await startEmbeddedPostgres({ dataDirectory: data });
    const place = realpathSync(join(data, 'postgres'));
    try {
      await query(postgres.connectionString, 'CREATE TABLE kept AS SELECT 42 AS number');
      expect(place).toMatch(/^\/var\/lib\/adit\/postgres-/);
      expect(lstatSync(join(data, 'postgres')).isSymbolicLink()).toBe(true);
      expect(statSync(home).mode & 0o777).toBe(0o700);
      await postgres.stop();
      await using again = await startEmbeddedPostgres({ dataDirectory: data });
      expect(await query(again.connectionString, 'SELECT number FROM kept')).toEqual([{ number: 42 }]);
    } finally {
      await postgres.stop();
      rmSync(place, { recursive: true });
    }
    await expect(startEmbeddedPostgres({ dataDirectory: data })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY',
      message: expect.stringContaining('is gone'),
    });
  });

  it('runs for a user without privileges as that user', async ({ skip }) => {
    skip(!isRoot, 'only root can run PostgreSQL as another user');
    const data = dataDirectory();
    chownSync(data, NOBODY, NOBODY);
    skip(!readableByAll(import.meta.filename), 'the checkout lies in a folder that only root may enter');
    const { child, connectionString, message } = await startInChild(data, { uid: NOBODY });
    expect(message).toBeUndefined();
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(statSync(join(data, 'postgres')).uid).toBe(NOBODY);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    await kill(child);
    await until(() => postgresProcesses(data).length === 0);

    // Started by root later, it still belongs to that user.
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(statSync(join(data, 'postgres')).uid).toBe(NOBODY);
  });
});

function readableByAll(file: string): boolean {
  accessSync(file);
  return realpathSync(file)
    .split('/')
    .every(
      (_, index, parts) =>
        statSync(parts.slice(0, index + 1).join('/') || '/').mode & 0o001 || index === parts.length - 1,
    );
}
