import { jobActions, jobStates, taskStates } from '@adit/core';
import * as z from 'zod';
import { operation } from './operation.ts';
import { id, pseudonym, searchText, timestamp, uid } from './values.ts';

export const jobState = z.enum(jobStates);
export const taskState = z.enum(taskStates);

const studySelection = z.strictObject({
  studyInstanceUid: uid,
  patientId: searchText.optional().describe('For sources that know the Patient Root model only'),
  seriesInstanceUids: z.array(uid).min(1).max(2000).optional().describe('Only these series'),
  pseudonym: pseudonym
    .optional()
    .describe('Becomes PatientID and PatientName; without it the study goes unchanged'),
});

export const newJob = z
  .strictObject({
    kind: z.literal('selective'),
    sourceId: id,
    destinationId: id,
    studies: z.array(studySelection).min(1).max(1000),
  })
  .meta({ id: 'NewJob' });

export type NewJob = z.input<typeof newJob>;

/** Instances by what became of them. They add up to `expected` when a task is done. */
export const instanceCounts = z
  .object({
    expected: z.int().optional().describe('Known once the source was asked'),
    received: z.int(),
    stored: z.int(),
    skipped: z.int().describe('Were at the destination before, or are left out by rule'),
    warnings: z.int().describe('Of the stored ones: with a remark of the destination'),
    failed: z.int(),
    held: z.int().describe('Held back: could not be pseudonymized safely'),
    verified: z.int().describe('Found again at the destination'),
    bytes: z.int().describe('Data-set bytes the destination accepted'),
  })
  .meta({ id: 'InstanceCounts' });

export type InstanceCounts = z.infer<typeof instanceCounts>;

/** A reason, and how many instances it struck. */
export const reason = z
  .object({
    outcome: z.enum(['failed', 'held', 'warning', 'skipped']),
    message: z.string(),
    count: z.int(),
  })
  .meta({ id: 'Reason' });

export const task = z
  .object({
    id,
    jobId: id,
    state: taskState,
    studyInstanceUid: uid,
    seriesInstanceUids: z.array(uid).optional(),
    pseudonym: z.string().optional(),
    attempts: z.int(),
    message: z.string().describe('What became of it, in one sentence'),
    counts: instanceCounts,
    reasons: z.array(reason),
    verification: z.enum(['image', 'count', 'commitment', 'reread', 'none']).optional(),
    rate: z.number().optional().describe('Bytes a second at present'),
    createdAt: timestamp,
    startedAt: timestamp.optional(),
    endedAt: timestamp.optional(),
    retryAt: timestamp.optional().describe('When a failed attempt is repeated'),
  })
  .meta({ id: 'Task' });

export const job = z
  .object({
    id,
    kind: z.literal('selective'),
    state: jobState,
    message: z.string(),
    owner: z.string(),
    source: z.object({ id, name: z.string() }),
    destination: z.object({ id, name: z.string() }),
    tasks: z.object({
      total: z.int(),
      pending: z.int(),
      running: z.int(),
      canceled: z.int(),
      success: z.int(),
      warning: z.int(),
      failure: z.int(),
    }),
    counts: instanceCounts,
    actions: z.array(z.enum(jobActions)).describe('What this user may do with it in this state'),
    createdAt: timestamp,
    startedAt: timestamp.optional(),
    endedAt: timestamp.optional(),
  })
  .meta({ id: 'Job' });

export type Task = z.infer<typeof task>;
export type Job = z.infer<typeof job>;
export type Reason = z.infer<typeof reason>;

/** What server-sent events carry; the event's id resumes the stream (`Last-Event-ID`). */
export const liveEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('job'), job }),
    z.object({ type: z.literal('task'), task }),
  ])
  .meta({ id: 'LiveEvent' });

export type LiveEvent = z.infer<typeof liveEvent>;

const params = z.strictObject({ jobId: id });

export const jobs = {
  createJob: operation({
    method: 'POST',
    path: '/jobs',
    summary: 'Start a transfer of chosen studies',
    tag: 'jobs',
    access: 'user',
    body: newJob,
    status: 201,
    response: job,
  }),
  listJobs: operation({
    method: 'GET',
    path: '/jobs',
    summary: 'Jobs of the user, newest first; administrators may ask for all',
    tag: 'jobs',
    access: 'user',
    query: z.strictObject({
      state: jobState.optional(),
      all: z.enum(['true', 'false']).optional(),
      before: id.optional().describe('Only jobs older than this one'),
      limit: z.coerce.number<number>().int().min(1).max(200).default(50),
    }),
    status: 200,
    response: z.object({ jobs: z.array(job), next: id.optional().describe('`before` of the next page') }),
  }),
  getJob: operation({
    method: 'GET',
    path: '/jobs/{jobId}',
    summary: 'One job',
    tag: 'jobs',
    access: 'user',
    params,
    status: 200,
    response: job,
  }),
  listTasks: operation({
    method: 'GET',
    path: '/jobs/{jobId}/tasks',
    summary: 'Tasks of a job, one for each study, in the order they were asked for',
    tag: 'jobs',
    access: 'user',
    params,
    query: z.strictObject({
      state: taskState.optional(),
      after: id.optional().describe('Only tasks after this one'),
      limit: z.coerce.number<number>().int().min(1).max(1000).default(200),
    }),
    status: 200,
    response: z.object({ tasks: z.array(task), next: id.optional().describe('`after` of the next page') }),
  }),
  cancelJob: operation({
    method: 'POST',
    path: '/jobs/{jobId}/cancel',
    summary: 'Stop a job: waiting tasks at once, running ones within half a second',
    tag: 'jobs',
    access: 'user',
    params,
    status: 200,
    response: job,
  }),
  resumeJob: operation({
    method: 'POST',
    path: '/jobs/{jobId}/resume',
    summary: 'Go on with the canceled tasks of a canceled job',
    tag: 'jobs',
    access: 'user',
    params,
    status: 200,
    response: job,
  }),
  retryJob: operation({
    method: 'POST',
    path: '/jobs/{jobId}/retry',
    summary: 'Do the failed tasks again',
    tag: 'jobs',
    access: 'user',
    params,
    status: 200,
    response: job,
  }),
  restartJob: operation({
    method: 'POST',
    path: '/jobs/{jobId}/restart',
    summary: 'Do all tasks of an ended job again',
    tag: 'jobs',
    access: 'admin',
    params,
    status: 200,
    response: job,
  }),
  events: operation({
    method: 'GET',
    path: '/events',
    summary: 'Changes of jobs and tasks as they happen',
    tag: 'jobs',
    access: 'user',
    query: z.strictObject({
      jobId: id.optional().describe('Only of this job, its tasks included; without it: jobs only'),
      all: z.enum(['true', 'false']).optional().describe('Of every user; for administrators'),
    }),
    status: 200,
    response: liveEvent,
    form: 'events',
  }),
};
