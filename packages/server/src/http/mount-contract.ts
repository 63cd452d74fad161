import { contract, type Operation, type OperationName } from '@adit/client';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Logger } from 'pino';
import { type Actor, authorize } from '../accounts/authorize.ts';
import { ServerError } from '../errors.ts';
import type { ApiHandler, ApiHandlers, ApiRequest, ServerEvent } from './api-handler.ts';
import { invalidPart } from './invalid-request-error.ts';
import { problemDocument } from './problem-document.ts';
import { sendEvents } from './send-events.ts';
import { sendLines } from './send-lines.ts';
import { endSession, startSession } from './session.ts';

/** Longest body of a request, in bytes. */
const MAX_BODY = 1024 * 1024;

export interface MountOptions {
  handlers: ApiHandlers;
  /** The user of a session; undefined when there is none any more. */
  findActor: (userId: string) => Promise<Actor | undefined>;
  /** Middleware of single operations, before everything else. */
  before?: Partial<Record<OperationName, RequestHandler>>;
  logger: Logger;
  /** Aborted when the server stops. */
  stopped: AbortSignal;
}

/**
 * Mounts a handler for every operation of the contract, with its checks in front: login, role, then path, query and body.
 * What a handler answers is checked as well: nothing that the contract does not name leaves.
 */
export function mountContract(options: MountOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const methods = new Map<string, string[]>();
  for (const [name, operation] of Object.entries(contract) as [OperationName, Operation][]) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    const method = operation.method.toLowerCase() as Lowercase<Operation['method']>;
    methods.set(path, [...(methods.get(path) ?? []), operation.method]);
    const before = options.before?.[name];
    router[method](path, ...(before ? [before] : []), admit(operation, options));
    if (operation.body) router[method](path, ...readJson());
    router[method](path, answer(operation, options.handlers[name] as ApiHandler<Operation>, options));
  }
  for (const [path, allowed] of methods) {
    router.all(path, (request, response) => {
      response.set('allow', allowed.join(', '));
      throw new ServerError('METHOD_NOT_ALLOWED', `${request.method} is not possible here.`);
    });
  }
  return router;
}

/** Finds out who asks, and refuses who may not: before a body is read. */
function admit(operation: Operation, { findActor }: MountOptions): RequestHandler {
  return async (request, response, next) => {
    if (operation.access !== 'public') {
      const { userId } = request.session;
      const actor = userId === undefined ? undefined : await findActor(userId);
      if (!actor)
        throw new ServerError('LOGIN_REQUIRED', 'Log in first: there is no login, or it has ended.');
      if (operation.access === 'admin') authorize(actor, 'administrate');
      response.locals.actor = actor;
    }
    next();
  };
}

function readJson(): RequestHandler[] {
  return [
    (request, _response, next) => {
      // Also keeps forms of other sites out: they cannot send this type.
      if (!request.is('application/json')) {
        throw new ServerError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
      }
      next();
    },
    express.json({ limit: MAX_BODY, inflate: false, strict: true, type: 'application/json' }),
  ];
}

function answer(
  operation: Operation,
  handler: (request: ApiRequest) => unknown,
  { logger, stopped }: MountOptions,
): RequestHandler {
  return async (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stopped]);
    try {
      await send(handler(toApiRequest(operation, request, response, signal)), response, signal);
    } catch (error) {
      // Nobody waits for the answer any more.
      if (gone.signal.aborted) return;
      if (!stopped.aborted) throw error;
      throw new ServerError('SHUTTING_DOWN', 'ADIT is being stopped: try again when it is back.', {
        cause: error,
        retryable: true,
      });
    }
  };

  async function send(result: unknown, response: Response, signal: AbortSignal): Promise<void> {
    switch (operation.form) {
      case 'lines':
        return sendLines(response, checked(operation, result as AsyncIterable<unknown>), {
          signal,
          onError: (error) => {
            logger.warn({ err: error, route: operation.path }, 'answer in lines ended by an error');
            return problemDocument(error);
          },
        });
      case 'events': {
        const events = await (result as Promise<AsyncIterable<ServerEvent<unknown>>>);
        return sendEvents(response, checkedEvents(operation, events), { signal });
      }
      default: {
        const value = await result;
        response.status(operation.status);
        if (operation.response) response.json(operation.response.parse(value));
        else response.end();
      }
    }
  }
}

function toApiRequest(
  operation: Operation,
  request: Request,
  response: Response,
  signal: AbortSignal,
): ApiRequest {
  const lastEventId = request.get('last-event-id');
  return {
    params: parsePart('params', operation.params, request.params),
    query: parsePart('query', operation.query, request.query),
    body: parsePart('body', operation.body, request.body),
    actor: response.locals.actor,
    signal,
    session: {
      id: request.session.userId === undefined ? undefined : request.sessionID,
      start: (userId) => startSession(request, userId),
      end: () => endSession(request),
    },
    ...(lastEventId === undefined ? {} : { lastEventId }),
  };
}

function parsePart(part: 'params' | 'query' | 'body', schema: Operation['body'], value: unknown) {
  if (!schema) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw invalidPart(part, result.error);
  // biome-ignore lint/suspicious/noExplicitAny: the schema decides, and each handler knows its own.
  return result.data as any;
}

async function* checked(operation: Operation, values: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const value of values) yield operation.response?.parse(value);
}

async function* checkedEvents(
  operation: Operation,
  events: AsyncIterable<ServerEvent<unknown>>,
): AsyncGenerator<ServerEvent<unknown>> {
  for await (const event of events) yield { ...event, data: operation.response?.parse(event.data) };
}
