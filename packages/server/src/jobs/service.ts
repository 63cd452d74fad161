import type { contract, Job, Task } from '@adit/client';
import { deriveJobState, type JobAction, jobActionRules } from '@adit/core';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { z } from 'zod';
import { type Actor, authorize, isAllowed, jobActionsOf } from '../accounts/authorize.ts';
import type { Schema } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import { InvalidRequestError } from '../http/invalid-request-error.ts';
import type { NodeService } from '../nodes/service.ts';
import { admitTasks, removeFromQueue } from '../queue/admission.ts';
import { publish } from './events-log.ts';
import {
  cancelPendingTasks,
  countTasks,
  insertJob,
  type LockedJob,
  lockJob,
  repeatTasks,
  selectOwner,
  updateJob,
} from './store.ts';
import { selectJobs, selectTasks, toJob } from './views.ts';

/** NOTIFY channel: a job is being canceled; the payload is its id. */
export const CANCEL_CHANNEL = 'adit_cancel';

type Query<N extends 'listJobs' | 'listTasks'> = z.output<(typeof contract)[N]['query']>;

export interface JobService {
  create(actor: Actor, job: z.output<typeof contract.createJob.body>): Promise<Job>;
  list(actor: Actor, query: Query<'listJobs'>): Promise<{ jobs: Job[]; next?: string }>;
  get(actor: Actor, id: string): Promise<Job>;
  listTasks(actor: Actor, id: string, query: Query<'listTasks'>): Promise<{ tasks: Task[]; next?: string }>;
  /** Cancels, resumes, retries or restarts a job. Throws `WRONG_STATE` when its state does not allow that. */
  act(actor: Actor, id: string, action: JobAction): Promise<Job>;
}

export function createJobService({ db, nodes }: { db: Kysely<Schema>; nodes: NodeService }): JobService {
  async function get(actor: Actor, id: string): Promise<Job> {
    const [view] = await selectJobs(db, { ids: [id], limit: 1 });
    if (!view || !isAllowed(actor, 'see job', view)) throw noSuchJob();
    return toJob(view, actor);
  }

  return {
    get,

    async create(actor, { sourceId, destinationId, studies }) {
      await nodes.getSource(sourceId);
      const destination = await nodes.get(destinationId);
      if (!destination.destination) {
        throw new InvalidRequestError(`${destination.name} is not a destination: choose another node.`, {
          destinationId: 'is not a destination',
        });
      }
      if (sourceId === destinationId) {
        throw new InvalidRequestError(
          'Source and destination are the same node: choose another destination.',
          {
            destinationId: 'must not be the source',
          },
        );
      }
      const jobId = await db.transaction().execute(async (transaction) => {
        const id = await insertJob(transaction, { ownerId: actor.userId, sourceId, destinationId, studies });
        await admitTasks(transaction, sourceId);
        await publish(transaction, { jobId: id });
        return id;
      });
      return get(actor, jobId);
    },

    async list(actor, { state, all, before, limit }) {
      if (all === 'true') authorize(actor, 'see all jobs');
      const views = await selectJobs(db, {
        ...(all === 'true' ? {} : { ownerId: actor.userId }),
        ...(state ? { state } : {}),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      const { page, next } = paginate(views, limit);
      return { jobs: page.map((view) => toJob(view, actor)), ...next };
    },

    async listTasks(actor, jobId, { state, after, limit }) {
      const ownerId = await selectOwner(db, jobId);
      if (ownerId === undefined || !isAllowed(actor, 'see job', { ownerId })) throw noSuchJob();
      const tasks = await selectTasks(db, {
        jobId,
        ...(state ? { state } : {}),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const { page, next } = paginate(tasks, limit);
      return { tasks: page, ...next };
    },

    async act(actor, id, action) {
      await db.transaction().execute(async (transaction) => {
        const job = await lockJob(transaction, id);
        if (!job || !isAllowed(actor, 'see job', job)) throw noSuchJob();
        if (jobActionRules[action].who === 'administrator') authorize(actor, 'administrate');
        else authorize(actor, 'change job', job);
        if (!jobActionsOf(actor, job).includes(action)) {
          throw new ServerError('WRONG_STATE', `The job is ${job.state} by now: ${action} is not possible.`);
        }
        if (action === 'cancel') await cancel(transaction, job);
        else await repeat(transaction, job, action);
      });
      return get(actor, id);
    },
  };
}

async function cancel(transaction: Transaction<Schema>, job: LockedJob): Promise<void> {
  const taskIds = await cancelPendingTasks(transaction, job.id);
  await removeFromQueue(transaction, taskIds);
  const derived = deriveJobState('canceling', await countTasks(transaction, job.id));
  await updateJob(transaction, job.id, derived);
  await admitTasks(transaction, job.sourceId);
  await sql`select pg_notify(${CANCEL_CHANNEL}, ${job.id})`.execute(transaction);
  await publish(transaction, { jobId: job.id, taskIds });
}

async function repeat(
  transaction: Transaction<Schema>,
  job: LockedJob,
  action: Exclude<JobAction, 'cancel'>,
): Promise<void> {
  const states = jobActionRules[action].repeats;
  const taskIds = await repeatTasks(transaction, job.id, { states, fromScratch: action === 'restart' });
  const derived = deriveJobState('pending', await countTasks(transaction, job.id));
  await updateJob(transaction, job.id, derived);
  await admitTasks(transaction, job.sourceId);
  await publish(transaction, { jobId: job.id, taskIds });
}

/** Also for jobs of others: whether they exist is nobody's business. */
function noSuchJob(): ServerError {
  return new ServerError('NOT_FOUND', 'There is no such job.');
}

/** A page of what was asked for with one row more than fits. */
function paginate<T extends { id: string }>(
  rows: T[],
  limit: number,
): { page: T[]; next: { next?: string } } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, next: rows.length > limit && last ? { next: last.id } : {} };
}
