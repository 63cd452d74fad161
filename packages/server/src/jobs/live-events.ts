import type { LiveEvent } from '@adit/client';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { type Actor, authorize, isAllowed } from '../accounts/authorize.ts';
import { findActor } from '../accounts/service.ts';
import { sessionExists } from '../accounts/store.ts';
import type { Notifications } from '../db/notifications.ts';
import type { Schema } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import type { ServerEvent } from '../http/api-handler.ts';
import { EVENTS_CHANNEL, eventsAfter, type LoggedEvent, newestEvent, remembers } from './events-log.ts';
import { selectOwner } from './store.ts';
import { type JobView, selectJobs, selectTasks, toJob } from './views.ts';

/** Events are gathered for so long before they are sent, in milliseconds. */
const GATHER = 100;
/** Events read at once; more are read in turns. */
const BATCH = 1_000;
/** A login that has ended ends its streams within this time, in milliseconds. */
const RECHECK = 15_000;
/** Jobs and tasks sent to one who was away for longer than the log remembers. */
const RESYNC = { jobs: 200, tasks: 1_000 };

export interface Subscription {
  actor: Actor;
  sessionId: string | undefined;
  /** Only this job, its tasks included. Without it: jobs without their tasks. */
  jobId: string | undefined;
  /** Jobs of every user, for those who may. */
  all: boolean;
  /** Go on after this event. */
  lastEventId: string | undefined;
  signal: AbortSignal;
}

export interface LiveEvents {
  /**
   * What changes of jobs and tasks from now on, or from `lastEventId` on: their newest state, so that several changes in a
   * row may come as one. Begins with the job itself where one is asked for. Ends when the login does. Throws `NOT_FOUND`
   * and `FORBIDDEN`.
   */
  subscribe(subscription: Subscription): Promise<AsyncIterable<ServerEvent<LiveEvent>>>;
  close(): void;
}

/** An event on its way to one subscriber. */
type Delivery = ServerEvent<LiveEvent>;

interface Subscriber {
  actor: Actor;
  jobId: string | undefined;
  all: boolean;
  /** Events of this number and below are sent by the replay. */
  after: number;
  /** By what they are about: a newer state takes the place of one not sent yet, so that slow readers cost little. */
  waiting: Map<string, Delivery>;
  wake: () => void;
}

