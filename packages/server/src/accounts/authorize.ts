import { allowedJobActions, type JobAction, type JobState } from '@adit/core';
import { ServerError } from '../errors.ts';

/** Who asks. */
export interface Actor {
  readonly userId: string;
  readonly username: string;
  readonly name: string;
  readonly administrator: boolean;
}

/** A job as far as permissions go. */
export interface JobSubject {
  readonly ownerId: string;
  readonly state: JobState;
}

/** What may be asked for, and about what. Whatever else the API offers, everybody with a login may use. */
type Permission =
  | [action: 'administrate' | 'see all jobs']
  | [action: 'see job' | 'change job', job: Pick<JobSubject, 'ownerId'>];

/** Whether somebody may do something: the one place where that is decided, for REST and live events alike. */
export function isAllowed(actor: Actor, ...[action, job]: Permission): boolean {
  switch (action) {
    case 'administrate':
    case 'see all jobs':
      return actor.administrator;
    case 'see job':
    case 'change job':
      return actor.administrator || job.ownerId === actor.userId;
  }
}

/** Throws `FORBIDDEN` unless somebody may do something. */
export function authorize(actor: Actor, ...permission: Permission): void {
  if (isAllowed(actor, ...permission)) return;
  throw new ServerError('FORBIDDEN', 'You are not allowed to do this: ask an administrator.');
}

/** What somebody may do with a job in its present state. */
export function jobActionsOf(actor: Actor, job: JobSubject): JobAction[] {
  return allowedJobActions(job.state, {
    owner: job.ownerId === actor.userId,
    administrator: actor.administrator,
  });
}
