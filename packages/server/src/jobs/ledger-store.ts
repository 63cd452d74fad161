import type { LedgerRecord } from '@adit/core';
import { type Kysely, sql } from 'kysely';
import type { LedgerTable, Schema } from '../db/schema.ts';

/** States that a later attempt has to know of. */
const KEPT: ReadonlySet<string> = new Set<LedgerTable['state']>(['stored', 'warning', 'present', 'excluded']);

/** Whether a later attempt has to know of a change of the ledger. */
export function isKept(record: LedgerRecord): record is LedgerRecord & { state: LedgerTable['state'] } {
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

/** Takes down what an attempt has done. Pseudonymized UIDs are left out: what is not kept links nothing. */
export async function saveLedger(
  db: Kysely<Schema>,
  taskId: string,
  records: readonly (LedgerRecord & { state: LedgerTable['state'] })[],
): Promise<void> {
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
