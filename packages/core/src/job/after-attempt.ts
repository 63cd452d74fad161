import type { TaskState } from './states.ts';

/** Attempts a task is given before it counts as failed. */
export const MAX_TASK_ATTEMPTS = 3;

/**
 * How an attempt at a task ended. `retryable`: it failed, but may succeed later. `shutdown`: the worker was stopped in
 * between. `lost`: the worker died; what it did last is not known.
 */
export type AttemptEnd = 'success' | 'warning' | 'failure' | 'retryable' | 'canceled' | 'shutdown' | 'lost';

/** The state of a task after an attempt; `pending` when there is to be another one. */
export function afterAttempt(
  end: AttemptEnd,
  { attempts, canceling }: { attempts: number; canceling: boolean },
): Exclude<TaskState, 'running'> {
  switch (end) {
    case 'success':
    case 'warning':
    case 'failure':
    case 'canceled':
      return end;
    case 'shutdown':
      return canceling ? 'canceled' : 'pending';
    case 'retryable':
    case 'lost':
      if (canceling) return 'canceled';
      // A task that takes its worker down with it must not do so for ever.
      return attempts < MAX_TASK_ATTEMPTS ? 'pending' : 'failure';
  }
}
