import type { JobAction } from '@adit/core';
import type { Actor } from '../accounts/authorize.ts';
import type { ApiHandlers } from '../http/api-handler.ts';
import type { LiveEvents } from './live-events.ts';
import type { JobService } from './service.ts';

export function jobRoutes({
  jobs,
  liveEvents,
}: {
  jobs: JobService;
  liveEvents: LiveEvents;
}): ApiHandlers<
  | 'createJob'
  | 'listJobs'
  | 'getJob'
  | 'listTasks'
  | 'cancelJob'
  | 'resumeJob'
  | 'retryJob'
  | 'restartJob'
  | 'events'
> {
  const act =
    (action: JobAction) =>
    ({ actor, params }: { actor: Actor; params: { jobId: string } }) =>
      jobs.act(actor, params.jobId, action);
  return {
    createJob: ({ actor, body }) => jobs.create(actor, body),
    listJobs: ({ actor, query }) => jobs.list(actor, query),
    getJob: ({ actor, params }) => jobs.get(actor, params.jobId),
    listTasks: ({ actor, params, query }) => jobs.listTasks(actor, params.jobId, query),
    cancelJob: act('cancel'),
    resumeJob: act('resume'),
    retryJob: act('retry'),
    restartJob: act('restart'),
    events: ({ actor, query, session, lastEventId, signal }) =>
      liveEvents.subscribe({
        actor,
        sessionId: session.id,
        jobId: query.jobId,
        all: query.all === 'true',
        lastEventId,
        signal,
      }),
  };
}
