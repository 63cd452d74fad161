import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Job, LiveEvent, Task } from '@adit/client';
import { attributesFrom, decodeDataset, readPart10, textOf } from '@adit/core';
import { type ArchiveScp, listen } from '@adit/dimse';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lossyWay, slowWay } from '../testing/tcp-way.ts';
import { addNode, fill, type TestArchives, testArchives } from '../testing/test-archives.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

const postgres = testPostgres();
const patient = { id: 'SECRET-4711', name: 'Geheim^Anna', birthDate: '19700312' };

let archives: TestArchives;
let a: ArchiveScp;
let b: ArchiveScp;
let study: Awaited<ReturnType<typeof fill>>;

beforeAll(async () => {
  archives = testArchives();
  a = await archives.start('PACS_A');
  study = await fill(a, {
    seed: 'transfer',
    patient,
    series: [
      { kind: 'CT', instances: 12, rows: 64 },
      { kind: 'SR', instances: 1 },
    ],
  });
});

afterAll(() => archives?.[Symbol.asyncDispose]());

let database: TestDatabase;
let app: TestServer;
let sourceId: string;
let destinationId: string;
let count = 0;

beforeEach(async () => {
  database = await postgres.openDatabase();
  app = await startTestServer(database, { retryWaits: [0] });
  count += 1;
  b = await archives.start(`PACS_B${count}`);
  sourceId = await addNode(app.admin, 'A', a);
  destinationId = await addNode(app.admin, 'B', b);
});

afterEach(async () => {
  await app?.[Symbol.asyncDispose]();
  await database?.close();
  await b?.close();
});

function createJob(
  client: Client,
  studies: {
    studyInstanceUid: string;
    pseudonym?: string;
    seriesInstanceUids?: string[];
    patientId?: string;
  }[],
  to = destinationId,
): Promise<Job> {
  return client.createJob({ body: { kind: 'selective', sourceId, destinationId: to, studies } });
}

async function untilEnded(client: Client, jobId: string): Promise<Job> {
  const stop = new AbortController();
  for await (const event of client.events({ query: { jobId }, signal: stop.signal })) {
    if (event.type === 'job' && event.job.endedAt !== undefined) {
      stop.abort();
      return event.job;
    }
  }
  throw new Error('The events ended before the job did.');
}

async function tasksOf(client: Client, jobId: string): Promise<Task[]> {
  return (await client.listTasks({ params: { jobId } })).tasks;
}

/** Every object of an archive: what its files hold. */
function filesOf(archive: ArchiveScp): string[] {
  const folder = join(archives.folder, archive.aeTitle);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.dcm'))
    .map((name) => join(folder, name));
}

