import type { Contract, Operation, OperationName } from '@adit/client';
import type { z } from 'zod';
import type { Actor } from '../accounts/authorize.ts';

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Given<S> = S extends z.ZodType ? z.input<S> : undefined;

/** A request that fits the contract, made by somebody who may make it. */
export interface ApiRequest<O extends Operation = Operation> {
  readonly params: Parsed<O['params']>;
  readonly query: Parsed<O['query']>;
  readonly body: Parsed<O['body']>;
  readonly actor: O['access'] extends 'public' ? undefined : Actor;
  /** Aborted when the client goes away before the answer is complete, and when the server stops. */
  readonly signal: AbortSignal;
  readonly session: ApiSession;
  /** Of a client that reads events again: the last one it has seen. */
  readonly lastEventId?: string;
}

/** The login of whoever asks. */
export interface ApiSession {
  /** Undefined without a login. */
  readonly id: string | undefined;
  start(userId: string): Promise<void>;
  end(): Promise<void>;
}

/** One event of a stream; without data it only keeps the connection alive. */
export interface ServerEvent<T> {
  id?: string;
  data: T;
}

type Answer<O extends Operation> = O extends { form: 'lines' }
  ? AsyncIterable<Given<O['response']>>
  : O extends { form: 'events' }
    ? Promise<AsyncIterable<ServerEvent<Given<O['response']>>>>
    : O['response'] extends z.ZodType
      ? Promise<Given<O['response']>>
      : Promise<void>;

export type ApiHandler<O extends Operation> = (request: ApiRequest<O>) => Answer<O>;

/** A handler for each of some operations of the contract. */
export type ApiHandlers<N extends OperationName = OperationName> = {
  readonly [K in N]: ApiHandler<Contract[K]>;
};
