import { ApiError } from './api-error.ts';
import { type Contract, contract, type OperationName } from './contract/index.ts';
import type { Operation } from './contract/operation.ts';
import type { Problem } from './contract/problem.ts';
import { CookieJar } from './cookie-jar.ts';
import type { EventOptions, OperationFunction } from './operation-types.ts';
import { readEvents } from './read-events.ts';
import { readLines } from './read-lines.ts';

export interface ClientOptions {
  /** Where the server is, for example `https://adit.example.org/`. May be relative to the page in a browser. */
  baseUrl: string | URL;
  /** Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** One function for each operation of the contract. */
export type Client = { readonly [N in OperationName]: OperationFunction<Contract[N]> };

/** An operation's input as it is at runtime, whichever operation it is. */
interface AnyRequest extends EventOptions {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/**
 * Makes the typed client of an ADIT server.
 *
 * Operations return a promise; those that answer in lines or events return an async iterable that connects when it is
 * read. Every failure is an `ApiError`, except an abort, which throws the signal's reason. Outside browsers the client
 * keeps the session cookie, so one client is one user.
 *
 * ```ts
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8080/' });
 * await client.login({ body: { username: 'admin', password } });
 * for await (const line of client.searchStudies({ params: { nodeId: '1' }, query: { patientName: 'Doe*' } })) {
 *   if ('study' in line) console.log(line.study.studyInstanceUid);
 * }
 * ```
 */
export function createClient({ baseUrl, fetch = globalThis.fetch }: ClientOptions): Client {
  const root = apiRoot(baseUrl);
  const jar = new CookieJar();

  async function send(
    operation: Operation,
    request: AnyRequest,
    extra: { headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: ACCEPT[operation.form ?? 'json'], ...extra.headers };
    const cookie = jar.header();
    if (cookie !== undefined) headers.cookie = cookie;
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    const signal = extra.signal ?? request.signal;
    const url = urlOf(root, operation, request);
    let response: Response;
    try {
      response = await fetch(url, {
        method: operation.method,
        headers,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(error);
    }
    jar.take(response.headers);
    if (!response.ok) throw new ApiError(await problemOf(response));
    return response;
  }

  async function json(operation: Operation, request: AnyRequest): Promise<unknown> {
    const response = await send(operation, request);
    if (operation.response === undefined) {
      await response.body?.cancel();
      return undefined;
    }
    try {
      return await response.json();
    } catch (error) {
      request.signal?.throwIfAborted();
      throw cutOff(error);
    }
  }

  async function* lines(operation: Operation, request: AnyRequest): AsyncGenerator<unknown> {
    const response = await send(operation, request);
    let complete = false;
    try {
      for await (const line of readLines(bodyOf(response))) {
        if (isLine(line, 'problem')) throw new ApiError(line.problem as Problem);
        complete = isLine(line, 'end');
        yield line;
      }
    } catch (error) {
      request.signal?.throwIfAborted();
      throw error instanceof ApiError ? error : cutOff(error);
    }
    if (!complete) throw cutOff(undefined);
  }

  function events(operation: Operation, request: AnyRequest): AsyncGenerator<unknown> {
    return readEvents(
      async (headers, signal) => bodyOf(await send(operation, request, { headers, signal })),
      request,
    );
  }

  const forms = { json, lines, events };
  return Object.fromEntries(
    Object.entries<Operation>(contract).map(([name, operation]) => [
      name,
      (request: AnyRequest = {}) => forms[operation.form ?? 'json'](operation, request),
    ]),
  ) as unknown as Client;
}

const ACCEPT = {
  json: 'application/json, application/problem+json',
  lines: 'application/x-ndjson, application/problem+json',
  events: 'text/event-stream, application/problem+json',
} as const;

/** The URL of `/api`, without a slash at its end. */
function apiRoot(baseUrl: string | URL): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const base = new URL(baseUrl, page);
  return `${base.origin}${base.pathname.replace(/\/+$/, '')}/api`;
}

function urlOf(root: string, operation: Operation, { params, query }: AnyRequest): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params?.[name];
    if (value === undefined) throw new TypeError(`The path parameter ${name} is missing.`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  return root + path + (search.size > 0 ? `?${search}` : '');
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (!response.body) throw cutOff(undefined);
  return response.body;
}

function isLine<N extends string>(line: unknown, name: N): line is Record<N, unknown> {
  return typeof line === 'object' && line !== null && name in line;
}

/** The problem document of an answer, or one made up for an answer of something that is not ADIT. */
async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  if (isLine(body, 'code') && isLine(body, 'detail')) return body as unknown as Problem;
  return {
    status: response.status,
    title: response.statusText || 'Request failed',
    detail: `The server answered ${response.status} without saying why; something between may have answered for it.`,
    code: 'NO_PROBLEM_DOCUMENT',
    retryable: response.status >= 500 || response.status === 429,
  };
}

function unreachable(cause: unknown): ApiError {
  return new ApiError(
    {
      status: 0,
      title: 'Server not reached',
      detail: 'The ADIT server could not be reached: check that it runs and that the network is up.',
      code: 'UNREACHABLE',
      retryable: true,
    },
    { cause },
  );
}

function cutOff(cause: unknown): ApiError {
  return new ApiError(
    {
      status: 0,
      title: 'Answer cut off',
      detail: 'The answer of the ADIT server ended too early: try again.',
      code: 'CUT_OFF',
      retryable: true,
    },
    { cause },
  );
}
