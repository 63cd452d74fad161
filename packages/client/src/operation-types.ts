import type * as z from 'zod';
import type { Operation } from './contract/operation.ts';
import type { Problem } from './contract/problem.ts';

/** What the caller gives: input of the schemas, so that defaults may be left out. */
type InputOf<S> = S extends z.ZodType ? z.input<S> : never;
type OutputOf<S> = S extends z.ZodType ? z.output<S> : never;

type Part<Name extends string, S> = S extends z.ZodType
  ? Record<string, never> extends InputOf<S>
    ? { [N in Name]?: InputOf<S> }
    : { [N in Name]: InputOf<S> }
  : unknown;

/** Path parameters, query and body of an operation, as far as it has them. */
export type OperationInput<O extends Operation> = Part<'params', O['params']> &
  Part<'query', O['query']> &
  Part<'body', O['body']>;

/** What one answer, line or event of an operation holds. */
export type OperationOutput<O extends Operation> = O['response'] extends z.ZodType
  ? OutputOf<O['response']>
  : undefined;

export interface RequestOptions {
  signal?: AbortSignal;
}

export interface EventOptions extends RequestOptions {
  /** Go on after this event. Default: from now on. */
  lastEventId?: string;
  /** Told when the connection is there, and when it is lost and for how long until the next attempt. */
  onConnection?: (state: ConnectionState) => void;
}

export type ConnectionState = { connected: true } | { connected: false; retryInMs: number };

/** A line that is no problem: those are thrown as `ApiError`. */
type Line<T> = Exclude<T, { problem: Problem }>;

type Result<O extends Operation> = O extends { form: 'lines' }
  ? AsyncIterable<Line<OperationOutput<O>>>
  : O extends { form: 'events' }
    ? AsyncIterable<OperationOutput<O>>
    : Promise<OperationOutput<O>>;

type Options<O extends Operation> = O extends { form: 'events' } ? EventOptions : RequestOptions;

type Request<O extends Operation> = OperationInput<O> & Options<O>;

/** The client's function for an operation. */
export type OperationFunction<O extends Operation> =
  Record<string, never> extends OperationInput<O>
    ? (request?: Request<O>) => Result<O>
    : (request: Request<O>) => Result<O>;
