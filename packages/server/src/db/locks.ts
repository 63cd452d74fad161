import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * First numbers of the advisory locks ADIT takes (the second is an id). One place for them, because what locks the same
 * numbers waits for each other. In a transaction they are taken in this order, after the row of the job.
 */
export const LOCKS = {
  /** Of a source: held while its waiting tasks are admitted. */
  admission: 4_711_001,
  /** Held from the numbering of events to the commit, so that their order is that of the commits. */
  events: 4_711_002,
  /** Of a worker: held by its session for as long as it lives. */
  worker: 4_711_003,
  /** Of a receiver: likewise. */
  receiver: 4_711_004,
} as const;

/** Waits for a lock that ends with the transaction. */
export async function lockUntilCommit(
  transaction: Kysely<Schema>,
  kind: 'admission' | 'events',
  id: string | number,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LOCKS[kind]}, ${Number(id)})`.execute(transaction);
}
