import { setTimeout as sleep } from 'node:timers/promises';
import { type Runner, run, type TaskList, Logger as WorkerLogger } from 'graphile-worker';
import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Notifications } from '../db/notifications.ts';
import { announce, type Presence } from '../db/presence.ts';
import type { Schema } from '../db/schema.ts';
import { pruneEvents } from '../jobs/events-log.ts';
import { CANCEL_CHANNEL } from '../jobs/service.ts';
import { selectCanceling, selectJobOfTask, selectTasksOfWorker } from '../jobs/store.ts';
import {
  type AttemptResult,
  type ClaimedTask,
  claimTask,
  RETRY_WAITS,
  settleTask,
} from '../jobs/task-lifecycle.ts';
import {
  type AdmitPayload,
  admitTasks,
  QUEUE_TASKS,
  queueAgain,
  sourcesWithWaitingTasks,
  type TransferPayload,
} from './admission.ts';
import { buryDeadWorkers } from './dead-workers.ts';

/** How often dead workers are looked for, and tasks that nobody admitted. In milliseconds. */
const ROUND = 5_000;
/** A task that was queued so long ago and has not begun is queued again, in case the queue lost it. In seconds. */
const FORGOTTEN = 60;
/** Tasks that do not stop within this time when the server does are left to the next start. In milliseconds. */
const STOP_PATIENCE = 5_000;
/** Wait before a result is written again that the database did not take, in milliseconds. */
const SETTLE_WAIT = 1_000;

/** Why an attempt is interrupted: the reason of its signal. */
export type Interruption = 'canceled' | 'shutdown' | 'lost';

export interface WorkerOptions {
  db: Kysely<Schema>;
  pool: Pool;
  logger: Logger;
  notifications: Notifications;
  /** Makes one attempt at a task. May throw: that counts as a failure of ADIT itself. */
  attempt: (task: ClaimedTask, signal: AbortSignal) => Promise<AttemptResult>;
  /** Tasks done at the same time by this process. Default: 4. */
  concurrency?: number;
  /** Waits before the second and further attempts, in milliseconds. Default: 10 s, 60 s. */
  retryWaits?: readonly number[];
}

interface RunningTask {
  readonly jobId: string;
  readonly controller: AbortController;
}

