import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createClient } from './create-client.ts';
import type { ConnectionState } from './operation-types.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server of events: each connection is answered by the next of `answers`, the last one again and again. */
async function serveEvents(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const lastEventIds: (string | undefined)[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    lastEventIds.push(request.headers['last-event-id'] as string | undefined);
    answers[Math.min(connections++, answers.length - 1)]?.(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { client: createClient({ baseUrl }), lastEventIds };
}

/** Sends events with their ids; asks for reconnection after a millisecond. */
function events(...ids: number[]) {
  return (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\nretry: 1\n\n');
    for (const id of ids) response.write(`id: ${id}\ndata: {"type":"job","n":${id}}\n\n`);
  };
}

function cutAfter(answer: ReturnType<typeof events>) {
  return (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response);
    setTimeout(() => response.destroy(), 20);
  };
}

async function take(values: AsyncIterable<unknown>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const value of values) {
    taken.push(value);
    if (taken.length === count) break;
  }
  return taken;
}

test('goes on after the last event when the connection is lost', async () => {
  const { client, lastEventIds } = await serveEvents(cutAfter(events(1, 2)), cutAfter(events(3)), events(4));
  const states: ConnectionState[] = [];
  const seen = await take(client.events({ onConnection: (state) => states.push(state) }), 4);
  expect(seen).toEqual([1, 2, 3, 4].map((n) => ({ type: 'job', n })));
  expect(lastEventIds).toEqual([undefined, '2', '3']);
  expect(states).toEqual([
    { connected: true },
    { connected: false, retryInMs: 1 },
    { connected: true },
    { connected: false, retryInMs: 1 },
    { connected: true },
  ]);
});

test('starts after the event the caller names', async () => {
  const { client, lastEventIds } = await serveEvents(events(8));
  await take(client.events({ lastEventId: '7' }), 1);
  expect(lastEventIds).toEqual(['7']);
});

test('goes on although the server is away for a while', async () => {
  const { client, lastEventIds } = await serveEvents(
    cutAfter(events(1)),
    (_, response) => response.writeHead(503).end(),
    (request) => request.socket.destroy(),
    events(2),
  );
  expect(await take(client.events(), 2)).toHaveLength(2);
  expect(lastEventIds).toEqual([undefined, '1', '1', '1']);
});

test('ends with the error of a server that refuses for good', async () => {
  const problem = { status: 401, title: 't', detail: 'Log in.', code: 'LOGIN_REQUIRED', retryable: false };
  const { client } = await serveEvents(cutAfter(events(1)), (_, response) =>
    response.writeHead(401, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem)),
  );
  await expect(take(client.events(), 2)).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
});

test('an abort ends the loop, while connected and while waiting', async () => {
  const abort = new AbortController();
  const { client } = await serveEvents(events(1));
  const seen: unknown[] = [];
  for await (const event of client.events({ signal: abort.signal })) {
    seen.push(event);
    abort.abort();
  }
  expect(seen).toHaveLength(1);

  const waiting = new AbortController();
  const away = createClient({ baseUrl: 'http://127.0.0.1:9/' });
  const nothing = await take(away.events({ signal: waiting.signal, onConnection: () => waiting.abort() }), 1);
  expect(nothing).toEqual([]);
});

test('leaving the loop closes the connection', async () => {
  let closed: Promise<unknown> | undefined;
  const { client } = await serveEvents((request, response) => {
    closed = once(response, 'close');
    events(1)(request, response);
  });
  await take(client.events(), 1);
  await closed;
});
