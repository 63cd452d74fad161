import { type Kysely, sql } from 'kysely';
import type { PoolClient } from 'pg';
import { LOCKS } from '../db/locks.ts';
import type { Schema } from '../db/schema.ts';

/** Notified when a receiver has come. */
export const RECEIVERS_CHANNEL = 'adit_receivers';

/** A receiver that lives. */
export interface PresentReceiver {
  /** The process it is in. */
  readonly process: string;
  readonly aeTitle: string;
  /** That nodes send to. */
  readonly port: number;
  /** Of its machine, the likeliest first. */
  readonly addresses: readonly string[];
  /** Where it hands objects over to other processes; undefined where it does not. */
  readonly handOver: { readonly host: string; readonly port: number } | undefined;
}

/** A row is of the living while the session of its receiver holds the lock on its number. */
const lives = sql<boolean>`exists (
  select from pg_locks
  where locktype = 'advisory' and granted and objsubid = 2
    and database = (select oid from pg_database where datname = current_database())
    and classid = ${LOCKS.receiver}::oid and objid::bigint = receivers.id
)`;

/** Inserts the row of a receiver and gives its number. */
export async function insertReceiver(connection: PoolClient, receiver: PresentReceiver): Promise<string> {
  const { process, aeTitle, port, addresses, handOver } = receiver;
  const { rows } = await connection.query<{ id: string }>(
    `insert into receivers (process, ae_title, port, addresses, hand_over_host, hand_over_port)
    values ($1, $2, $3, $4, $5, $6) returning id`,
    [process, aeTitle, port, addresses, handOver?.host, handOver?.port],
  );
  await connection.query(`select pg_notify('${RECEIVERS_CHANNEL}', '')`);
  return rows[0]?.id ?? '';
}

/** Removes the rows that dead receivers have left. */
export async function deleteDeadReceivers(db: Kysely<Schema>): Promise<void> {
  await db
    .deleteFrom('receivers')
    .where(({ not }) => not(lives))
    .execute();
}

/** The receivers that live and receive under this AE title, the newest first. */
export async function selectReceivers(db: Kysely<Schema>, aeTitle: string): Promise<PresentReceiver[]> {
  const rows = await db
    .selectFrom('receivers')
    .selectAll()
    .where('ae_title', '=', aeTitle)
    .where(lives)
    .orderBy('id', 'desc')
    .execute();
  return rows.map(({ process, port, addresses, hand_over_host: host, hand_over_port: handOverPort }) => ({
    process,
    aeTitle,
    port,
    addresses,
    handOver: host === null || handOverPort === null ? undefined : { host, port: handOverPort },
  }));
}

/** A Message ID that no C-MOVE of this installation under way has, unless tens of thousands were begun meanwhile. */
export async function nextMessageId(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ id: string }>`select nextval('move_message_ids') as id`.execute(db);
  return Number(rows[0]?.id);
}
