import type { LiveEvent } from '@adit/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../accounts/authorize.ts';
import { createUser, findActor } from '../accounts/service.ts';
import type { ServerEvent } from '../http/api-handler.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { silent, succeed, type TestQueue, testQueue } from '../testing/test-queue.ts';
import { eventsAfter, newestEvent, pruneEvents, publish } from './events-log.ts';
import { createLiveEvents, type LiveEvents, type Subscription } from './live-events.ts';

const postgres = testPostgres();
let database: TestDatabase;
let queue: TestQueue;
let live: LiveEvents;
let bert: Actor;
let admin: Actor;
let stop: AbortController;

beforeEach(async () => {
  database = await postgres.openDatabase();
  queue = await testQueue(database);
  const { db } = database;
  bert = (await findActor(db, await createUser(db, { username: 'bert', password: 'x' }))) as Actor;
  admin = (await findActor(
    db,
    await createUser(db, { username: 'admin', password: 'x', administrator: true }),
  )) as Actor;
  live = createLiveEvents({ db, notifications: queue.notifications, logger: silent });
  stop = new AbortController();
});

afterEach(async () => {
  stop?.abort();
  live?.close();
  await queue?.[Symbol.asyncDispose]();
  await database?.close();
});

async function* subscribe(options: Partial<Subscription> = {}): AsyncGenerator<ServerEvent<LiveEvent>> {
  yield* await live.subscribe({
    actor: queue.actor,
    sessionId: undefined,
    jobId: undefined,
    all: false,
    // From the beginning of the log, so that nothing depends on when the stream begins.
    lastEventId: '0',
    signal: stop.signal,
    ...options,
  });
}

/** Gathers events as short texts until one of them is the last. */
async function gather(
  events: AsyncIterable<ServerEvent<LiveEvent>>,
  last: string | RegExp,
): Promise<{ texts: string[]; lastId: string }> {
  const texts: string[] = [];
  for await (const { id, data } of events) {
    const text =
      data.type === 'job'
        ? `job ${data.job.id} ${data.job.state}`
        : `task ${data.task.studyInstanceUid} ${data.task.state}`;
    texts.push(text);
    if (text.match(last)) return { texts, lastId: id ?? '' };
  }
  return { texts, lastId: '' };
}

