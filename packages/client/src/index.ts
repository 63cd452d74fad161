export type { JobAction, JobState, TaskState } from '@adit/core';
export { ApiError } from './api-error.ts';
export { type Contract, contract, type OperationName } from './contract/index.ts';
export * from './contract/jobs.ts';
export * from './contract/nodes.ts';
export type { Operation } from './contract/operation.ts';
export * from './contract/problem.ts';
export * from './contract/session.ts';
export * from './contract/studies.ts';
export { type Client, type ClientOptions, createClient } from './create-client.ts';
export type {
  ConnectionState,
  EventOptions,
  OperationFunction,
  OperationInput,
  OperationOutput,
  RequestOptions,
} from './operation-types.ts';
