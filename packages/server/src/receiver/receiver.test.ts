// Jobs whose source sends by C-MOVE to the receiver of the server.

import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import type { Job } from '@adit/client';
import { readPart10 } from '@adit/core';
import { type ArchiveScp, archiveHandlers, createDimseSink, echo, listen } from '@adit/dimse';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addNode, fill, type TestArchives, testArchives } from '../testing/test-archives.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

const postgres = testPostgres();

let archives: TestArchives;
beforeAll(() => {
  archives = testArchives();
});
afterAll(() => archives?.[Symbol.asyncDispose]());

let database: TestDatabase;
let app: TestServer;
let from: ArchiveScp;
let to: ArchiveScp;
let study: Awaited<ReturnType<typeof fill>>;
let sourceId: string;
let destinationId: string;
let count = 0;

async function start(options: Parameters<typeof startTestServer>[1] = {}): Promise<void> {
  database = await postgres.openDatabase();
  app = await startTestServer(database, { retryWaits: [0, 0], ...options });
  count += 1;
  const { receiverAeTitle: aeTitle, receiverPort: port } = await app.anna.registration();
  from = await archives.start(`FROM_${count}`, { peers: [{ aeTitle, host: '127.0.0.1', port }] });
  study = await fill(from, {
    seed: `receiver ${count}`,
    patient: { id: 'SECRET-4711', name: 'Geheim^Anna' },
    series: [
      { kind: 'CT', instances: 9, rows: 64 },
      { kind: 'SR', instances: 1 },
    ],
  });
  sourceId = await addNode(app.admin, 'From', from, { retrieve: ['c-move'], maxTasks: 4 });
}

async function stop(): Promise<void> {
  await app?.[Symbol.asyncDispose]();
  await database?.close();
  await from?.close();
}

/** A destination that has nothing yet. */
async function addDestination(): Promise<void> {
  count += 1;
  to = await archives.start(`TO_${count}`);
  destinationId = await addNode(app.admin, `To ${count}`, to);
}

function createJob(...studies: { studyInstanceUid: string; pseudonym?: string }[]): Promise<Job> {
  return app.anna.createJob({ body: { kind: 'selective', sourceId, destinationId, studies } });
}

async function untilEnded({ id }: Job): Promise<Job> {
  const stop = new AbortController();
  for await (const event of app.anna.events({ query: { jobId: id }, signal: stop.signal })) {
    if (event.type === 'job' && event.job.endedAt !== undefined) {
      stop.abort();
      return event.job;
    }
  }
  throw new Error('The events ended before the job did.');
}

async function datasetsOf(archive: ArchiveScp): Promise<string[]> {
  const folder = join(archives.folder, archive.aeTitle);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const datasets = files
    .filter((name) => name.endsWith('.dcm'))
    .map(async (name) => {
      const { dataset } = await readPart10(
        (async function* () {
          yield new Uint8Array(readFileSync(join(folder, name)));
        })(),
      );
      const chunks: Uint8Array[] = [];
      for await (const chunk of dataset) chunks.push(chunk);
      return Buffer.concat(chunks).toString('base64');
    });
  return (await Promise.all(datasets)).sort();
}