async function datasetOf(file: string): Promise<Uint8Array> {
  async function* bytes() {
    yield new Uint8Array(readFileSync(file));
  }
  const instance = await readPart10(bytes());
  const chunks: Uint8Array[] = [];
  for await (const chunk of instance.dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a study', () => {
  test('arrives complete, byte for byte, and verified', async () => {
    const job = await createJob(app.anna, [{ studyInstanceUid: study.studyInstanceUid }]);
    expect(job).toMatchObject({
      owner: 'anna',
      source: { id: sourceId, name: 'A' },
      destination: { id: destinationId, name: 'B' },
      actions: ['cancel'],
    });
    const done = await untilEnded(app.anna, job.id);
    expect(done).toMatchObject({
      state: 'success',
      message: 'All tasks succeeded.',
      counts: { expected: 13, received: 13, stored: 13, failed: 0, held: 0, verified: 13 },
      actions: [],
    });
    const [task] = await tasksOf(app.anna, job.id);
    expect(task).toMatchObject({
      state: 'success',
      attempts: 1,
      verification: 'image',
      message: '13 instances transferred, each found again at the destination.',
    });
    const bytes = study.instances.reduce((sum, { byteLength }) => sum + (byteLength ?? 0), 0);
    expect(done.counts.bytes).toBe(bytes);
    const sent = await Promise.all(
      study.instances.map(async ({ dataset }) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of dataset) chunks.push(chunk);
        return Buffer.concat(chunks).toString('base64');
      }),
    );
    const arrived = await Promise.all(
      filesOf(b).map(async (file) => Buffer.from(await datasetOf(file)).toString('base64')),
    );
    expect(arrived.toSorted()).toEqual(sent.toSorted());
  });

  test('arrives under its pseudonym, and nothing of the patient with it', async () => {
    const job = await createJob(app.anna, [
      { studyInstanceUid: study.studyInstanceUid, pseudonym: 'P-001', patientId: patient.id },
    ]);
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'success', counts: { verified: 13 } });
    const files = filesOf(b);
    expect(files).toHaveLength(13);
    for (const file of files) {
      const bytes = Buffer.from(await datasetOf(file));
      const attributes = decodeDataset(bytes, { transferSyntaxUid: '1.2.840.10008.1.2.1' });
      expect(textOf(attributes, 'PatientID')).toBe('P-001');
      expect(textOf(attributes, 'PatientName')).toBe('P-001');
      for (const secret of ['SECRET-4711', 'Geheim', study.studyInstanceUid]) {
        expect(bytes.includes(secret), secret).toBe(false);
      }
    }
    // Neither in what the server logs and says, nor more than needed in what it keeps.
    const said = [...app.log, JSON.stringify(await tasksOf(app.anna, job.id))].join('\n');
    expect(said).not.toContain('SECRET-4711');
    expect(said).not.toContain('Geheim');
    expect((await database.pool.query('select * from ledger')).rows).toEqual([]);
  });

  test('gets the same UIDs in another job, so that both fit together', async () => {
    const studies = [{ studyInstanceUid: study.studyInstanceUid, pseudonym: 'P-001' }];
    await untilEnded(app.anna, (await createJob(app.anna, studies)).id);
    const first = filesOf(b).toSorted();
    const again = await untilEnded(app.anna, (await createJob(app.anna, studies)).id);
    expect(again.state).toBe('success');
    expect(filesOf(b).toSorted()).toEqual(first);
  });

  test('goes in part where series are chosen', async () => {
    const seriesInstanceUid = study.instances[0]?.attributes['0020000E']?.Value?.[0] as string;
    const job = await createJob(app.anna, [
      { studyInstanceUid: study.studyInstanceUid, seriesInstanceUids: [seriesInstanceUid] },
    ]);
    expect(await untilEnded(app.anna, job.id)).toMatchObject({
      state: 'success',
      counts: { expected: 12, stored: 12, verified: 12 },
    });
  });

  test('goes into a folder, below one of its job', async () => {
    const path = join(archives.folder, `out${count}`);
    const { id } = await app.admin.createNode({
      body: { kind: 'folder', name: 'Out', source: false, destination: true, path },
    });
    const job = await createJob(
      app.anna,
      [{ studyInstanceUid: study.studyInstanceUid, pseudonym: 'P 1' }],
      id,
    );
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'success', counts: { verified: 13 } });
    expect((await tasksOf(app.anna, job.id))[0]?.verification).toBe('reread');
    const [folder] = readdirSync(path);
    expect(folder).toMatch(new RegExp(`^adit_selective_transfer_${job.id}_\\d{8}_anna$`));
    expect(readdirSync(join(path, folder as string))).toEqual(['P 1']);
  });

  test('that the source does not know is a failure that is not tried again', async () => {
    const job = await createJob(app.anna, [{ studyInstanceUid: '1.2.3.4' }]);
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'failure', counts: { stored: 0 } });
    expect(await tasksOf(app.anna, job.id)).toMatchObject([
      { state: 'failure', attempts: 1, message: expect.stringContaining('does not know this study') },
    ]);
  });

  test('of which nothing arrives is never a success', async () => {
    // A source that knows the study and delivers none of it.
    await using empty = await listen({
      host: '127.0.0.1',
      port: 0,
      aeTitle: 'EMPTY',
      handlers: {
        async *find({ level }) {
          if (level === 'STUDY') yield attributesFrom({ StudyInstanceUID: '1.2.3' });
        },
        get: () => ({ count: 0, instances: (async function* () {})() }),
      },
    });
    const emptyId = await addNode(app.admin, 'Empty', { aeTitle: 'EMPTY', port: empty.port });
    const job = await app.anna.createJob({
      body: {
        kind: 'selective',
        sourceId: emptyId,
        destinationId,
        studies: [{ studyInstanceUid: '1.2.3' }],
      },
    });
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'failure', counts: { stored: 0 } });
    const [task] = await tasksOf(app.anna, job.id);
    expect(task?.message).not.toBe('');
  });

  test('shows how far it is while it goes', async () => {
    const seen: LiveEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of app.anna.events({ signal: stop.signal })) {
        seen.push(event);
        if (event.type === 'job' && event.job.endedAt !== undefined) stop.abort();
      }
    })();
    await sleep(100);
    const job = await createJob(app.anna, [{ studyInstanceUid: study.studyInstanceUid }]);
    await watching;
    expect(seen.at(-1)).toMatchObject({ type: 'job', job: { id: job.id, state: 'success' } });
  });
});

