import {
  type AttemptEnd,
  afterAttempt,
  deriveJobState,
  MAX_TASK_ATTEMPTS,
  type TaskState,
  type TransferCounts,
  type TransferReason,
  type Verification,
} from '@adit/core';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from '../db/schema.ts';
import { admitLater, admitTasks } from '../queue/admission.ts';
import { publish } from './events-log.ts';
import { countTasks, type LockedJob, lockJob, updateJob } from './store.ts';

/** A task as the worker that took it needs it. */
export interface ClaimedTask {
  readonly id: string;
  readonly jobId: string;
  readonly workerId: string;
  readonly sourceId: string;
  readonly destinationId: string;
  readonly studyInstanceUid: string;
  readonly patientId: string | null;
  readonly seriesInstanceUids: string[] | null;
  readonly pseudonym: string | null;
  /** 1 for the first. */
  readonly attempt: number;
  readonly owner: string;
  readonly jobCreatedAt: Date;
}

/** What became of an attempt. */
export interface AttemptResult {
  end: AttemptEnd;
  /** One sentence for people, without anything that identifies a patient. */
  message: string;
  counts?: Readonly<TransferCounts>;
  reasons?: readonly TransferReason[];
  verification?: Verification;
}

/** Waits before the second and the third attempt, in milliseconds. */
export const RETRY_WAITS: readonly number[] = [10_000, 60_000];

/** Takes a task for a worker; undefined when it was canceled meanwhile, or somebody else has it. */
export function claimTask(
  db: Kysely<Schema>,
  { taskId, jobId, workerId }: { taskId: string; jobId: string; workerId: string },
): Promise<ClaimedTask | undefined> {
  return db.transaction().execute(async (transaction) => {
    const job = await lockJob(transaction, jobId);
    if (!job) return undefined;
    const claimed = await transaction
      .updateTable('tasks')
      .from('jobs')
      .innerJoin('users', 'users.id', 'jobs.owner_id')
      .whereRef('jobs.id', '=', 'tasks.job_id')
      .set({
        state: 'running',
        worker_id: workerId,
        attempts: sql<number>`tasks.attempts + 1`,
        message: '',
        retry_at: null,
        started_at: sql<Date>`coalesce(tasks.started_at, now())`,
      })
      .where('tasks.id', '=', taskId)
      .where('tasks.state', '=', 'pending')
      .where('tasks.admitted_at', 'is not', null)
      .returning([
        'tasks.id',
        'tasks.job_id as jobId',
        'tasks.source_id as sourceId',
        'jobs.destination_id as destinationId',
        'tasks.study_instance_uid as studyInstanceUid',
        'tasks.patient_id as patientId',
        'tasks.series_instance_uids as seriesInstanceUids',
        'tasks.pseudonym',
        'tasks.attempts as attempt',
        'users.username as owner',
        'jobs.created_at as jobCreatedAt',
      ])
      .executeTakeFirst();
    if (!claimed) return undefined;
    await rederive(transaction, job);
    await publish(transaction, { jobId, taskIds: [taskId] });
    return { ...claimed, workerId };
  });
}

/** Takes down how far a running task is, as long as the worker has it. */
export function saveProgress(
  db: Kysely<Schema>,
  task: Pick<ClaimedTask, 'id' | 'jobId' | 'workerId'>,
  progress: { counts: Readonly<TransferCounts>; rate: number },
): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('tasks')
      .set({ ...countColumns(progress.counts), rate: progress.rate })
      .where('id', '=', task.id)
      .where('worker_id', '=', task.workerId)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) await publish(transaction, { jobId: task.jobId, taskIds: [task.id] });
  });
}

/**
 * Takes down what became of an attempt, and what follows from it: another attempt, the job's state, room for the next task
 * of the source. Does nothing when the worker no longer has the task.
 */
export function settleTask(
  db: Kysely<Schema>,
  task: Pick<ClaimedTask, 'id' | 'jobId' | 'workerId'>,
  result: AttemptResult,
  retryWaits: readonly number[] = RETRY_WAITS,
): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    const job = await lockJob(transaction, task.jobId);
    const current = await transaction
      .selectFrom('tasks')
      .select('attempts')
      .where('id', '=', task.id)
      .where('worker_id', '=', task.workerId)
      .forUpdate()
      .executeTakeFirst();
    if (!job || !current) return;
    const { attempts } = current;
    const state = afterAttempt(result.end, { attempts, canceling: job.state === 'canceling' });
    const again = state === 'pending';
    const retryAt = again && result.end === 'retryable' ? retryTime(attempts, retryWaits) : null;
    await transaction
      .updateTable('tasks')
      .set({
        state,
        worker_id: null,
        admitted_at: null,
        retry_at: retryAt,
        rate: null,
        // Stopping a server is no fault of the task.
        ...(result.end === 'shutdown' ? { attempts: attempts - 1 } : {}),
        message: messageOf(result, state, retryAt ? attempts + 1 : undefined),
        ended_at: again ? null : sql<Date>`now()`,
        ...(result.counts ? countColumns(result.counts) : {}),
        ...(result.reasons ? { reasons: JSON.stringify(result.reasons) } : {}),
        ...(result.verification ? { verification: result.verification } : {}),
      })
      .where('id', '=', task.id)
      .execute();
    if (state === 'success' || state === 'warning') {
      await transaction.deleteFrom('ledger').where('task_id', '=', task.id).execute();
    }
    await rederive(transaction, job);
    if (retryAt) await admitLater(transaction, job.sourceId, retryAt);
    // A server that stops leaves the rest to the others, or to its next start.
    if (result.end !== 'shutdown') await admitTasks(transaction, job.sourceId);
    await publish(transaction, { jobId: task.jobId, taskIds: [task.id] });
  });
}

/** Brings the state of a job, as it was when it was locked, in line with its tasks. */
async function rederive(transaction: Transaction<Schema>, job: LockedJob): Promise<void> {
  const derived = deriveJobState(job.state, await countTasks(transaction, job.id));
  await updateJob(transaction, job.id, { ...derived, started: derived.state === 'running' });
}

/** What is said of a task: also of one whose attempt ended otherwise while it was being canceled. */
function messageOf({ message }: AttemptResult, state: TaskState, next: number | undefined): string {
  if (state === 'canceled') return 'Canceled while it ran.';
  return next === undefined ? message : `${message} Attempt ${next} of ${MAX_TASK_ATTEMPTS} follows.`;
}

function retryTime(attempts: number, waits: readonly number[]): Date {
  const wait = waits[Math.min(attempts, waits.length) - 1] ?? 0;
  return new Date(Date.now() + wait);
}

function countColumns(counts: Readonly<TransferCounts>) {
  const { expected, received, stored, skipped, warnings, failed, held, verified, bytes } = counts;
  return { expected: expected ?? null, received, stored, skipped, warnings, failed, held, verified, bytes };
}
