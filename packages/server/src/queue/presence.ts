import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';
import { LOCKS } from '../db/locks.ts';
import type { Schema } from '../db/schema.ts';

/** Wait before a lost presence is announced again, in milliseconds. */
const ANNOUNCE_WAIT = 1_000;

/**
 * The presence of a worker: a row and, held by a connection of its own, an advisory lock on its number. PostgreSQL drops
 * the lock at once when the process dies, so that others see who is gone.
 */
export interface Presence extends AsyncDisposable {
  /** The number of the worker; waits while the connection is away. Rejects after the end. */
  id(): Promise<string>;
}

/**
 * Announces a worker. `onLost` is called when the connection was lost: others may have taken the worker's tasks then, and
 * it comes back as another one.
 */
export async function announceWorker(options: {
  pool: Pool;
  logger: Logger;
  onLost: (workerId: string) => void;
}): Promise<Presence> {
  const { pool, logger, onLost } = options;
  const stop = new AbortController();
  let client: PoolClient | undefined;
  let announced: Promise<string>;

  async function announce(): Promise<string> {
    const connection = await pool.connect();
    try {
      // The row is seen by others only when the lock is held.
      await connection.query('begin');
      const { rows } = await connection.query<{ id: string }>(
        'insert into workers default values returning id',
      );
      const id = rows[0]?.id ?? '';
      await connection.query('select pg_advisory_lock($1, $2)', [LOCKS.worker, Number(id)]);
      await connection.query('commit');
      let lost = false;
      const lose = () => {
        if (lost || stop.signal.aborted) return;
        lost = true;
        client = undefined;
        connection.release(true);
        logger.warn({ workerId: id }, 'the connection of the worker was lost');
        announced = announceAgain();
        announced.catch(() => {});
        onLost(id);
      };
      connection.on('error', lose);
      connection.on('end', lose);
      client = connection;
      return id;
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  async function announceAgain(): Promise<string> {
    for (;;) {
      await sleep(ANNOUNCE_WAIT, undefined, { signal: stop.signal });
      try {
        return await announce();
      } catch {
        // Not there yet; the pool's own errors are logged where it was made.
      }
    }
  }

  announced = announce();
  await announced;
  return {
    id: () => announced,
    async [Symbol.asyncDispose]() {
      stop.abort();
      const id = await announced.catch(() => undefined);
      if (id !== undefined && client) {
        // Refused while tasks of the worker have not stopped: then others find it dead and free them.
        await client.query('delete from workers where id = $1', [id]).catch(() => {});
      }
      client?.release(true);
    },
  };
}

/**
 * Looks for workers that are gone without a word and calls `bury` for each, whose row is removed afterwards. While one is
 * being buried nobody else does it. Says how many there were.
 */
export async function buryDeadWorkers(
  db: Kysely<Schema>,
  bury: (workerId: string) => Promise<void>,
): Promise<number> {
  const workers = await db.selectFrom('workers').select('id').execute();
  let buried = 0;
  await db.connection().execute(async (connection) => {
    for (const { id } of workers) {
      const { rows } = await sql<{ dead: boolean }>`
        select pg_try_advisory_lock(${LOCKS.worker}, ${Number(id)}) as dead
      `.execute(connection);
      if (!rows[0]?.dead) continue;
      try {
        await bury(id);
        await connection.deleteFrom('workers').where('id', '=', id).execute();
        buried += 1;
      } finally {
        await sql`select pg_advisory_unlock(${LOCKS.worker}, ${Number(id)})`.execute(connection);
      }
    }
  });
  return buried;
}