/** Does the tasks that the queue hands out, until it is disposed of. */
export async function startWorker(options: WorkerOptions): Promise<AsyncDisposable> {
  const { db, pool, logger, notifications, attempt } = options;
  const retryWaits = options.retryWaits ?? RETRY_WAITS;
  const running = new Set<RunningTask>();
  let closing = false;

  const presence: Presence = await announce({
    pool,
    logger,
    kind: 'worker',
    insert: async (connection) => {
      const { rows } = await connection.query<{ id: string }>(
        'insert into workers default values returning id',
      );
      return rows[0]?.id ?? '';
    },
    onLost: () => {
      interrupt('lost');
      // As soon as the database is back, for what could not be written down stays with the worker that we were.
      presence
        .id()
        .then(lookAround)
        .catch(() => {});
    },
  });

  function interrupt(reason: Interruption, jobId?: string): void {
    for (const task of running) {
      if (jobId === undefined || task.jobId === jobId) task.controller.abort(reason);
    }
  }

  async function doTask({ taskId }: TransferPayload): Promise<void> {
    const workerId = await presence.id();
    const jobId = await selectJobOfTask(db, taskId);
    if (jobId === undefined) return;
    const task: RunningTask = { jobId, controller: new AbortController() };
    // Before it is claimed: whoever interrupts from then on finds it here.
    running.add(task);
    try {
      const claimed = await claimTask(db, { taskId, jobId, workerId });
      if (!claimed) return;
      if (closing) task.controller.abort('shutdown' satisfies Interruption);
      else if ((await presence.id()) !== workerId) task.controller.abort('lost' satisfies Interruption);
      await settle(claimed, await attemptSafely(claimed, task.controller.signal));
    } finally {
      running.delete(task);
    }
  }

  async function attemptSafely(task: ClaimedTask, signal: AbortSignal): Promise<AttemptResult> {
    const started = performance.now();
    const log = logger.child({ jobId: task.jobId, taskId: task.id, attempt: task.attempt });
    log.info('task begins');
    let result: AttemptResult;
    try {
      result = await attempt(task, signal);
    } catch (error) {
      log.error({ err: error }, 'task failed unexpectedly');
      result = { end: 'failure', message: 'Something unexpected went wrong; the log of ADIT says more.' };
    }
    // What is complete is complete, however late somebody wanted it to stop.
    if (signal.aborted && result.end !== 'success' && result.end !== 'warning') {
      result = {
        ...result,
        end: signal.reason as Interruption,
        message: INTERRUPTED[signal.reason as Interruption],
      };
    }
    const seconds = Math.round(performance.now() - started) / 1000;
    log.info({ end: result.end, seconds, ...result.counts }, 'task ended');
    return result;
  }

  /** Writes a result down, also when the database is away for a while: as long as the task is ours. */
  async function settle(task: ClaimedTask, result: AttemptResult): Promise<void> {
    for (;;) {
      try {
        return await settleTask(db, task, result, retryWaits);
      } catch (error) {
        logger.warn({ err: error, taskId: task.id }, 'the result of a task could not be written down');
        if (closing || (await presence.id()) !== task.workerId) return;
        await sleep(SETTLE_WAIT);
      }
    }
  }

  async function admit(sourceId: string): Promise<void> {
    await db.transaction().execute((transaction) => admitTasks(transaction, sourceId));
  }

  /** Frees the tasks of workers that died, and admits what nobody has admitted. */
  async function lookAround(): Promise<void> {
    const buried = await buryDeadWorkers(db, async (workerId) => {
      const tasks = await selectTasksOfWorker(db, workerId);
      logger.warn({ workerId, tasks: tasks.length }, 'a worker is gone; its tasks are freed');
      for (const task of tasks) {
        const message = INTERRUPTED.lost;
        await settleTask(db, { ...task, workerId }, { end: 'lost', message }, retryWaits);
      }
    });
    await queueAgain(db, { notBegunFor: buried > 0 ? 0 : FORGOTTEN });
    for (const sourceId of await sourcesWithWaitingTasks(db)) await admit(sourceId);
    await pruneEvents(db);
  }

  /** Cancels what was canceled while nobody could tell us. */
  async function findCanceled(): Promise<void> {
    const jobIds = [...new Set([...running].map(({ jobId }) => jobId))];
    for (const id of await selectCanceling(db, jobIds)) interrupt('canceled', id);
  }

  const unlisten = notifications.on(CANCEL_CHANNEL, (jobId) => {
    if (jobId !== undefined) interrupt('canceled', jobId);
    else findCanceled().catch((error: unknown) => logger.warn({ err: error }, 'cancellations not read'));
  });

  await lookAround();
  await queueAgain(db, { notBegunFor: 0 });
  const stopLooking = new AbortController();
  const looking = (async () => {
    while (!stopLooking.signal.aborted) {
      try {
        await sleep(ROUND, undefined, { signal: stopLooking.signal });
        await lookAround();
      } catch (error) {
        if (!stopLooking.signal.aborted) logger.warn({ err: error }, 'looking after the queue failed');
      }
    }
  })();

  const taskList: TaskList = {
    [QUEUE_TASKS.transfer]: (payload: unknown) => doTask(payload as TransferPayload),
    [QUEUE_TASKS.admit]: (payload: unknown) => admit((payload as AdmitPayload).sourceId),
  };
  const runner: Runner = await run({
    pgPool: pool,
    taskList,
    parsedCronItems: [],
    concurrency: options.concurrency ?? 4,
    pollInterval: 1_000,
    noHandleSignals: true,
    logger: new WorkerLogger(() => (level, message) => {
      const write = level === 'error' ? 'error' : level === 'warning' ? 'warn' : 'debug';
      logger[write]({ queue: true }, message);
    }),
    // Batches that are still to be written when the pool ends would keep their jobs locked for hours.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
  runner.promise.catch((error: unknown) => logger.error({ err: error }, 'the queue ended with an error'));

  return {
    async [Symbol.asyncDispose]() {
      closing = true;
      unlisten();
      stopLooking.abort();
      const stopped = runner.stop('shutdown').catch(() => {});
      interrupt('shutdown');
      await Promise.race([stopped, sleep(STOP_PATIENCE, undefined, { ref: false })]);
      await looking;
      await presence[Symbol.asyncDispose]();
    },
  };
}

const INTERRUPTED: Readonly<Record<Interruption, string>> = {
  canceled: 'Canceled while it ran.',
  shutdown: 'The server was stopped while the task ran; it goes on when the server is back.',
  lost: 'The worker of the task stopped without a word.',
};