describe('a subscriber', () => {
  test('hears of the own jobs, without their tasks', async () => {
    const heard = gather(subscribe(), /success/);
    await using _worker = await queue.startWorker(succeed);
    const job = await queue.createJob(3);
    const { texts } = await heard;
    expect(texts.at(-1)).toBe(`job ${job.id} success`);
    expect(texts.every((text) => text.startsWith(`job ${job.id} `))).toBe(true);
  });

  test('hears of one job with its tasks, beginning with its state', async () => {
    const job = await queue.createJob(2);
    const events = subscribe({ jobId: job.id, lastEventId: undefined })[Symbol.asyncIterator]();
    // Sent at once, before the worker begins.
    expect((await events.next()).value.data).toMatchObject({ type: 'job', job: { state: 'pending' } });
    const heard = gather({ [Symbol.asyncIterator]: () => events }, /job \d+ success/);
    await using _worker = await queue.startWorker(succeed);
    await queue.createJob(1);
    const { texts } = await heard;
    expect(texts).toContain('task 1.2.0 success');
    expect(texts).toContain('task 1.2.1 success');
    expect(
      texts.filter((text) => text.startsWith('job')).every((text) => text.includes(`job ${job.id} `)),
    ).toBe(true);
  });

  test('hears nothing of the jobs of others', async () => {
    const theirs = gather(subscribe({ actor: bert }), /never/);
    const administrators = gather(subscribe({ actor: admin }), /never/);
    const everybodys = gather(subscribe({ actor: admin, all: true }), /canceled/);
    const job = await queue.createJob(1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    expect((await everybodys).texts.at(-1)).toBe(`job ${job.id} canceled`);
    stop.abort();
    expect((await theirs).texts).toEqual([]);
    expect((await administrators).texts).toEqual([]);
  });

  test('cannot ask for a job of another, or for all', async () => {
    const job = await queue.createJob(1);
    await expect(gather(subscribe({ actor: bert, jobId: job.id }), /./)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(gather(subscribe({ jobId: '999' }), /./)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(gather(subscribe({ all: true }), /./)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const { texts } = await gather(subscribe({ actor: admin, jobId: job.id }), /pending/);
    expect(texts).toEqual([`job ${job.id} pending`]);
  });

  test('who reads slowly gets the newest state once', async () => {
    const job = await queue.createJob(1);
    const slow = subscribe()[Symbol.asyncIterator]();
    await slow.next();
    for (let turn = 0; turn < 5; turn += 1) {
      await queue.jobs.act(queue.actor, job.id, 'cancel');
      await queue.jobs.act(queue.actor, job.id, 'resume');
    }
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    // When another has got the last event, it waits for the slow one as well.
    const last = await newestEvent(database.db);
    for await (const { id } of subscribe()) if (Number(id) >= last) break;
    const next: ServerEvent<LiveEvent> = (await slow.next()).value;
    expect(next).toMatchObject({ id: String(last), data: { job: { state: 'canceled' } } });
    stop.abort();
    expect((await slow.next()).done).toBe(true);
  });

  test('hears what happened while the connection of the server was down', async () => {
    const heard = gather(subscribe(), /canceled/);
    await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %adit_%'",
    );
    const job = await queue.createJob(1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    expect((await heard).texts.at(-1)).toBe(`job ${job.id} canceled`);
  });

  test('is no longer told when the login has ended', async () => {
    live.close();
    live = createLiveEvents({
      db: database.db,
      notifications: queue.notifications,
      logger: silent,
      recheck: 50,
    });
    await database.pool.query(
      "insert into sessions values ('there', '{}', now() + interval '1 hour'), ('over', '{}', now())",
    );
    expect((await gather(subscribe({ sessionId: 'over' }), /never/)).texts).toEqual([]);
    const events = subscribe({ sessionId: 'there' })[Symbol.asyncIterator]();
    const next = events.next();
    await queue.createJob(1);
    expect((await next).done).toBe(false);
    await database.pool.query("delete from sessions where sid = 'there'");
    while (!(await events.next()).done);
  });

  test('is one of many', async () => {
    const all = Array.from({ length: 300 }, () => gather(subscribe(), /canceled/));
    const job = await queue.createJob(1);
    await queue.jobs.act(queue.actor, job.id, 'cancel');
    for (const { texts } of await Promise.all(all)) expect(texts.at(-1)).toBe(`job ${job.id} canceled`);
  });
});

describe('one who was away', () => {
  test('gets what changed meanwhile, in its newest state', async () => {
    const first = await queue.createJob(1);
    const { lastId } = await gather(subscribe({ jobId: first.id }), /job \d+ pending/);
    const quiet = await gather(subscribe({ lastEventId: lastId, signal: AbortSignal.timeout(300) }), /never/);
    expect(quiet.texts).toEqual([]);
    const second = await queue.createJob(1);
    await queue.jobs.act(queue.actor, first.id, 'cancel');
    const { texts } = await gather(subscribe({ lastEventId: lastId }), /canceled/);
    expect(texts).toEqual([`job ${second.id} pending`, `job ${first.id} canceled`]);
    const ofOne = await gather(subscribe({ lastEventId: lastId, jobId: first.id }), /job \d+ canceled/);
    expect(ofOne.texts).toEqual(['task 1.2.0 canceled', `job ${first.id} canceled`]);
  });

  test('for too long gets everything', async () => {
    const first = await queue.createJob(1);
    await gather(subscribe({ jobId: first.id }), /job \d+ pending/);
    const second = await queue.createJob(2);
    await queue.jobs.act(queue.actor, first.id, 'cancel');
    await pruneEvents(database.db, 1);
    const { texts } = await gather(subscribe({ lastEventId: '1' }), new RegExp(`job ${second.id}`));
    expect(texts).toEqual([`job ${first.id} canceled`, `job ${second.id} pending`]);
    const ofOne = await gather(subscribe({ lastEventId: '1', jobId: second.id }), /task 1.2.1/);
    expect(ofOne.texts).toEqual([`job ${second.id} pending`, 'task 1.2.0 pending', 'task 1.2.1 pending']);
  });

  test.each(['999999999', '-1', 'x', '1e3', '9'.repeat(40)])('with the id %s gets everything', async (id) => {
    const job = await queue.createJob(1);
    const { texts } = await gather(subscribe({ lastEventId: id }), /pending/);
    expect(texts).toEqual([`job ${job.id} pending`]);
  });
});

test('one who reads along in the log misses nothing, however many write at once', async () => {
  const { db } = database;
  const { id: jobId } = await queue.createJob(1);
  const before = await newestEvent(db);
  let writing = 16;
  const writers = Array.from({ length: writing }, async () => {
    for (let n = 0; n < 20; n += 1) {
      await db.transaction().execute((transaction) => publish(transaction, { jobId }));
    }
    writing -= 1;
  });
  const seen: number[] = [];
  const read = async () => {
    for (;;) {
      const last = writing === 0;
      const events = await eventsAfter(db, seen.at(-1) ?? before, 7);
      seen.push(...events.map(({ id }) => id));
      if (last && events.length === 0) return;
    }
  };
  await Promise.all([read(), ...writers]);
  expect(seen).toHaveLength(16 * 20);
});