describe('a destination', () => {
  test('that is down is tried again, and served when it comes up', async () => {
    const { port, aeTitle } = b;
    await b.close();
    const job = await createJob(app.anna, [{ studyInstanceUid: study.studyInstanceUid, pseudonym: 'P-1' }]);
    for (;;) {
      const [task] = await tasksOf(app.anna, job.id);
      if ((task?.attempts ?? 0) >= 1 && task?.message !== '') {
        expect(task?.message).toMatch(/PACS_B.*Attempt \d of 3 follows\.$|PACS_B/);
        break;
      }
      await sleep(20);
    }
    b = await archives.start(aeTitle, { port });
    let done = await untilEnded(app.anna, job.id);
    // All attempts may be over before the archive is back.
    if (done.state === 'failure') {
      expect(done.actions).toEqual(['retry']);
      await app.anna.retryJob({ params: { jobId: job.id } });
      done = await untilEnded(app.anna, job.id);
    }
    expect(done).toMatchObject({ state: 'success', counts: { stored: 13, verified: 13 } });
    expect(filesOf(b)).toHaveLength(13);
  });

  test('that goes away in between gets only what it lacks afterwards', async () => {
    // A way to the destination that is cut after a while, as networks are.
    await using cut = await lossyWay(b.port, 60_000);
    const lossy = await addNode(
      app.admin,
      'Lossy',
      { aeTitle: b.aeTitle, port: cut.port },
      { maxAssociations: 1 },
    );
    const job = await createJob(
      app.anna,
      [{ studyInstanceUid: study.studyInstanceUid, pseudonym: 'P-1' }],
      lossy,
    );
    let done = await untilEnded(app.anna, job.id);
    if (done.state === 'failure') {
      cut.mend();
      await app.anna.retryJob({ params: { jobId: job.id } });
      done = await untilEnded(app.anna, job.id);
    }
    expect(done.state).toBe('success');
    expect(cut.cuts()).toBeGreaterThan(0);
    const { stored, skipped, expected } = done.counts;
    expect(stored + skipped).toBe(expected);
    expect(filesOf(b)).toHaveLength(13);
  });
});

describe('cancel', () => {
  test('stops a running transfer', async () => {
    await using slow = await slowWay(b.port, 30_000);
    const through = await addNode(app.admin, 'Slow', { aeTitle: b.aeTitle, port: slow.port });
    const job = await createJob(app.anna, [{ studyInstanceUid: study.studyInstanceUid }], through);
    while ((await app.anna.getJob({ params: { jobId: job.id } })).counts.received === 0) await sleep(20);
    const canceling = await app.anna.cancelJob({ params: { jobId: job.id } });
    expect(['canceling', 'canceled']).toContain(canceling.state);
    const done = await untilEnded(app.anna, job.id);
    expect(done).toMatchObject({ state: 'canceled', actions: ['resume'] });
    expect(done.counts.stored).toBeLessThan(13);
    slow.mend();
    await app.anna.resumeJob({ params: { jobId: job.id } });
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'success' });
    expect(filesOf(b)).toHaveLength(13);
  });
});

describe('jobs', () => {
  test('are seen by their owner and administrators alone', async () => {
    const job = await createJob(app.anna, [{ studyInstanceUid: study.studyInstanceUid }]);
    const params = { jobId: job.id };
    for (const ask of [
      () => app.bert.getJob({ params }),
      () => app.bert.listTasks({ params }),
      () => app.bert.cancelJob({ params }),
      () => app.bert.retryJob({ params }),
    ]) {
      await expect(ask()).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
    }
    expect((await app.bert.listJobs()).jobs).toEqual([]);
    await expect(app.bert.listJobs({ query: { all: 'true' } })).rejects.toMatchObject({ status: 403 });
    expect((await app.admin.listJobs()).jobs).toEqual([]);
    expect((await app.admin.listJobs({ query: { all: 'true' } })).jobs).toHaveLength(1);
    await untilEnded(app.anna, job.id);
    await expect(app.anna.restartJob({ params })).rejects.toMatchObject({ status: 403 });
    expect(await app.admin.restartJob({ params })).toMatchObject({ state: 'pending' });
    expect(await untilEnded(app.admin, job.id)).toMatchObject({ state: 'success' });
  });

  test('need a source, a destination and two different nodes', async () => {
    const studies = [{ studyInstanceUid: study.studyInstanceUid }];
    const node = { kind: 'dimse', name: 'None', aeTitle: 'X', host: 'x', port: 104 } as const;
    const { id: neither } = await app.admin.createNode({
      body: { ...node, source: false, destination: false },
    });
    await expect(createJob(app.anna, studies, neither)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(createJob(app.anna, studies, sourceId)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(createJob(app.anna, studies, '999')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(
      app.anna.createJob({ body: { kind: 'selective', sourceId: neither, destinationId, studies } }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect((await app.admin.listJobs({ query: { all: 'true' } })).jobs).toEqual([]);
  });

  test('have as many studies as the contract says, and no more', async () => {
    const studies = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ studyInstanceUid: `1.2.${index}` }));
    await expect(createJob(app.anna, studies(0))).rejects.toMatchObject({ status: 400 });
    await expect(createJob(app.anna, studies(1001))).rejects.toMatchObject({ status: 400 });
    const job = await createJob(app.anna, studies(1000));
    expect(job.tasks.total).toBe(1000);
    await app.anna.cancelJob({ params: { jobId: job.id } });
    expect(await untilEnded(app.anna, job.id)).toMatchObject({ state: 'canceled' });
  });

  test('come in pages', async () => {
    for (let n = 0; n < 3; n += 1) await createJob(app.anna, [{ studyInstanceUid: '1.2.3.4' }]);
    const first = await app.anna.listJobs({ query: { limit: 2 } });
    expect(first.jobs).toHaveLength(2);
    const second = await app.anna.listJobs({ query: { limit: 2, before: first.next } });
    expect(second).toMatchObject({ jobs: [expect.anything()] });
    expect(second.next).toBeUndefined();
    const ids = [...first.jobs, ...second.jobs].map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((x, y) => y - x));
  });
});
