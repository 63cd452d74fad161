import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, type LiveEvent } from '@adit/client';
import { expect, test } from 'vitest';
import { testPostgres } from '../testing/test-postgres.ts';
import { PASSWORD, startTestServer } from '../testing/test-server.ts';

const postgres = testPostgres();

test('a client that listens goes on at the next start of the server, and has missed nothing', async () => {
  await using database = await postgres.openDatabase();
  let app = await startTestServer(database);
  // The address stays, whichever server is behind it.
  const client = createClient({
    baseUrl: 'http://adit.example/',
    fetch: (url, init) => fetch(new URL(new URL(String(url)).pathname, app.url), init),
  });
  await client.login({ body: { username: 'anna', password: PASSWORD } });
  const node = { kind: 'dimse', aeTitle: 'X', host: '127.0.0.1', port: 9, destination: true } as const;
  const { id: sourceId } = await app.admin.createNode({ body: { ...node, name: 'A', source: true } });
  const { id: destinationId } = await app.admin.createNode({ body: { ...node, name: 'B', source: false } });
  const studies = [{ studyInstanceUid: '1.2.3' }];
  const createJob = () => client.createJob({ body: { kind: 'selective', sourceId, destinationId, studies } });

  const seen: string[] = [];
  const connections: boolean[] = [];
  const stop = new AbortController();
  const listening = (async () => {
    const onConnection = ({ connected }: { connected: boolean }) => connections.push(connected);
    for await (const event of client.events({ signal: stop.signal, onConnection })) {
      seen.push(describe(event));
    }
  })();
  while (!connections[0]) await sleep(10);
  const first = await createJob();
  while (!seen.some((text) => text.startsWith(`job ${first.id} `))) await sleep(10);

  // Does not wait for those who listen.
  await app[Symbol.asyncDispose]();
  while (connections.at(-1) !== false) await sleep(10);
  app = await startTestServer(database);
  const second = await createJob();
  await client.cancelJob({ params: { jobId: second.id } });
  while (!seen.some((text) => text === `job ${second.id} canceled`)) await sleep(10);
  expect(connections.at(-1)).toBe(true);

  stop.abort();
  await listening;
  await app[Symbol.asyncDispose]();
});

test('an event stream is refused, not ended, so that clients do not ask again and again', async () => {
  await using database = await postgres.openDatabase();
  await using app = await startTestServer(database);
  const first = (client: Client, query: { jobId?: string; all?: 'true' } = {}) =>
    client.events({ query })[Symbol.asyncIterator]().next();
  await expect(first(app.stranger)).rejects.toMatchObject({ status: 401, code: 'LOGIN_REQUIRED' });
  await expect(first(app.anna, { all: 'true' })).rejects.toMatchObject({ status: 403 });
  await expect(first(app.anna, { jobId: '999' })).rejects.toMatchObject({ status: 404 });
});

function describe(event: LiveEvent): string {
  return event.type === 'job' ? `job ${event.job.id} ${event.job.state}` : 'task';
}