describe('a server that listens', () => {
  beforeAll(() => start());
  afterAll(stop);
  beforeEach(addDestination);
  afterEach(() => to.close());

  test('takes a study that its source sends by C-MOVE, byte for byte', async () => {
    expect(await app.anna.registration()).toMatchObject({ receiverListening: true });
    const done = await untilEnded(await createJob({ studyInstanceUid: study.studyInstanceUid }));
    expect(done).toMatchObject({
      state: 'success',
      counts: { expected: 10, received: 10, stored: 10, failed: 0, verified: 10 },
    });
    expect(await datasetsOf(to)).toEqual(await datasetsOf(from));
  });

  test('takes it so, without being told, from a node that does not offer C-GET', async () => {
    const { receiverAeTitle, receiverPort } = await app.anna.registration();
    const peers = [{ aeTitle: receiverAeTitle, host: '127.0.0.1', port: receiverPort }];
    const { get: _, ...handlers } = archiveHandlers(from.archive, 'MOVES_ONLY', { peers });
    await using node = await listen({ aeTitle: 'MOVES_ONLY', host: '127.0.0.1', port: 0, handlers });
    const movesOnly = { aeTitle: 'MOVES_ONLY', port: node.port };
    const job = await app.anna.createJob({
      body: {
        kind: 'selective',
        sourceId: await addNode(app.admin, 'Moves only', movesOnly),
        destinationId,
        studies: [{ studyInstanceUid: study.studyInstanceUid }],
      },
    });
    const done = await untilEnded(job);
    expect(done).toMatchObject({ state: 'success', counts: { expected: 10, stored: 10, verified: 10 } });
  });

  test('keeps jobs for the same study apart, each with its own objects', async () => {
    const { studyInstanceUid } = study;
    const jobs = await Promise.all([
      createJob({ studyInstanceUid }),
      createJob({ studyInstanceUid, pseudonym: 'Subject 1' }),
    ]);
    for (const job of await Promise.all(jobs.map(untilEnded))) {
      expect(job).toMatchObject({ state: 'success', counts: { expected: 10, stored: 10, verified: 10 } });
    }
    const plain = new Set(await datasetsOf(from));
    const arrived = await datasetsOf(to);
    expect(arrived).toHaveLength(20);
    expect(arrived.filter((dataset) => plain.has(dataset))).toHaveLength(10);
  });

  test('refuses strangers, and objects of nodes that nobody waits for', async () => {
    const { receiverPort: port } = await app.anna.registration();
    const receiver = { aeTitle: 'ADIT', host: '127.0.0.1', port, connectAttempts: 1 };
    await expect(echo({ ...receiver, callingAeTitle: 'STRANGER' })).rejects.toThrow(
      'calling AE title not recognised',
    );
    await echo({ ...receiver, callingAeTitle: from.aeTitle });
    await using sink = createDimseSink({ ...receiver, callingAeTitle: from.aeTitle });
    // PS3.7 §C: refused, not authorised.
    expect(await sink.store(study.instances[0]!)).toMatchObject({ state: 'failed', status: 0x0124 });
    expect(app.log.join()).not.toContain('Geheim');
  });

  test('lets a node in that was added a moment ago', async () => {
    const { receiverPort: port } = await app.anna.registration();
    const newcomer = {
      ...{ aeTitle: 'ADIT', host: '127.0.0.1', port },
      ...{ connectAttempts: 1, callingAeTitle: 'NEWCOMER' },
    };
    await expect(echo(newcomer)).rejects.toThrow('not recognised');
    await addNode(app.admin, 'Newcomer', { aeTitle: 'NEWCOMER', port: 9 });
    await echo(newcomer);
  });
});

test('a server whose port is taken says so, and needs no receiver for C-GET', async () => {
  const blocker = createTcpServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as { port: number };
  try {
    await start({ receiverPort: port });
    await addDestination();
    expect(await app.anna.registration()).toMatchObject({ receiverPort: port, receiverListening: false });
    const failed = await untilEnded(await createJob({ studyInstanceUid: study.studyInstanceUid }));
    expect(failed.state).toBe('failure');
    const { tasks } = await app.anna.listTasks({ params: { jobId: failed.id } });
    expect(tasks[0]!.message).toMatch(
      /FROM_\d sends by C-MOVE, and no receiver of ADIT .* is there: start "adit receiver"/,
    );
    sourceId = await addNode(app.admin, 'From by C-GET', from);
    const done = await untilEnded(await createJob({ studyInstanceUid: study.studyInstanceUid }));
    expect(done).toMatchObject({ state: 'success', counts: { stored: 10 } });
  } finally {
    blocker.close();
    await stop();
    await to?.close();
  }
});
