import { spawn } from 'node:child_process';
import { chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandLineOf } from '../runtime/process-identity.ts';
import {
  childrenOf,
  dataDirectory,
  kill,
  killWhenFinished,
  postgresProcesses,
  query,
  startInChild,
  supervisorOf,
  until,
} from '../testing/embedded-postgres.ts';
import { AlreadyRunningError, startEmbeddedPostgres } from './embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;

/** Leaves a PostgreSQL that nobody is there to stop, with a table in it. */
async function leaveOrphan(data: string): Promise<void> {
  const { child, connectionString } = await startInChild(data);
  await query(connectionString, 'CREATE TABLE kept AS SELECT 42 AS number');
  const supervisor = supervisorOf(data);
  for (const helper of [
    ...childrenOf(supervisor).filter((pid) => commandLineOf(pid)[0] === '/bin/sh'),
    supervisor,
  ]) {
    process.kill(helper, 'SIGKILL');
  }
  await kill(child);
  expect(await query(connectionString, 'SELECT number FROM kept')).toEqual([{ number: 42 }]);
}

describe('startEmbeddedPostgres, in the worst moments', () => {
  it('lets one of two win that start at the same time', async () => {
    const data = dataDirectory();
    const outcomes = await Promise.allSettled([
      startEmbeddedPostgres({ dataDirectory: data }),
      startEmbeddedPostgres({ dataDirectory: data }),
    ]);
    const started = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    try {
      expect(started).toHaveLength(1);
      expect(refused[0]?.reason).toBeInstanceOf(AlreadyRunningError);
      expect(await query(started[0]!.value.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      for (const { value } of started) await value.stop();
    }
  });

  it('starts at once after a SIGKILL, while the former one is still stopping', async () => {
    const data = dataDirectory();
    for (let round = 0; round < 3; round++) {
      const { child, connectionString } = await startInChild(data);
      await query(connectionString, 'CREATE TABLE IF NOT EXISTS rounds (round int)');
      await query(connectionString, `INSERT INTO rounds VALUES (${round})`);
      await kill(child);
    }
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT round FROM rounds ORDER BY 1')).toEqual([
      { round: 0 },
      { round: 1 },
      { round: 2 },
    ]);
  });

  it('stops PostgreSQL when the supervisor is killed, and says that it ended', async () => {
    const data = dataDirectory();
    const postgres = await startEmbeddedPostgres({ dataDirectory: data });
    process.kill(supervisorOf(data), 'SIGKILL');
    expect((await postgres.ended)?.message).toContain('The embedded PostgreSQL stopped');
    await until(() => postgresProcesses(data).length === 0);
    await postgres.stop();
  });

  it('says that PostgreSQL ended when that is killed', async () => {
    const data = dataDirectory();
    const postgres = await startEmbeddedPostgres({ dataDirectory: data });
    const [postmaster] = readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(postmaster), 'SIGKILL');
    expect((await postgres.ended)?.code).toBe('POSTGRES_FAILED');
    await postgres.stop();
    await using again = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(again.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('stops what it finds when everything that should have stopped it was killed as well', async () => {
    const data = dataDirectory();
    await leaveOrphan(data);
    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT number FROM kept')).toEqual([{ number: 42 }]);
  });

  it('does so as well in a process that is slow to look at what its supervisor says', async () => {
    const data = dataDirectory();
    await leaveOrphan(data);
    const { connectionString } = await startInChild(data, { busy: true });
    expect(await query(connectionString, 'SELECT number FROM kept')).toEqual([{ number: 42 }]);
  });

  it('is not kept from starting by a process that has got the number of the former postmaster', async () => {
    const data = dataDirectory();
    await (await startEmbeddedPostgres({ dataDirectory: data })).stop();
    const stale = join(data, 'postgres/cluster/postmaster.pid');
    // PostgreSQL's own check asks only whether its user could signal that process.
    const bystander = spawn('sleep', ['1000'], isRoot ? { uid: statSync(join(data, 'postgres')).uid } : {});
    killWhenFinished(bystander);
    writeFileSync(
      stale,
      `${bystander.pid}\n${join(data, 'postgres/cluster')}\n0\n5432\n\n\n  0 0\nready   \n`,
    );
    if (isRoot) chownSync(stale, statSync(join(data, 'postgres')).uid, -1);

    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(bystander.exitCode).toBeNull();
  });

  it('makes the database anew when making it was cut short', async () => {
    const data = dataDirectory();
    const controller = new AbortController();
    const reason = new Error('enough');
    const cut = startEmbeddedPostgres({
      dataDirectory: data,
      signal: controller.signal,
      onCreate: () => controller.abort(reason),
    });
    await expect(cut).rejects.toBe(reason);
    expect(postgresProcesses(data)).toEqual([]);

    await using postgres = await startEmbeddedPostgres({ dataDirectory: data });
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says in one sentence what is wrong with a damaged cluster', async () => {
    const data = dataDirectory();
    await (await startEmbeddedPostgres({ dataDirectory: data })).stop();
    rmSync(join(data, 'postgres/cluster/global/pg_control'));
    await expect(startEmbeddedPostgres({ dataDirectory: data })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      message: expect.stringMatching(
        /^The embedded PostgreSQL stopped \(.*pg_control.*\): see .*postgres\.log/,
      ),
    });

    rmSync(join(data, 'postgres/cluster/PG_VERSION'));
    await expect(startEmbeddedPostgres({ dataDirectory: data })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      message: expect.stringContaining('holds no database'),
    });
  });
});
