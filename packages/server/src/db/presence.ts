import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';
import { LOCKS } from './locks.ts';

/** Wait before a lost presence is announced again, in milliseconds. */
const ANNOUNCE_WAIT = 1_000;

/**
 * The presence of a process: a row and, held by a connection of its own, an advisory lock on its number. PostgreSQL drops
 * the lock at once when the process dies, so that others see who is gone.
 */
export interface Presence extends AsyncDisposable {
  /** The number of the row; waits while the connection is away. Rejects after the end. */
  id(): Promise<string>;
}

/**
 * Announces a process. When the connection was lost it comes back under another number.
 *
 * @param options.insert inserts the row, in a transaction, and gives its number
 * @param options.onLost is called when the connection was lost: others may take the process for dead then
 */
export async function announce(options: {
  pool: Pool;
  logger: Logger;
  kind: 'worker' | 'receiver';
  insert: (connection: PoolClient) => Promise<string>;
  onLost?: (id: string) => void;
}): Promise<Presence> {
  const { pool, logger, kind, insert, onLost } = options;
  const stop = new AbortController();
  let client: PoolClient | undefined;
  let announced: Promise<string>;

  async function begin(): Promise<string> {
    const connection = await pool.connect();
    try {
      // The row is seen by others only when the lock is held.
      await connection.query('begin');
      const id = await insert(connection);
      await connection.query('select pg_advisory_lock($1, $2)', [LOCKS[kind], Number(id)]);
      await connection.query('commit');
      let lost = false;
      const lose = () => {
        if (lost || stop.signal.aborted) return;
        lost = true;
        client = undefined;
        connection.release(true);
        logger.warn({ kind, id }, 'the connection that shows our presence was lost');
        announced = beginAgain();
        announced.catch(() => {});
        onLost?.(id);
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

  async function beginAgain(): Promise<string> {
    for (;;) {
      await sleep(ANNOUNCE_WAIT, undefined, { signal: stop.signal });
      try {
        return await begin();
      } catch {
        // Not there yet; the pool's own errors are logged where it was made.
      }
    }
  }

  announced = begin();
  await announced;
  return {
    id: () => announced,
    async [Symbol.asyncDispose]() {
      stop.abort();
      const id = await announced.catch(() => undefined);
      if (id !== undefined && client) {
        // Refused while tasks of a worker have not stopped: then others find it dead and free them.
        await client.query(`delete from ${kind}s where id = $1`, [id]).catch(() => {});
      }
      client?.release(true);
    },
  };
}
