import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';
import { ApiError } from './api-error.ts';
import type { Job, LiveEvent } from './contract/jobs.ts';
import type { Node } from './contract/nodes.ts';
import type { Series, Study } from './contract/studies.ts';
import { type Client, createClient } from './create-client.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A client and the server it speaks to, whose answers the test writes. */
async function serve(answer: RequestListener, path = '/'): Promise<Client> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}` });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function json(response: ServerResponse, value: unknown, status = 200, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value));
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

const user = { username: 'anna', name: 'Anna', administrator: false };

describe('requests', () => {
  test('carry method, path parameters, query and body', async () => {
    const seen: unknown[] = [];
    const client = await serve(async (request, response) => {
      seen.push([request.method, request.url, request.headers['content-type'], await bodyOf(request)]);
      json(response, { jobs: [] });
    });
    await client.cancelJob({ params: { jobId: '17' } });
    await client.listJobs({ query: { limit: 5, state: 'running', before: undefined } });
    await client.listJobs();
    await client.login({ body: { username: 'anna', password: 'π' } });
    expect(seen).toEqual([
      ['POST', '/api/jobs/17/cancel', undefined, ''],
      ['GET', '/api/jobs?limit=5&state=running', undefined, ''],
      ['GET', '/api/jobs', undefined, ''],
      ['POST', '/api/session', 'application/json', '{"username":"anna","password":"π"}'],
    ]);
  });

  test('stay below the path of the base URL, and parameters cannot leave their place', async () => {
    const urls: (string | undefined)[] = [];
    const client = await serve((request, response) => {
      urls.push(request.url);
      json(response, {});
    }, '/adit/');
    await client.getJob({ params: { jobId: '../session?x=1#y' } });
    expect(urls).toEqual(['/adit/api/jobs/..%2Fsession%3Fx%3D1%23y']);
  });

  test('a missing path parameter is a programming error', async () => {
    const client = await serve((_, response) => json(response, {}));
    await expect(client.getJob({ params: {} as { jobId: string } })).rejects.toThrow(TypeError);
  });

  test('keep the cookies of the server until it ends them', async () => {
    const cookies: (string | undefined)[] = [];
    const client = await serve((request, response) => {
      cookies.push(request.headers.cookie);
      if (request.method === 'POST') {
        response.setHeader('set-cookie', ['adit.session=s%3Aabc=; Path=/; HttpOnly', 'theme=dark']);
      }
      if (request.method === 'DELETE') {
        response.setHeader('set-cookie', 'adit.session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
        response.writeHead(204).end();
        return;
      }
      json(response, user);
    });
    await client.login({ body: { username: 'anna', password: 'x' } });
    await client.whoAmI();
    expect(await client.logout()).toBeUndefined();
    await client.whoAmI();
    expect(cookies).toEqual([
      undefined,
      'adit.session=s%3Aabc=; theme=dark',
      'adit.session=s%3Aabc=; theme=dark',
      'theme=dark',
    ]);
  });
});

describe('errors', () => {
  test('carry the problem document', async () => {
    const problem = {
      status: 409,
      title: 'Conflict',
      detail: 'The node is used by a job.',
      code: 'NODE_IN_USE',
      retryable: false,
    };
    const client = await serve((_, response) => json(response, problem, 409, 'application/problem+json'));
    const error = await client.deleteNode({ params: { nodeId: '1' } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      problem,
      status: 409,
      code: 'NODE_IN_USE',
      message: problem.detail,
      retryable: false,
    });
  });

  test('of something else that answered say so', async () => {
    const client = await serve((_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
    await expect(client.health()).rejects.toMatchObject({
      status: 502,
      code: 'NO_PROBLEM_DOCUMENT',
      retryable: true,
    });
  });

  test('an unreachable server is retryable', async () => {
    // Port 9 (discard) of the loopback interface: nothing listens there.
    const client = createClient({ baseUrl: 'http://127.0.0.1:9/' });
    await expect(client.health()).rejects.toMatchObject({ status: 0, code: 'UNREACHABLE', retryable: true });
  });

  test('an answer that breaks off is retryable', async () => {
    const client = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"ok":');
      setImmediate(() => response.destroy());
    });
    await expect(client.health()).rejects.toMatchObject({ code: 'CUT_OFF', retryable: true });
  });

  test('an abort throws the reason of the signal', async () => {
    const client = await serve(() => {});
    const abort = new AbortController();
    const reason = new Error('enough');
    const answer = client.health({ signal: abort.signal });
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });
});

describe('answers in lines', () => {
  const end = { end: { matches: 1, limited: false, seconds: 0.1 } };
  const study = { study: { studyInstanceUid: '1.2.3', modalities: [], description: 'Schädel' } };
  const search = (client: Client) => client.searchStudies({ params: { nodeId: '1' } });

  test('come line by line, wherever the chunks are cut', async () => {
    const bytes = Buffer.from(`${JSON.stringify(study)}\n\n${JSON.stringify(end)}\n`);
    const client = await serve(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    expect(await collect(search(client))).toEqual([study, end]);
  });

  test('a line is there before the answer is complete', async () => {
    let finish = () => {};
    const client = await serve((_, response) => {
      response.writeHead(200).write(`${JSON.stringify(study)}\n`);
      finish = () => response.end(`${JSON.stringify(end)}\n`);
    });
    const lines = search(client)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toEqual(study);
    finish();
    expect((await lines.next()).value).toEqual(end);
    expect((await lines.next()).done).toBe(true);
  });

  test('a problem line is thrown', async () => {
    const problem = { status: 502, title: 't', detail: 'Down.', code: 'DOWN', retryable: true };
    const client = await serve((_, response) =>
      response.end(`${JSON.stringify(study)}\n${JSON.stringify({ problem })}\n`),
    );
    await expect(collect(search(client))).rejects.toMatchObject({ code: 'DOWN', retryable: true });
  });

  test.each([
    ['without its last line', `${JSON.stringify(study)}\n`],
    ['cut within a line', `${JSON.stringify(study)}\n{"end":{"mat`],
    ['that is empty', ''],
  ])('an answer %s is no answer', async (_, text) => {
    const client = await serve((_request, response) => response.end(text));
    await expect(collect(search(client))).rejects.toMatchObject({ code: 'CUT_OFF' });
  });

  test('leaving the loop closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const client = await serve((_, response) => {
      response.writeHead(200).write(`${JSON.stringify(study)}\n`);
      closed = once(response, 'close');
    });
    for await (const _line of search(client)) break;
    await closed;
  });

  test('a line without end is refused', async () => {
    const client = await serve((_, response) => {
      const piece = 'x'.repeat(1024 * 1024);
      for (let i = 0; i < 6; i += 1) response.write(piece);
    });
    await expect(collect(search(client))).rejects.toMatchObject({ code: 'CUT_OFF' });
  });
});

