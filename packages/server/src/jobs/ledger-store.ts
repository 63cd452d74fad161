import type { LedgerRecord } from '@adit/core';
import { type Kysely, sql } from 'kysely';
import type { LedgerTable, Schema } from '../db/schema.ts';

/** States that a later attempt has to know of. What was verified stays `stored`. */
const KEPT: ReadonlySet<string> = new Set<LedgerTable['state']>(['stored', 'warning', 'present', 'excluded']);

type KeptRecord = LedgerRecord & { state: LedgerTable['state'] };

/** Whether a later attempt has to know of a change of the ledger: what was done, and what turned out not to be. */
export function isKept(record: LedgerRecord): boolean {
  return isDone(record) || record.state === 'failed';
}

function isDone(record: LedgerRecord): record is KeptRecord {
  return KEPT.has(record.state);
}

/** What earlier attempts at a task have done. */
export async function selectLedger(db: Kysely<Schema>, taskId: string): Promise<LedgerRecord[]> {
  const rows = await db
    .selectFrom('ledger')
    .select(['sop_instance_uid as sop', 'state', 'bytes'])
    .where('task_id', '=', taskId)
    .execute();
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/**
 * Takes down what an attempt has done, and forgets what was accepted and not found afterwards. Pseudonymized UIDs
 * are left out: what is not kept links nothing.
 */
export async function saveLedger(
  db: Kysely<Schema>,
  taskId: string,
  changes: readonly LedgerRecord[],
): Promise<void> {
  const latest = [...new Map(changes.map((record) => [record.sop, record])).values()];
  const records = latest.filter(isDone);
  const undone = latest.filter((record) => !isDone(record)).map(({ sop }) => sop);
  if (undone.length > 0) {
    await db
      .deleteFrom('ledger')
      .where('task_id', '=', taskId)
      .where(sql<boolean>`sop_instance_uid = any(${undone}::text[])`)
      .execute();
  }
  if (records.length === 0) return;
  await sql`
    insert into ledger (task_id, sop_instance_uid, state, bytes)
    select ${taskId}::bigint, * from unnest(
      ${records.map(({ sop }) => sop)}::text[],
      ${records.map(({ state }) => state)}::text[],
      ${records.map(({ bytes }) => bytes ?? 0)}::bigint[]
    )
    on conflict (task_id, sop_instance_uid) do update set state = excluded.state, bytes = excluded.bytes
  `.execute(db);
}
