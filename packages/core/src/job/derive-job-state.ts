import type { JobState, TaskCounts } from './states.ts';

export interface DerivedJobState {
  state: JobState;
  /** What became of the job, in one sentence; empty while it goes on. */
  message: string;
  /** Whether nothing more happens by itself. */
  ended: boolean;
}

/** How the ended tasks of a job add up. A row stands for the sets of task states that occur; the first that fits counts. */
const OUTCOMES: readonly {
  occurring: (tasks: TaskCounts) => boolean;
  state: JobState;
  message: string;
  /** Instead of `message` when some tasks were canceled. */
  withCanceled?: string;
}[] = [
  {
    occurring: (tasks) => tasks.failure > 0 && (tasks.success > 0 || tasks.warning > 0),
    state: 'failure',
    message: 'Some tasks failed.',
  },
  {
    occurring: (tasks) => tasks.failure > 0,
    state: 'failure',
    message: 'All tasks failed.',
    withCanceled: 'Some tasks failed.',
  },
  {
    occurring: (tasks) => tasks.warning > 0 && tasks.success > 0,
    state: 'warning',
    message: 'Some tasks have warnings.',
  },
  {
    occurring: (tasks) => tasks.warning > 0,
    state: 'warning',
    message: 'All tasks have warnings.',
    withCanceled: 'Some tasks have warnings.',
  },
  {
    occurring: (tasks) => tasks.success > 0,
    state: 'success',
    message: 'All tasks succeeded.',
    withCanceled: 'Some tasks were canceled.',
  },
  { occurring: (tasks) => tasks.canceled > 0, state: 'canceled', message: 'All tasks were canceled.' },
  { occurring: () => true, state: 'success', message: 'No tasks to process.' },
];

/**
 * The state of a job from those of its tasks.
 *
 * `previous` matters while tasks wait or run: a job that has begun stays `running` although a task waits for its next
 * attempt, and one that is being canceled stays `canceling` until nothing runs any more, then it is `canceled`.
 */
export function deriveJobState(previous: JobState, tasks: TaskCounts): DerivedJobState {
  const canceling = previous === 'canceling';
  if (tasks.running > 0) return goesOn(canceling ? 'canceling' : 'running');
  if (tasks.pending > 0) {
    return goesOn(canceling ? 'canceling' : previous === 'running' ? 'running' : 'pending');
  }
  const outcome = OUTCOMES.find(({ occurring }) => occurring(tasks));
  if (!outcome) throw new Error('unreachable: the last outcome fits always');
  const message = (tasks.canceled > 0 && outcome.withCanceled) || outcome.message;
  return { state: canceling ? 'canceled' : outcome.state, message, ended: true };
}

function goesOn(state: JobState): DerivedJobState {
  return { state, message: '', ended: false };
}
