import { describe, expect, test } from 'vitest';
import { allowedJobActions, type JobAction, jobActionRules, jobActions } from './actions.ts';
import { type AttemptEnd, afterAttempt, MAX_TASK_ATTEMPTS } from './after-attempt.ts';
import { deriveJobState } from './derive-job-state.ts';
import { type JobState, jobStates, type TaskState, taskStates, taskTransitions } from './states.ts';

/** Counts from letters: `p`ending, `r`unning, `c`anceled, `s`uccess, `w`arning, `f`ailure. */
function tasks(letters: string): Record<TaskState, number> {
  const count = (letter: string) => letters.split(letter).length - 1;
  return {
    pending: count('p'),
    running: count('r'),
    canceled: count('c'),
    success: count('s'),
    warning: count('w'),
    failure: count('f'),
  };
}

describe('the state of a job', () => {
  test.each<[previous: JobState, tasks: string, state: JobState, message: string]>([
    // while something is to come
    ['pending', 'ppp', 'pending', ''],
    ['pending', 'prp', 'running', ''],
    ['pending', 'psf', 'pending', ''],
    ['running', 'rsf', 'running', ''],
    ['running', 'p', 'running', ''],
    ['running', 'psw', 'running', ''],
    ['canceling', 'rcc', 'canceling', ''],
    ['canceling', 'pc', 'canceling', ''],
    // at the end
    ['running', '', 'success', 'No tasks to process.'],
    ['running', 'sss', 'success', 'All tasks succeeded.'],
    ['running', 'ssc', 'success', 'Some tasks were canceled.'],
    ['running', 'fs', 'failure', 'Some tasks failed.'],
    ['running', 'fw', 'failure', 'Some tasks failed.'],
    ['running', 'fswc', 'failure', 'Some tasks failed.'],
    ['running', 'ff', 'failure', 'All tasks failed.'],
    ['running', 'fc', 'failure', 'Some tasks failed.'],
    ['running', 'sw', 'warning', 'Some tasks have warnings.'],
    ['running', 'swc', 'warning', 'Some tasks have warnings.'],
    ['running', 'ww', 'warning', 'All tasks have warnings.'],
    ['running', 'wc', 'warning', 'Some tasks have warnings.'],
    ['running', 'cc', 'canceled', 'All tasks were canceled.'],
    ['canceling', 'cc', 'canceled', 'All tasks were canceled.'],
    ['canceling', 'sc', 'canceled', 'Some tasks were canceled.'],
    ['canceling', 'fc', 'canceled', 'Some tasks failed.'],
  ])('%s with tasks "%s" is %s', (previous, letters, state, message) => {
    const ended = message !== '';
    expect(deriveJobState(previous, tasks(letters))).toEqual({ state, message, ended });
  });

  test('is one that can still change exactly while a task waits or runs', () => {
    const sets = Array.from({ length: 64 }, (_, bits) =>
      [...'prcswf'].filter((_letter, index) => bits & (1 << index)).join(''),
    );
    for (const previous of jobStates) {
      for (const letters of sets) {
        const { state, ended } = deriveJobState(previous, tasks(letters));
        expect(ended).toBe(!/[pr]/.test(letters));
        expect(['pending', 'running', 'canceling'].includes(state)).toBe(!ended);
      }
    }
  });
});

describe('actions', () => {
  const owner = { owner: true, administrator: false };
  const administrator = { owner: false, administrator: true };
  const stranger = { owner: false, administrator: false };

  test.each<[JobState, owner: JobAction[], administrator: JobAction[]]>([
    ['pending', ['cancel'], ['cancel']],
    ['running', ['cancel'], ['cancel']],
    ['canceling', [], []],
    ['canceled', ['resume'], ['resume', 'restart']],
    ['success', [], ['restart']],
    ['warning', [], ['restart']],
    ['failure', ['retry'], ['retry', 'restart']],
  ])('of a job that is %s', (state, forOwner, forAdministrator) => {
    expect(allowedJobActions(state, owner)).toEqual(forOwner);
    expect(allowedJobActions(state, administrator)).toEqual(forAdministrator);
    expect(allowedJobActions(state, stranger)).toEqual([]);
  });

  test('repeat only tasks that may go back to pending', () => {
    for (const action of jobActions) {
      for (const state of jobActionRules[action].repeats) expect(taskTransitions[state]).toContain('pending');
    }
  });
});

test('an ended task moves only when it is to be done again', () => {
  const ended = taskStates.filter((state) => state !== 'pending' && state !== 'running');
  for (const state of ended) expect(taskTransitions[state]).toEqual(['pending']);
});

describe('a task after an attempt', () => {
  test.each<[end: AttemptEnd, first: TaskState, last: TaskState, canceling: TaskState]>([
    ['success', 'success', 'success', 'success'],
    ['warning', 'warning', 'warning', 'warning'],
    ['failure', 'failure', 'failure', 'failure'],
    ['retryable', 'pending', 'failure', 'canceled'],
    ['canceled', 'canceled', 'canceled', 'canceled'],
    ['shutdown', 'pending', 'pending', 'canceled'],
    ['lost', 'pending', 'failure', 'canceled'],
  ])('that ended by %s', (end, first, last, canceling) => {
    expect(afterAttempt(end, { attempts: 1, canceling: false })).toBe(first);
    expect(afterAttempt(end, { attempts: MAX_TASK_ATTEMPTS, canceling: false })).toBe(last);
    expect(afterAttempt(end, { attempts: 1, canceling: true })).toBe(canceling);
    for (const state of [first, last, canceling]) expect(taskTransitions.running).toContain(state);
  });
});
