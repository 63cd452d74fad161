import { type Kysely, sql, type Transaction } from 'kysely';
import { lockUntilCommit } from '../db/locks.ts';
import type { Schema } from '../db/schema.ts';

/** NOTIFY channel: something was appended to the log. */
export const EVENTS_CHANNEL = 'adit_events';

/** Rows kept: who was away for longer than these last gets everything anew. */
const KEPT = 20_000;

/** A job that changed, and those of its tasks that did. */
export interface Change {
  jobId: string;
  taskIds?: readonly string[];
}

/**
 * Appends changes to the event log and wakes who listens. Must be the last thing a transaction does: the lock it takes
 * orders the numbers of events by their commits and is held until then.
 */
export async function publish(transaction: Transaction<Schema>, ...changes: Change[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.flatMap(({ jobId, taskIds = [] }) => [
    ...taskIds.map((taskId) => ({ jobId, taskId })),
    { jobId, taskId: null },
  ]);
  await lockUntilCommit(transaction, 'events', 0);
  await sql`
    insert into events (job_id, task_id)
    select * from unnest(${rows.map((row) => row.jobId)}::bigint[], ${rows.map((row) => row.taskId)}::bigint[])
  `.execute(transaction);
  await sql`select pg_notify(${EVENTS_CHANNEL}, '')`.execute(transaction);
}

/** A row of the log. Its number orders it; task null means the job. */
export interface LoggedEvent {
  id: number;
  jobId: string;
  taskId: string | null;
}

/** The number of the newest event; 0 when there was none yet. */
export async function newestEvent(db: Kysely<Schema>): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirstOrThrow();
  return Number(row.id ?? 0);
}

/** Events after a number, oldest first. */
export async function eventsAfter(db: Kysely<Schema>, after: number, limit: number): Promise<LoggedEvent[]> {
  const rows = await db
    .selectFrom('events')
    .select(['id', 'job_id as jobId', 'task_id as taskId'])
    .where('id', '>', String(after))
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

/** Whether the log still holds every event after a number. */
export async function remembers(db: Kysely<Schema>, after: number): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select((eb) => [eb.fn.min('id').as('oldest'), eb.fn.max('id').as('newest')])
    .executeTakeFirstOrThrow();
  if (row.newest === null) return after === 0;
  // A number beyond the newest is not from this database, or from before it was restored.
  return after + 1 >= Number(row.oldest) && after <= Number(row.newest);
}

/** Drops the oldest rows. */
export async function pruneEvents(db: Kysely<Schema>, kept = KEPT): Promise<void> {
  await sql`delete from events where id <= (select max(id) from events) - ${kept}`.execute(db);
}