/** Reads the event log once for all subscribers of this process and gives each what concerns it. */
export function createLiveEvents(options: {
  db: Kysely<Schema>;
  notifications: Notifications;
  logger: Logger;
  /** How often it is looked whether a subscriber is still logged in, in milliseconds. Default: 15 s. */
  recheck?: number;
}): LiveEvents {
  const { db, logger, recheck = RECHECK } = options;
  const subscribers = new Set<Subscriber>();
  let cursor: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> = Promise.resolve();
  let closed = false;

  const unlisten = options.notifications.on(EVENTS_CHANNEL, () => {
    if (timer || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      reading = reading.then(readLog).catch((error: unknown) => {
        // The cursor stays: the next notification reads on from there.
        logger.warn({ err: error }, 'live events could not be read');
      });
    }, GATHER);
  });

  async function readLog(): Promise<void> {
    if (subscribers.size === 0) {
      // Nobody listens: the first who does begins at the end of the log.
      cursor = undefined;
      return;
    }
    for (;;) {
      cursor ??= await newestEvent(db);
      const events = await eventsAfter(db, cursor, BATCH);
      if (events.length === 0) return;
      await deliver(events, subscribers);
      cursor = events.at(-1)?.id ?? cursor;
      if (events.length < BATCH) return;
    }
  }

  /** Loads what changed, once, and puts it before those whom it concerns. */
  async function deliver(events: readonly LoggedEvent[], to: Iterable<Subscriber>): Promise<void> {
    const subscribersNow = [...to];
    const wantedJobs = new Set(subscribersNow.map(({ jobId }) => jobId));
    const everyJob = wantedJobs.has(undefined);
    // The newest event of each job and task stands for those before it.
    const newest = new Map<string, LoggedEvent>();
    for (const event of events) {
      const wanted = wantedJobs.has(event.jobId) || (everyJob && event.taskId === null);
      if (!wanted) continue;
      newest.delete(keyOf(event));
      newest.set(keyOf(event), event);
    }
    if (newest.size === 0) return;
    const about = [...newest.values()];
    const jobIds = [...new Set(about.map(({ jobId }) => jobId))];
    const taskIds = about.flatMap(({ taskId }) => taskId ?? []);
    const jobs = new Map(
      (await selectJobs(db, { ids: jobIds, limit: jobIds.length })).map((job) => [job.id, job]),
    );
    const tasks = new Map(
      (taskIds.length > 0 ? await selectTasks(db, { ids: taskIds, limit: taskIds.length }) : []).map(
        (task) => [task.id, task],
      ),
    );
    for (const event of about) {
      const job = jobs.get(event.jobId);
      const task = event.taskId === null ? undefined : tasks.get(event.taskId);
      if (!job || (event.taskId !== null && !task)) continue;
      for (const subscriber of subscribersNow) {
        if (event.id <= subscriber.after || !concerns(subscriber, job, task !== undefined)) continue;
        const data: LiveEvent = task
          ? { type: 'task', task }
          : { type: 'job', job: toJob(job, subscriber.actor) };
        const key = keyOf(event);
        subscriber.waiting.delete(key);
        subscriber.waiting.set(key, { id: String(event.id), data });
        subscriber.wake();
      }
    }
  }

  /** What a subscriber gets before the live events. */
  async function replay(subscriber: Subscriber, lastEventId: string | undefined): Promise<Delivery[]> {
    const { jobId, after: target } = subscriber;
    if (lastEventId === undefined) return jobId === undefined ? [] : present(subscriber, { tasks: 0 });
    let last = /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : -1;
    if (!(await remembers(db, last))) return present(subscriber, RESYNC);
    const missed: Subscriber = { ...subscriber, after: last, waiting: new Map(), wake: () => {} };
    while (last < target) {
      const events = (await eventsAfter(db, last, BATCH)).filter(({ id }) => id <= target);
      if (events.length === 0) break;
      await deliver(events, [missed]);
      last = events.at(-1)?.id ?? target;
    }
    return [...missed.waiting.values()];
  }

  /** The present state of what a subscriber asked for. */
  async function present(
    { actor, jobId, all, after }: Subscriber,
    limits: { tasks: number },
  ): Promise<Delivery[]> {
    const jobs = await selectJobs(db, {
      ...(jobId === undefined ? {} : { ids: [jobId] }),
      ...(jobId === undefined && !all ? { ownerId: actor.userId } : {}),
      limit: RESYNC.jobs,
    });
    const tasks =
      jobId === undefined || limits.tasks === 0 ? [] : await selectTasks(db, { jobId, limit: limits.tasks });
    const events: LiveEvent[] = [
      ...jobs.reverse().map((job) => ({ type: 'job' as const, job: toJob(job, actor) })),
      ...tasks.map((task) => ({ type: 'task' as const, task })),
    ];
    return events.map((data) => ({ id: String(after), data }));
  }

  async function subscribe(subscription: Subscription): Promise<AsyncIterable<Delivery>> {
    const { actor, jobId, all } = subscription;
    if (all) authorize(actor, 'see all jobs');
    if (jobId !== undefined) {
      const ownerId = await selectOwner(db, jobId);
      if (ownerId === undefined || !isAllowed(actor, 'see job', { ownerId })) {
        throw new ServerError('NOT_FOUND', 'There is no such job.');
      }
    }
    return stream(subscription);
  }

  async function* stream(subscription: Subscription): AsyncGenerator<Delivery> {
    const { actor, jobId, all, lastEventId, signal } = subscription;
    const bell = createBell();
    const subscriber: Subscriber = { actor, jobId, all, after: 0, waiting: new Map(), wake: bell.ring };
    const onAbort = () => bell.ring();
    signal.addEventListener('abort', onAbort);
    const timer = setInterval(bell.ring, recheck);
    try {
      // Between two readings of the log: what is read from here on waits for this subscriber, what is older is replayed.
      const joined = reading.then(async () => {
        cursor ??= await newestEvent(db);
        subscriber.after = cursor;
        subscribers.add(subscriber);
      });
      reading = joined.catch(() => {});
      await joined;
      yield* await replay(subscriber, lastEventId);
      let checked = Date.now();
      while (!signal.aborted && !closed) {
        for (const [key, delivery] of subscriber.waiting) {
          subscriber.waiting.delete(key);
          yield delivery;
          if (signal.aborted) return;
        }
        if (Date.now() - checked >= recheck) {
          if (!(await stillLoggedIn(subscription))) return;
          checked = Date.now();
        }
        if (subscriber.waiting.size === 0) await bell.wait();
      }
    } finally {
      subscribers.delete(subscriber);
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async function stillLoggedIn({ actor, sessionId }: Subscription): Promise<boolean> {
    const [present, there] = await Promise.all([
      findActor(db, actor.userId),
      sessionId !== undefined && sessionExists(db, sessionId),
    ]);
    return there && present?.administrator === actor.administrator;
  }

  return {
    subscribe,
    close() {
      closed = true;
      unlisten();
      clearTimeout(timer);
      for (const { wake } of subscribers) wake();
    },
  };
}

function keyOf({ jobId, taskId }: LoggedEvent): string {
  return taskId === null ? `job ${jobId}` : `task ${taskId}`;
}

function concerns(subscriber: Subscriber, job: JobView, isTask: boolean): boolean {
  if (!isAllowed(subscriber.actor, 'see job', job)) return false;
  if (subscriber.jobId !== undefined) return subscriber.jobId === job.id;
  return !isTask && (subscriber.all || job.ownerId === subscriber.actor.userId);
}

/** Wakes one who waits; ringing before the wait counts. */
function createBell(): { ring: () => void; wait: () => Promise<void> } {
  let rung = false;
  let waiter: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      waiter?.();
    },
    async wait() {
      if (!rung) {
        await new Promise<void>((resolve) => {
          waiter = resolve;
        });
      }
      rung = false;
      waiter = undefined;
    },
  };
}
