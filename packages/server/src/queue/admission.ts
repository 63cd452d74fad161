import { type Kysely, sql, type Transaction } from 'kysely';
import { lockUntilCommit } from '../db/locks.ts';
import type { Schema } from '../db/schema.ts';

/** Names of what the queue does. */
export const QUEUE_TASKS = { transfer: 'adit-transfer', admit: 'adit-admit' } as const;

export interface TransferPayload {
  taskId: string;
}

export interface AdmitPayload {
  sourceId: string;
}

/** The queue may run a task as often as it likes: how often one is tried is counted in our own table. */
const QUEUE_ATTEMPTS = 1_000;

/**
 * Hands waiting tasks of a source to the queue, oldest first, as many as the source takes at the same time. Under a lock of
 * the source, so that the limit holds across machines. Run whenever tasks begin to wait or end.
 */
export async function admitTasks(transaction: Transaction<Schema>, sourceId: string): Promise<void> {
  await lockUntilCommit(transaction, 'admission', sourceId);
  const { limit, underWay } = await transaction
    .selectFrom('nodes')
    .select([
      sql<number>`coalesce((settings ->> 'maxTasks')::int, 1)`.as('limit'),
      (eb) =>
        eb
          .selectFrom('tasks')
          .whereRef('tasks.source_id', '=', 'nodes.id')
          .where('tasks.admitted_at', 'is not', null)
          .select((inner) => inner.fn.countAll<string>().as('count'))
          .as('underWay'),
    ])
    .where('nodes.id', '=', sourceId)
    .executeTakeFirstOrThrow();
  const free = limit - Number(underWay);
  if (free <= 0) return;
  await sql`
    with admitted as (
      update tasks set admitted_at = now()
      where id in (
        select id from tasks
        where source_id = ${sourceId} and state = 'pending' and admitted_at is null
          and (retry_at is null or retry_at <= now())
        order by id
        limit ${free}
        for update skip locked
      )
      returning id
    )
    select ${enqueue} from admitted
  `.execute(transaction);
}

/** Puts the task of a row's `id` into the queue, in place of what is in it for that task. */
const enqueue = sql`graphile_worker.add_job(
  ${QUEUE_TASKS.transfer},
  json_build_object('taskId', id::text),
  job_key := ${QUEUE_TASKS.transfer} || ':' || id,
  max_attempts := ${QUEUE_ATTEMPTS}::int
)`;

/**
 * Queues admitted tasks once more that nobody has begun for so many seconds: a worker that died may have had them in its
 * hands. One that is queued already, or that a living worker is about to begin, is not done twice for that.
 */
export async function queueAgain(
  db: Kysely<Schema>,
  { notBegunFor }: { notBegunFor: number },
): Promise<void> {
  await sql`
    select ${enqueue} from tasks
    where state = 'pending' and admitted_at <= now() - make_interval(secs => ${notBegunFor})
  `.execute(db);
}

/** Has the tasks of a source admitted again at a later time. */
export async function admitLater(
  transaction: Transaction<Schema>,
  sourceId: string,
  at: Date,
): Promise<void> {
  await sql`
    select graphile_worker.add_job(
      ${QUEUE_TASKS.admit}, ${JSON.stringify({ sourceId } satisfies AdmitPayload)}::json, run_at := ${at}
    )
  `.execute(transaction);
}

/** Takes tasks out of the queue that wait in it. One that a worker has taken already finds out by itself. */
export async function removeFromQueue(
  transaction: Transaction<Schema>,
  taskIds: readonly string[],
): Promise<void> {
  if (taskIds.length === 0) return;
  await sql`
    select graphile_worker.remove_job(${QUEUE_TASKS.transfer} || ':' || id)
    from unnest(${[...taskIds]}::bigint[]) as id
  `.execute(transaction);
}

/** Sources with tasks that could be admitted, as far as time goes: a net under everything that forgets to admit. */
export async function sourcesWithWaitingTasks(db: Kysely<Schema>): Promise<string[]> {
  const rows = await db
    .selectFrom('nodes')
    .select('id')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('tasks')
          .select('tasks.id')
          .whereRef('tasks.source_id', '=', 'nodes.id')
          .where('tasks.state', '=', 'pending')
          .where('tasks.admitted_at', 'is', null)
          .where((eb) =>
            eb.or([eb('tasks.retry_at', 'is', null), eb('tasks.retry_at', '<=', sql<Date>`now()`)]),
          ),
      ),
    )
    .execute();
  return rows.map(({ id }) => id);
}
