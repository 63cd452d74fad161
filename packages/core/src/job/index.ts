export {
  allowedJobActions,
  type JobAction,
  type JobActionRule,
  jobActionRules,
  jobActions,
} from './actions.ts';
export { type AttemptEnd, afterAttempt, MAX_TASK_ATTEMPTS } from './after-attempt.ts';
export { type DerivedJobState, deriveJobState } from './derive-job-state.ts';
export {
  type EndedTaskState,
  type JobState,
  jobStates,
  type TaskCounts,
  type TaskState,
  taskStates,
  taskTransitions,
} from './states.ts';
