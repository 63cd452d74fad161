import { type EndedTaskState, type JobState, type TaskCounts, type TaskState, taskStates } from '@adit/core';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from '../db/schema.ts';

/** One study to transfer, as a task keeps it. */
export interface StudySelection {
  studyInstanceUid: string;
  patientId?: string | undefined;
  seriesInstanceUids?: string[] | undefined;
  pseudonym?: string | undefined;
}

export async function insertJob(
  transaction: Transaction<Schema>,
  job: { ownerId: string; sourceId: string; destinationId: string; studies: readonly StudySelection[] },
): Promise<string> {
  const { id } = await transaction
    .insertInto('jobs')
    .values({
      kind: 'selective',
      owner_id: job.ownerId,
      source_id: job.sourceId,
      destination_id: job.destinationId,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await transaction
    .insertInto('tasks')
    .values(
      job.studies.map((study) => ({
        job_id: id,
        source_id: job.sourceId,
        study_instance_uid: study.studyInstanceUid,
        patient_id: study.patientId ?? null,
        series_instance_uids: study.seriesInstanceUids ?? null,
        pseudonym: study.pseudonym ?? null,
      })),
    )
    .execute();
  return id;
}

export interface LockedJob {
  id: string;
  state: JobState;
  ownerId: string;
  sourceId: string;
}

/** Locks a job until the transaction ends: every change of it or its tasks begins here. */
export function lockJob(transaction: Transaction<Schema>, id: string): Promise<LockedJob | undefined> {
  return transaction
    .selectFrom('jobs')
    .select(['id', 'state', 'owner_id as ownerId', 'source_id as sourceId'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
}

/** Sets what changed of a job. Times are the database's. */
export async function updateJob(
  transaction: Transaction<Schema>,
  id: string,
  change: { state: JobState; message: string; started?: boolean; ended: boolean },
): Promise<void> {
  await transaction
    .updateTable('jobs')
    .set({
      state: change.state,
      message: change.message,
      ...(change.started ? { started_at: sql<Date>`coalesce(started_at, now())` } : {}),
      ended_at: change.ended ? sql<Date>`now()` : null,
    })
    .where('id', '=', id)
    .execute();
}

export async function countTasks(transaction: Transaction<Schema>, jobId: string): Promise<TaskCounts> {
  const rows = await transaction
    .selectFrom('tasks')
    .select(['state', (eb) => eb.fn.countAll<string>().as('count')])
    .where('job_id', '=', jobId)
    .groupBy('state')
    .execute();
  const counts = Object.fromEntries(taskStates.map((state) => [state, 0])) as Record<TaskState, number>;
  for (const { state, count } of rows) counts[state] = Number(count);
  return counts;
}

/** Cancels the tasks that wait, takes them out of the queue, and returns their ids. */
export async function cancelPendingTasks(transaction: Transaction<Schema>, jobId: string): Promise<string[]> {
  const canceled = await transaction
    .updateTable('tasks')
    .set({
      state: 'canceled',
      message: 'Canceled before it began.',
      admitted_at: null,
      retry_at: null,
      ended_at: sql<Date>`now()`,
    })
    .where('job_id', '=', jobId)
    .where('state', '=', 'pending')
    .returning('id')
    .execute();
  return canceled.map(({ id }) => id);
}

/** Makes ended tasks wait again, as if never tried, and returns their ids. Their ledger stays, unless told otherwise. */
export async function repeatTasks(
  transaction: Transaction<Schema>,
  jobId: string,
  options: { states: readonly EndedTaskState[]; fromScratch: boolean },
): Promise<string[]> {
  const repeated = await transaction
    .updateTable('tasks')
    .set({
      state: 'pending',
      message: '',
      attempts: 0,
      retry_at: null,
      started_at: null,
      ended_at: null,
      expected: null,
      received: 0,
      stored: 0,
      skipped: 0,
      warnings: 0,
      failed: 0,
      held: 0,
      verified: 0,
      bytes: 0,
      reasons: '[]',
      verification: null,
      rate: null,
    })
    .where('job_id', '=', jobId)
    .where('state', 'in', [...options.states])
    .returning('id')
    .execute();
  const ids = repeated.map(({ id }) => id);
  if (options.fromScratch && ids.length > 0) {
    await transaction.deleteFrom('ledger').where('task_id', 'in', ids).execute();
  }
  return ids;
}

/** Who owns a job; undefined when there is none. */
export async function selectOwner(db: Kysely<Schema>, jobId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('jobs')
    .select('owner_id as ownerId')
    .where('id', '=', jobId)
    .executeTakeFirst();
  return row?.ownerId;
}

/** Of some jobs, those that are being canceled. */
export async function selectCanceling(db: Kysely<Schema>, jobIds: readonly string[]): Promise<string[]> {
  if (jobIds.length === 0) return [];
  const rows = await db
    .selectFrom('jobs')
    .select('id')
    .where('id', 'in', [...jobIds])
    .where('state', '=', 'canceling')
    .execute();
  return rows.map(({ id }) => id);
}

/** The tasks that a worker runs. */
export function selectTasksOfWorker(
  db: Kysely<Schema>,
  workerId: string,
): Promise<{ id: string; jobId: string }[]> {
  return db.selectFrom('tasks').select(['id', 'job_id as jobId']).where('worker_id', '=', workerId).execute();
}

export async function selectJobOfTask(db: Kysely<Schema>, taskId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('tasks')
    .select('job_id as jobId')
    .where('id', '=', taskId)
    .executeTakeFirst();
  return row?.jobId;
}
