import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '@adit/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../db/database.ts';
import type { AttemptResult } from '../jobs/task-lifecycle.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { silent, succeed, type TestQueue, testQueue, untilAborted } from '../testing/test-queue.ts';

const postgres = testPostgres();
let database: TestDatabase;
let queue: TestQueue;

beforeEach(async () => {
  database = await postgres.openDatabase();
  queue = await testQueue(database);
});

afterEach(async () => {
  await queue?.[Symbol.asyncDispose]();
  await database?.close();
});

async function untilJob(id: string, condition: (job: Job) => boolean): Promise<Job> {
  for (;;) {
    const job = await queue.getJob(id);
    if (condition(job)) return job;
    await sleep(20);
  }
}

const ended = ({ state }: Job) => !['pending', 'running', 'canceling'].includes(state);
const tasksOf = async (job: Job) => (await queue.jobs.listTasks(queue.actor, job.id, { limit: 1000 })).tasks;
const rowsOf = async (table: string) => (await database.pool.query(`select * from ${table}`)).rows;

describe('a job', () => {
  test('is done task by task, and leaves nothing in the queue', async () => {
    const seen: string[] = [];
    await using _worker = await queue.startWorker(async (task) => {
      seen.push(task.studyInstanceUid);
      return succeed();
    });
    const job = await queue.createJob(7);
    expect(job).toMatchObject({ state: 'pending', actions: ['cancel'], tasks: { total: 7, pending: 7 } });
    const done = await untilJob(job.id, ended);
    expect(done).toMatchObject({ state: 'success', message: 'All tasks succeeded.', tasks: { success: 7 } });
    expect(Date.parse(done.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(done.startedAt ?? ''));
    expect(seen.toSorted()).toEqual(Array.from({ length: 7 }, (_, i) => `1.2.${i}`));
    // The queue forgets a task after its handler has returned.
    while ((await rowsOf('graphile_worker.jobs')).length > 0) await sleep(20);
  });

  test('that waited while no worker ran is done by the next', async () => {
    const job = await queue.createJob(3);
    await using _worker = await queue.startWorker(succeed);
    expect((await untilJob(job.id, ended)).state).toBe('success');
  });

  test('adds up what became of its instances', async () => {
    const counts = {
      received: 3,
      stored: 2,
      skipped: 0,
      warnings: 1,
      failed: 1,
      held: 0,
      verified: 2,
      bytes: 5e10,
    };
    await using _worker = await queue.startWorker(async () => ({
      end: 'failure',
      message: '1 failed of 3 instances.',
      counts: { expected: 3, excluded: 0, ...counts },
      reasons: [{ outcome: 'failed', message: 'refused', count: 1 }],
      verification: 'image',
    }));
    const job = await queue.createJob(2);
    const done = await untilJob(job.id, ended);
    expect(done).toMatchObject({ state: 'failure', message: 'All tasks failed.', actions: ['retry'] });
    expect(done.counts).toEqual({
      expected: 6,
      received: 6,
      stored: 4,
      skipped: 0,
      warnings: 2,
      failed: 2,
      held: 0,
      verified: 4,
      bytes: 1e11,
    });
    expect((await tasksOf(job))[0]).toMatchObject({
      state: 'failure',
      reasons: [{ outcome: 'failed', message: 'refused', count: 1 }],
      verification: 'image',
    });
  });

  test('whose attempt breaks in ADIT itself says so without details', async () => {
    await using _worker = await queue.startWorker(async () => {
      throw new TypeError('cannot read Müller^Jörg of undefined');
    });
    const job = await queue.createJob(1);
    expect((await untilJob(job.id, ended)).state).toBe('failure');
    const [task] = await tasksOf(job);
    expect(task?.message).toBe('Something unexpected went wrong; the log of ADIT says more.');
  });
});

describe('admission', () => {
  test('lets no more tasks of a source run than it takes, over several workers', async () => {
    const second = await openDatabase({ connectionString: database.connectionString, logger: silent });
    let now = 0;
    let most = 0;
    const attempt = async (): Promise<AttemptResult> => {
      now += 1;
      most = Math.max(most, now);
      // So that the limit is reached however slow the machine is, and exceeded if it can be.
      while (most < 3) await sleep(5);
      await sleep(10);
      now -= 1;
      return succeed();
    };
    {
      await using _one = await queue.startWorker(attempt, { concurrency: 6 });
      await using _two = await queue.startWorker(attempt, { concurrency: 6, pool: second.pool });
      const narrow = await queue.addSource('Narrow', 3);
      const jobs = [await queue.createJob(20, narrow), await queue.createJob(20, narrow)];
      for (const job of jobs) expect((await untilJob(job.id, ended)).state).toBe('success');
    }
    await second.close();
    expect(most).toBe(3);
  });

  test('of one source does not wait for another', async () => {
    const slow = await queue.addSource('Slow', 1);
    const quick = await queue.addSource('Quick', 1);
    let slowRuns = false;
    await using _worker = await queue.startWorker((task, signal) => {
      if (task.sourceId === quick) return succeed();
      slowRuns = true;
      return untilAborted()(task, signal);
    });
    const blocked = await queue.createJob(5, slow);
    while (!slowRuns) await sleep(10);
    const job = await queue.createJob(5, quick);
    expect((await untilJob(job.id, ended)).state).toBe('success');
    expect(await queue.getJob(blocked.id)).toMatchObject({
      state: 'running',
      tasks: { running: 1, pending: 4 },
    });
  });

  test('keeps waiting tasks out of the queue', async () => {
    const job = await queue.createJob(500);
    expect(job.tasks).toMatchObject({ total: 500, pending: 500 });
    expect(await rowsOf('graphile_worker.jobs')).toHaveLength(2);
  });
});

describe('cancel', () => {
  test('ends what runs and what waits', async () => {
    let running = 0;
    await using _worker = await queue.startWorker(
      untilAborted(() => {
        running += 1;
      }),
    );
    const job = await queue.createJob(5);
    while (running < 2) await sleep(10);
    const canceling = await queue.jobs.act(queue.actor, job.id, 'cancel');
    expect(canceling).toMatchObject({ state: 'canceling', actions: [], tasks: { running: 2, canceled: 3 } });
    const done = await untilJob(job.id, ended);
    expect(done).toMatchObject({
      state: 'canceled',
      message: 'All tasks were canceled.',
      actions: ['resume'],
    });
    expect(done.endedAt).toBeDefined();
    const messages = (await tasksOf(job)).map(({ message }) => message);
    expect(messages.filter((message) => message === 'Canceled while it ran.')).toHaveLength(2);
    expect(messages.filter((message) => message === 'Canceled before it began.')).toHaveLength(3);
  });

  test('of a job that waits needs no worker, and empties the queue', async () => {
    const job = await queue.createJob(5);
    expect(await queue.jobs.act(queue.actor, job.id, 'cancel')).toMatchObject({ state: 'canceled' });
    expect(await rowsOf('graphile_worker.jobs')).toEqual([]);
  });

  test('makes room for the next job', async () => {
    const job = await queue.createJob(5);
    const next = await queue.createJob(1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    await using _worker = await queue.startWorker(succeed);
    expect((await untilJob(next.id, ended)).state).toBe('success');
  });

  test('does not undo what was complete already', async () => {
    let running = 0;
    await using _worker = await queue.startWorker(
      (_, signal) =>
        new Promise((resolve) => {
          running += 1;
          signal.addEventListener('abort', () => resolve({ end: 'success', message: 'Done.' }));
        }),
    );
    const job = await queue.createJob(2);
    while (running < 2) await sleep(10);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    const done = await untilJob(job.id, ended);
    expect(done).toMatchObject({ state: 'canceled', tasks: { success: 2, canceled: 0 } });
    // Nothing is left to do, so going on with it ends it.
    expect(await queue.jobs.act(queue.actor, job.id, 'resume')).toMatchObject({ state: 'success' });
  });

  test('arrives although the notification was missed', async () => {
    let running = 0;
    await using _worker = await queue.startWorker(
      untilAborted(() => {
        running += 1;
      }),
    );
    const job = await queue.createJob(1);
    while (running < 1) await sleep(10);
    // What another process does while our connection for notifications is down.
    await database.pool.query("update jobs set state = 'canceling' where id = $1", [job.id]);
    await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %adit_%'",
    );
    expect((await untilJob(job.id, ended)).state).toBe('canceled');
  });

  test('is refused for a job that has ended', async () => {
    await using _worker = await queue.startWorker(succeed);
    const job = await queue.createJob(1);
    await untilJob(job.id, ended);
    await expect(queue.jobs.act(queue.actor, job.id, 'cancel')).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });
});

describe('another attempt', () => {
  const retryable: AttemptResult = { end: 'retryable', message: 'The destination was not there.' };

  test('follows a retryable failure, up to three in all', async () => {
    const attempts: number[] = [];
    await using _worker = await queue.startWorker(
      async (task) => {
        attempts.push(task.attempt);
        return retryable;
      },
      { retryWaits: [0] },
    );
    const job = await queue.createJob(1);
    const done = await untilJob(job.id, ended);
    expect(done.state).toBe('failure');
    expect(attempts).toEqual([1, 2, 3]);
    expect(await tasksOf(job)).toMatchObject([
      { state: 'failure', attempts: 3, message: 'The destination was not there.' },
    ]);
  });

  test('is announced, and leaves its place to others while it waits', async () => {
    const source = await queue.addSource('One at a time', 1);
    await using _worker = await queue.startWorker(
      async ({ studyInstanceUid }) => (studyInstanceUid === '1.2.0' ? retryable : succeed()),
      { retryWaits: [3_600_000] },
    );
    const job = await queue.createJob(3, source);
    const waiting = await untilJob(job.id, ({ tasks }) => tasks.success === 2);
    // A job that has begun does not go back to pending because a task waits.
    expect(waiting).toMatchObject({ state: 'running', tasks: { pending: 1 } });
    const [task] = await tasksOf(job);
    expect(task).toMatchObject({
      state: 'pending',
      attempts: 1,
      message: 'The destination was not there. Attempt 2 of 3 follows.',
    });
    expect(Date.parse(task?.retryAt ?? '')).toBeGreaterThan(Date.now());
    expect(await queue.jobs.act(queue.actor, job.id, 'cancel')).toMatchObject({ state: 'canceled' });
  });

  test('is made when somebody asks for it, of the failed tasks alone', async () => {
    let broken = true;
    const seen: string[] = [];
    await using _worker = await queue.startWorker(async ({ studyInstanceUid }) => {
      seen.push(studyInstanceUid);
      return broken && studyInstanceUid === '1.2.1' ? { end: 'failure', message: 'Broken.' } : succeed();
    });
    const job = await queue.createJob(3);
    expect(await untilJob(job.id, ended)).toMatchObject({ state: 'failure', message: 'Some tasks failed.' });
    broken = false;
    expect(await queue.jobs.act(queue.actor, job.id, 'retry')).toMatchObject({
      state: 'pending',
      message: '',
      tasks: { pending: 1, success: 2 },
    });
    expect((await untilJob(job.id, ended)).state).toBe('success');
    expect(seen.filter((uid) => uid === '1.2.1')).toHaveLength(2);
    expect(seen).toHaveLength(4);
  });
});

describe('a task', () => {
  test('that the queue hands out twice is done once, and can be canceled all the same', async () => {
    let started = 0;
    await using _worker = await queue.startWorker(
      untilAborted(() => {
        started += 1;
      }),
    );
    const job = await queue.createJob(1);
    while (started < 1) await sleep(10);
    const [task] = await tasksOf(job);
    await database.pool.query(
      "select graphile_worker.add_job('adit-transfer', json_build_object('taskId', $1::text))",
      [task?.id],
    );
    const waiting = async () =>
      (await rowsOf("graphile_worker.jobs where key is null and task_identifier = 'adit-transfer'")).length;
    while ((await waiting()) > 0) await sleep(10);
    expect(started).toBe(1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    expect((await untilJob(job.id, ended)).state).toBe('canceled');
  });

  test('that fails while its job is being canceled is canceled, not tried again', async () => {
    let fail = () => {};
    await using _worker = await queue.startWorker(
      () =>
        new Promise((resolve) => {
          fail = () => resolve({ end: 'retryable', message: 'Not there.' });
        }),
    );
    const job = await queue.createJob(1);
    await untilJob(job.id, ({ tasks }) => tasks.running === 1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    fail();
    expect((await untilJob(job.id, ended)).state).toBe('canceled');
    expect(await tasksOf(job)).toMatchObject([{ state: 'canceled', message: 'Canceled while it ran.' }]);
  });
});

describe('a worker', () => {
  test('that stops in order gives its tasks back, uncounted', async () => {
    let started = 0;
    const worker = await queue.startWorker(
      untilAborted(() => {
        started += 1;
      }),
    );
    const job = await queue.createJob(3);
    while (started < 2) await sleep(10);
    await worker[Symbol.asyncDispose]();
    expect(await queue.getJob(job.id)).toMatchObject({ state: 'running', tasks: { pending: 3, running: 0 } });
    expect(await rowsOf('workers')).toEqual([]);
    await using _next = await queue.startWorker(succeed);
    expect((await untilJob(job.id, ended)).state).toBe('success');
    expect((await tasksOf(job)).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  });

  test('that is gone without a word is noticed, and its tasks are done by others', async () => {
    const job = await queue.createJob(2);
    // What a process leaves behind that was killed: its row, and its task running.
    await database.pool.query(`
      with dead as (insert into workers default values returning id)
      update tasks set state = 'running', worker_id = dead.id, attempts = 1, admitted_at = now()
      from dead where study_instance_uid = '1.2.0'`);
    await using _worker = await queue.startWorker(succeed);
    const done = await untilJob(job.id, ended);
    expect(done.state).toBe('success');
    expect((await tasksOf(job)).map(({ attempts }) => attempts)).toEqual([2, 1]);
    expect(await rowsOf('workers')).toHaveLength(1);
  });

  test('that died with a task in its hands before it began is no reason to forget the task', async () => {
    const job = await queue.createJob(2);
    // The queue has handed the tasks out; who took them is no more.
    await database.pool.query(`
      update graphile_worker._private_jobs set locked_at = now(), locked_by = 'dead', attempts = 1`);
    await database.pool.query('insert into workers default values');
    await using _worker = await queue.startWorker(succeed);
    expect((await untilJob(job.id, ended)).state).toBe('success');
  });

  test('whose tasks take it down with them does not try for ever', async () => {
    const job = await queue.createJob(1);
    await database.pool.query(`
      with dead as (insert into workers default values returning id)
      update tasks set state = 'running', worker_id = dead.id, attempts = 3, admitted_at = now() from dead`);
    await using _worker = await queue.startWorker(succeed);
    expect(await untilJob(job.id, ended)).toMatchObject({ state: 'failure' });
    expect(await tasksOf(job)).toMatchObject([{ message: 'The worker of the task stopped without a word.' }]);
  });

  test('that lives is left alone', async () => {
    let started = 0;
    await using _one = await queue.startWorker(
      untilAborted(() => {
        started += 1;
      }),
    );
    const job = await queue.createJob(1);
    while (started < 1) await sleep(10);
    const second = await openDatabase({ connectionString: database.connectionString, logger: silent });
    {
      await using _two = await queue.startWorker(succeed, { pool: second.pool });
      expect(await queue.getJob(job.id)).toMatchObject({ tasks: { running: 1 } });
      expect(await rowsOf('workers')).toHaveLength(2);
    }
    await second.close();
  });

  test('that lost its connections stops what others may have taken, and goes on as another', async () => {
    const attempts: number[] = [];
    await using _worker = await queue.startWorker(
      (task, signal) => {
        attempts.push(task.attempt);
        return task.attempt === 1 ? untilAborted()(task, signal) : succeed();
      },
      { retryWaits: [0] },
    );
    const job = await queue.createJob(1);
    while (attempts.length === 0) await sleep(10);
    await database.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect((await untilJob(job.id, ended)).state).toBe('success');
    expect(attempts).toEqual([1, 2]);
  });
});
