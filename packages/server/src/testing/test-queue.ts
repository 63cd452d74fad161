import type { Job } from '@adit/client';
import { pino } from 'pino';
import type { Actor } from '../accounts/authorize.ts';
import { createUser, findActor } from '../accounts/service.ts';
import { listenTo, type Notifications } from '../db/notifications.ts';
import { EVENTS_CHANNEL } from '../jobs/events-log.ts';
import { CANCEL_CHANNEL, createJobService, type JobService } from '../jobs/service.ts';
import type { AttemptResult, ClaimedTask } from '../jobs/task-lifecycle.ts';
import { createNodeService } from '../nodes/service.ts';
import { startWorker, type WorkerOptions } from '../queue/worker.ts';
import { createSecrets } from '../runtime/secrets.ts';
import type { TestDatabase } from './test-postgres.ts';

export interface TestQueue extends AsyncDisposable {
  readonly jobs: JobService;
  readonly actor: Actor;
  readonly notifications: Notifications;
  /** Creates a job of so many studies, from a source that takes two at a time. */
  createJob(studies: number, sourceId?: string): Promise<Job>;
  /** Adds a source. */
  addSource(name: string, maxTasks: number): Promise<string>;
  getJob(id: string): Promise<Job>;
  /** Starts a worker whose attempts the test decides on. */
  startWorker(
    attempt: WorkerOptions['attempt'],
    options?: Partial<Pick<WorkerOptions, 'concurrency' | 'retryWaits' | 'pool'>>,
  ): Promise<AsyncDisposable>;
}

export const silent = pino({ level: 'silent' });

/** Jobs and a queue on a database, without a web server and without DICOM. */
export async function testQueue(database: TestDatabase): Promise<TestQueue> {
  const { db, pool } = database;
  const { runMigrations } = await import('graphile-worker');
  await runMigrations({ pgPool: pool });
  const nodes = createNodeService({
    db,
    secrets: createSecrets(new Uint8Array(32)),
    dataDirectory: '/var/lib/adit',
  });
  const jobs = createJobService({ db, nodes });
  const userId = await createUser(db, { username: 'anna', password: 'x' });
  const actor = (await findActor(db, userId)) as Actor;
  const notifications = await listenTo({ pool, logger: silent, channels: [EVENTS_CHANNEL, CANCEL_CHANNEL] });
  const addSource = async (name: string, maxTasks: number) => {
    const node = {
      kind: 'dimse',
      name,
      source: true,
      destination: true,
      maxAssociations: 4,
      maxTasks,
    } as const;
    const { id } = await nodes.create({ ...node, aeTitle: 'NOBODY', host: '127.0.0.1', port: 9 });
    return id;
  };
  const defaultSource = await addSource('Source', 2);
  const destinationId = await addSource('Destination', 2);
  return {
    jobs,
    actor,
    notifications,
    addSource,
    createJob: (studies, sourceId = defaultSource) =>
      jobs.create(actor, {
        kind: 'selective',
        sourceId,
        destinationId,
        studies: Array.from({ length: studies }, (_, index) => ({ studyInstanceUid: `1.2.${index}` })),
      }),
    getJob: (id) => jobs.get(actor, id),
    startWorker: (attempt, options = {}) =>
      startWorker({ db, pool, logger: silent, notifications, attempt, ...options }),
    [Symbol.asyncDispose]: () => notifications[Symbol.asyncDispose](),
  };
}

export const succeed = async (): Promise<AttemptResult> => ({ end: 'success', message: 'Done.' });

/** An attempt that ends only when it is told to stop. */
export function untilAborted(started?: (task: ClaimedTask) => void): WorkerOptions['attempt'] {
  return (task, signal) =>
    new Promise((resolve) => {
      const stop = () => resolve({ end: 'failure', message: 'Stopped.' });
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop);
      started?.(task);
    });
}
