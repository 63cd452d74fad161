import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { LOCKS } from '../db/locks.ts';
import type { Schema } from '../db/schema.ts';

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
