import type { EndedTaskState, JobState } from './states.ts';

/** What people may do with a job. */
export const jobActions = ['cancel', 'resume', 'retry', 'restart'] as const;

export type JobAction = (typeof jobActions)[number];

export interface JobActionRule {
  /** States of the job in which it is allowed. */
  readonly from: readonly JobState[];
  /** Administrators may do everything; owners what is not theirs alone. */
  readonly who: 'owner' | 'administrator';
  /** Tasks in these states are to be done again. */
  readonly repeats: readonly EndedTaskState[];
}

export const jobActionRules: Readonly<Record<JobAction, JobActionRule>> = {
  /** Pending tasks are canceled at once; running ones are told to stop, the job is `canceling` until they have. */
  cancel: { from: ['pending', 'running'], who: 'owner', repeats: [] },
  resume: { from: ['canceled'], who: 'owner', repeats: ['canceled'] },
  retry: { from: ['failure'], who: 'owner', repeats: ['failure'] },
  restart: {
    from: ['canceled', 'success', 'warning', 'failure'],
    who: 'administrator',
    repeats: ['canceled', 'success', 'warning', 'failure'],
  },
};

/** Actions that somebody may take in a state of a job. */
export function allowedJobActions(
  state: JobState,
  user: { owner: boolean; administrator: boolean },
): JobAction[] {
  return jobActions.filter((action) => {
    const { from, who } = jobActionRules[action];
    return from.includes(state) && (user.administrator || (user.owner && who === 'owner'));
  });
}
