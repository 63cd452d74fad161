/** What may be said of one task: one study of a job. */
export const taskStates = ['pending', 'running', 'canceled', 'success', 'warning', 'failure'] as const;

/** What may be said of a job: the states of its tasks, and `canceling` while running tasks are being stopped. */
export const jobStates = [...taskStates, 'canceling'] as const;

export type TaskState = (typeof taskStates)[number];
export type JobState = (typeof jobStates)[number];

/** States a task comes to rest in; what is not among them still goes on by itself. */
export type EndedTaskState = Exclude<TaskState, 'pending' | 'running'>;

/**
 * Where a task may go from each state. `running` goes back to `pending` when the attempt is to be repeated, and an ended
 * task when somebody asks for it again.
 */
export const taskTransitions: Readonly<Record<TaskState, readonly TaskState[]>> = {
  pending: ['running', 'canceled'],
  running: ['pending', 'canceled', 'success', 'warning', 'failure'],
  canceled: ['pending'],
  success: ['pending'],
  warning: ['pending'],
  failure: ['pending'],
};

/** Number of tasks in each state. */
export type TaskCounts = Readonly<Record<TaskState, number>>;