test('functions have the types of the contract', () => {
  const client = createClient({ baseUrl: 'http://127.0.0.1/' });
  expectTypeOf(client.getJob).returns.resolves.toEqualTypeOf<Job>();
  expectTypeOf(client.getJob).parameter(0).toHaveProperty('params').toEqualTypeOf<{ jobId: string }>();
  expectTypeOf(client.listNodes).returns.resolves.toEqualTypeOf<Node[]>();
  expectTypeOf(client.logout).returns.resolves.toEqualTypeOf<undefined>();
  expectTypeOf(client.events).returns.toEqualTypeOf<AsyncIterable<LiveEvent>>();
  expectTypeOf(client.searchStudies).returns.toEqualTypeOf<
    AsyncIterable<{ study: Study } | { end: { matches: number; limited: boolean; seconds: number } }>
  >();
  expectTypeOf(client.listSeries).returns.toExtend<AsyncIterable<{ series: Series } | { end: object }>>();

  // Operations without anything to give need no argument, the others do.
  expectTypeOf(client.listJobs).toBeCallableWith();
  expectTypeOf(client.events).toBeCallableWith({ lastEventId: '5', query: { jobId: '1' } });
  expectTypeOf(client.createNode).toBeCallableWith({
    body: { kind: 'folder', name: 'Out', source: false, destination: true, path: '/tmp/out' },
  });
  // @ts-expect-error the job is missing
  expectTypeOf(client.getJob).toBeCallableWith();
  // @ts-expect-error a folder has no port
  expectTypeOf(client.createNode).toBeCallableWith({ body: { kind: 'folder', port: 1 } });
  // @ts-expect-error not a state
  expectTypeOf(client.listJobs).toBeCallableWith({ query: { state: 'done' } });
  // @ts-expect-error only events know of a last event
  expectTypeOf(client.listJobs).toBeCallableWith({ lastEventId: '5' });
});
