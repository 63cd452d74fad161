import type { Pool } from 'pg';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import { dataDirectory } from '../testing/embedded-postgres.ts';
import { testPostgres } from '../testing/test-postgres.ts';
import { openDatabase } from './database.ts';

const logger = pino({ level: 'silent' });
const postgres = testPostgres();

/** Connections to the same database as the given one's, but not of its pool. */
async function otherConnections(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE application_name = 'adit' AND datname = current_database() AND pid <> pg_backend_pid()`,
  );
  return rows[0]!.count;
}

describe('openDatabase', () => {
  it('closes every connection at the end', async () => {
    await using observer = await postgres.openDatabase({ migrated: false });
    const { connectionString } = observer;
    {
      await using database = await openDatabase({ connectionString, logger });
      await Promise.all([1, 2, 3].map(() => database.pool.query('SELECT pg_sleep(0.01)')));
      expect(await otherConnections(observer.pool)).toBe(3);
    }
    await expect.poll(() => otherConnections(observer.pool)).toBe(0);
  });

  it('opens no more connections than it may', async () => {
    await using observer = await postgres.openDatabase({ migrated: false });
    const { connectionString } = observer;
    await using database = await openDatabase({ connectionString, logger, maxConnections: 2 });
    await Promise.all(Array.from({ length: 6 }, () => database.pool.query('SELECT pg_sleep(0.01)')));
    expect(await otherConnections(observer.pool)).toBe(2);
  });

  it('goes on with new connections when PostgreSQL has cut those in the pool and those in use', async () => {
    await using database = await postgres.openDatabase({ migrated: false });
    const { pool } = database;
    const busy = pool.query('SELECT pg_sleep(1000)').catch((error) => error);
    await expect.poll(() => otherConnections(pool)).toBe(1);
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    expect(await busy).toMatchObject({ code: '57P01' });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('leaves the process alive when PostgreSQL stops', async () => {
    const stopping = await startEmbeddedPostgres({ dataDirectory: dataDirectory() });
    await using database = await openDatabase({ connectionString: stopping.connectionString, logger });
    const lent = await database.pool.connect();
    await stopping.stop();
    await expect(lent.query('SELECT 1')).rejects.toThrow();
    lent.release(true);
    await expect(database.pool.query('SELECT 1')).rejects.toThrow();
  });

  it('says in one sentence that there is no database, without its password', async () => {
    const connectionString = 'postgresql://adit:hunter2@127.0.0.1:1/adit';
    await expect(openDatabase({ connectionString, logger })).rejects.toMatchObject({
      code: 'DATABASE',
      retryable: true,
      message: 'The database cannot be used: connect ECONNREFUSED 127.0.0.1:1; see DATABASE_URL.',
    });
  });
});
