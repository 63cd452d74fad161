import type { InstanceCounts, Job, Task } from '@adit/client';
import type { JobState, TaskCounts } from '@adit/core';
import { type Expression, type Kysely, type SqlBool, sql } from 'kysely';
import { type Actor, jobActionsOf } from '../accounts/authorize.ts';
import type { Schema } from '../db/schema.ts';

/** A job as everybody who may see it sees it, but for the actions, which depend on who looks. */
export interface JobView extends Omit<Job, 'actions'> {
  ownerId: string;
}

/** Jobs with their tasks added up, newest first. */
export async function selectJobs(
  db: Kysely<Schema>,
  filter: {
    ids?: readonly string[];
    ownerId?: string;
    state?: JobState;
    before?: string;
    limit: number;
  },
): Promise<JobView[]> {
  const rows = await db
    .selectFrom('jobs')
    .innerJoin('users', 'users.id', 'jobs.owner_id')
    .innerJoin('nodes as sources', 'sources.id', 'jobs.source_id')
    .innerJoin('nodes as destinations', 'destinations.id', 'jobs.destination_id')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('tasks')
          .whereRef('tasks.job_id', '=', 'jobs.id')
          .select(({ fn, eb: inner }) => {
            const inState = (state: keyof TaskCounts) =>
              fn.countAll<string>().filterWhere('tasks.state', '=', state).as(state);
            return [
              fn.countAll<string>().as('total'),
              ...(['pending', 'running', 'canceled', 'success', 'warning', 'failure'] as const).map(inState),
              // Unknown as long as one source was not asked yet.
              inner
                .case()
                .when(fn.count('tasks.expected'), '=', fn.countAll())
                .then(fn.sum<string>('tasks.expected'))
                .end()
                .as('expected'),
              ...COUNTS.map((name) => fn.coalesce(fn.sum<string>(`tasks.${name}`), sql<string>`0`).as(name)),
            ];
          })
          .as('added'),
      (join) => join.onTrue(),
    )
    .select([
      'jobs.id',
      'jobs.kind',
      'jobs.state',
      'jobs.message',
      'jobs.owner_id as ownerId',
      'users.username as owner',
      'jobs.source_id as sourceId',
      'sources.name as sourceName',
      'jobs.destination_id as destinationId',
      'destinations.name as destinationName',
      'jobs.created_at as createdAt',
      'jobs.started_at as startedAt',
      'jobs.ended_at as endedAt',
      sql<Record<string, string | number | null>>`to_jsonb(added)`.as('added'),
    ])
    .where((eb) => {
      const conditions: Expression<SqlBool>[] = [];
      if (filter.ids) conditions.push(eb('jobs.id', 'in', filter.ids.length > 0 ? [...filter.ids] : ['0']));
      if (filter.ownerId !== undefined) conditions.push(eb('jobs.owner_id', '=', filter.ownerId));
      if (filter.state) conditions.push(eb('jobs.state', '=', filter.state));
      if (filter.before !== undefined) conditions.push(eb('jobs.id', '<', filter.before));
      return eb.and(conditions);
    })
    .orderBy('jobs.id', 'desc')
    .limit(filter.limit)
    .execute();

  return rows.map(({ added, sourceId, sourceName, destinationId, destinationName, ...row }) => ({
    id: row.id,
    kind: row.kind,
    state: row.state,
    message: row.message,
    ownerId: row.ownerId,
    owner: row.owner,
    source: { id: sourceId, name: sourceName },
    destination: { id: destinationId, name: destinationName },
    tasks: {
      total: Number(added.total),
      pending: Number(added.pending),
      running: Number(added.running),
      canceled: Number(added.canceled),
      success: Number(added.success),
      warning: Number(added.warning),
      failure: Number(added.failure),
    },
    counts: instanceCounts(added),
    createdAt: row.createdAt.toISOString(),
    ...(row.startedAt ? { startedAt: row.startedAt.toISOString() } : {}),
    ...(row.endedAt ? { endedAt: row.endedAt.toISOString() } : {}),
  }));
}

/** A job as one user sees it. */
export function toJob({ ownerId, ...job }: JobView, actor: Actor): Job {
  return { ...job, actions: jobActionsOf(actor, { ownerId, state: job.state }) };
}

/** Tasks in the order they were asked for. */
export async function selectTasks(
  db: Kysely<Schema>,
  filter: {
    ids?: readonly string[];
    jobId?: string;
    state?: Task['state'];
    after?: string;
    limit: number;
  },
): Promise<Task[]> {
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where((eb) => {
      const conditions: Expression<SqlBool>[] = [];
      if (filter.ids) conditions.push(eb('id', 'in', filter.ids.length > 0 ? [...filter.ids] : ['0']));
      if (filter.jobId !== undefined) conditions.push(eb('job_id', '=', filter.jobId));
      if (filter.state) conditions.push(eb('state', '=', filter.state));
      if (filter.after !== undefined) conditions.push(eb('id', '>', filter.after));
      return eb.and(conditions);
    })
    .orderBy('id')
    .limit(filter.limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    jobId: row.job_id,
    state: row.state,
    studyInstanceUid: row.study_instance_uid,
    ...(row.series_instance_uids ? { seriesInstanceUids: row.series_instance_uids } : {}),
    ...(row.pseudonym === null ? {} : { pseudonym: row.pseudonym }),
    attempts: row.attempts,
    message: row.message,
    counts: instanceCounts(row),
    reasons: row.reasons,
    ...(row.verification ? { verification: row.verification } : {}),
    ...(row.rate === null ? {} : { rate: row.rate }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at ? { startedAt: row.started_at.toISOString() } : {}),
    ...(row.ended_at ? { endedAt: row.ended_at.toISOString() } : {}),
    ...(row.retry_at ? { retryAt: row.retry_at.toISOString() } : {}),
  }));
}

const COUNTS = [
  'received',
  'stored',
  'skipped',
  'warnings',
  'failed',
  'held',
  'verified',
  'bytes',
] as const satisfies readonly (keyof InstanceCounts)[];

function instanceCounts(row: Partial<Record<keyof InstanceCounts, string | number | null>>): InstanceCounts {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, Number(row[name])])) as Omit<
    InstanceCounts,
    'expected'
  >;
  const { expected } = row;
  return expected === null || expected === undefined ? counts : { expected: Number(expected), ...counts };
}
