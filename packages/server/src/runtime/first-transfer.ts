import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, createClient, type Job, type Study } from '@adit/client';
import type { FirstLogin } from './first-login.ts';

const PSEUDONYM = 'DEMO-0001';
const POLL_MS = 100;

export interface FirstTransferOptions {
  /** Address and login of the administrator. */
  readonly login: FirstLogin;
  /** Names of the nodes to transfer from and to. */
  readonly source: string;
  readonly destination: string;
  readonly signal: AbortSignal;
  /** Called when the transfer is about to start. */
  readonly onStart?: (transfer: { study: Study; pseudonym: string }) => void;
  /** Called while it runs. */
  readonly onProgress?: (job: Job) => void;
}

export interface FirstTransfer {
  readonly ok: boolean;
  /** What became of it, in one sentence of the server. */
  readonly message: string;
  readonly counts: Job['counts'];
  /** From start to end of the task. */
  readonly seconds: number;
}

/**
 * Transfers one study with a pseudonym, the way a user does: by the REST API, in the name of the first administrator.
 *
 * @returns Undefined when there was a job before, the login is no longer valid, or there is nothing to transfer.
 */
export async function transferFirstStudy(options: FirstTransferOptions): Promise<FirstTransfer | undefined> {
  const { login, signal, onStart, onProgress } = options;
  const client = createClient({ baseUrl: login.url });
  if (!(await logIn(client, login, signal))) return undefined;
  try {
    const { jobs } = await client.listJobs({ query: { all: 'true', limit: 1 }, signal });
    const nodes = await client.listNodes({ signal });
    const source = nodes.find(({ name }) => name === options.source);
    const destination = nodes.find(({ name }) => name === options.destination);
    if (jobs.length > 0 || !source || !destination) return undefined;
    const study = await largestStudy(client, source.id, signal);
    if (!study) return undefined;

    onStart?.({ study, pseudonym: PSEUDONYM });
    const { studyInstanceUid, patientId } = study;
    const created = await client.createJob({
      body: {
        kind: 'selective',
        sourceId: source.id,
        destinationId: destination.id,
        studies: [
          { studyInstanceUid, pseudonym: PSEUDONYM, ...(patientId === undefined ? {} : { patientId }) },
        ],
      },
      signal,
    });
    const jobId = created.id;
    let job = created;
    while (job.endedAt === undefined) {
      await sleep(POLL_MS, undefined, { signal });
      job = await client.getJob({ params: { jobId }, signal });
      onProgress?.(job);
    }
    const { tasks } = await client.listTasks({ params: { jobId }, query: {}, signal });
    const task = tasks[0];
    return {
      ok: job.state === 'success',
      message: task?.message || job.message,
      counts: job.counts,
      seconds: secondsBetween(task?.startedAt ?? job.createdAt, task?.endedAt ?? job.endedAt),
    };
  } finally {
    await client.logout().catch(() => {}); // The session ends by itself in time.
  }
}

async function logIn(
  client: Client,
  { username, password }: FirstLogin,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.login({ body: { username, password }, signal });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false; // The password was changed, as it should be.
    throw error;
  }
}

async function largestStudy(client: Client, nodeId: string, signal: AbortSignal): Promise<Study | undefined> {
  let largest: Study | undefined;
  for await (const line of client.searchStudies({ params: { nodeId }, query: {}, signal })) {
    if ('study' in line && (line.study.instances ?? 0) > (largest?.instances ?? 0)) largest = line.study;
  }
  return largest;
}

function secondsBetween(start: string, end: string): number {
  return (Date.parse(end) - Date.parse(start)) / 1000;
}
