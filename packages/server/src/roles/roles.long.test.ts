// An installation of several processes: one receiver, two workers and a web server, which share nothing but PostgreSQL and the
// secret key. Their source is a PACS that offers C-MOVE alone, and sends to the receiver.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, type Job } from '@adit/client';
import type { SyntheticInstance } from '@adit/core/synthetic';
import { type ArchiveScp, archiveHandlers, createDimseSink, type DimseServer, listen } from '@adit/dimse';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createUser } from '../accounts/service.ts';
import { startDcmqrscp } from '../testing/dcmqrscp.ts';
import { dataDirectory, kill } from '../testing/embedded-postgres.ts';
import { freePort } from '../testing/free-port.ts';
import { type ServerProcess, startProcess } from '../testing/server-process.ts';
import { slowWay, type TcpWay } from '../testing/tcp-way.ts';
import { addNode, fill, type TestArchives, testArchives } from '../testing/test-archives.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { PASSWORD } from '../testing/test-server.ts';

const postgres = testPostgres();
const INSTANCES = 40;
const TASKS = 8;

let database: TestDatabase;
let environment: NodeJS.ProcessEnv;
let archives: TestArchives;
let from: ArchiveScp;
let to: ArchiveScp;
let way: TcpWay;
let pacs: DimseServer;
let studyInstanceUid: string;
let instances: readonly SyntheticInstance[];
let client: Client;
beforeEach(async () => {
  database = await postgres.openDatabase();
  await createUser(database.db, { username: 'admin', password: PASSWORD, administrator: true });
  environment = {
    DATABASE_URL: database.connectionString,
    ADIT_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    // AE titles may have underscores.
    ADIT_AE_TITLE: 'ADIT_RECV_1',
    ADIT_RECEIVER_PORT: String(await freePort()),
  };
  archives = testArchives();
  from = await archives.start('FROM');
  to = await archives.start('TO_1');
  const series = [{ kind: 'CT', instances: INSTANCES, rows: 64 }] as const;
  ({ studyInstanceUid, instances } = await fill(from, { seed: 'roles', series }));
  pacs = await movesOnly(Number(environment.ADIT_RECEIVER_PORT));
  // Tasks stay in the middle of an object until the way is mended.
  way = await slowWay(to.port, 60_000);
});
afterEach(async () => {
  await way?.[Symbol.asyncDispose]();
  await pacs?.close();
  await archives?.[Symbol.asyncDispose]();
  await database?.close();
});

function movesOnly(port: number): Promise<DimseServer> {
  const peers = [{ aeTitle: 'ADIT_RECV_1', host: '127.0.0.1', port }];
  const { get: _, ...handlers } = archiveHandlers(from.archive, 'MOVES_ONLY', { peers });
  return listen({ aeTitle: 'MOVES_ONLY', host: '127.0.0.1', port: 0, handlers });
}

async function start(role: string, change: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const process = startProcess([role, '--json'], dataDirectory(), { ...environment, ...change });
  const event = await process.event(role === 'worker' ? 'ready' : 'listening');
  if (role === 'web' || role === 'serve') {
    client = createClient({ baseUrl: `http://127.0.0.1:${event.port}` });
    await client.login({ body: { username: 'admin', password: PASSWORD } });
  }
  return process;
}

/** A job of so many tasks, all for the same study. */
async function createJob(
  tasks = TASKS,
  source = { aeTitle: 'MOVES_ONLY', port: pacs.port },
): Promise<string> {
  const sourceId = await addNode(client, 'From', source, { maxTasks: TASKS, retrieve: ['c-move'] });
  const destinationId = await addNode(client, 'To', { aeTitle: to.aeTitle, port: way.port });
  const studies = Array.from({ length: tasks }, () => ({ studyInstanceUid }));
  return (await client.createJob({ body: { kind: 'selective', sourceId, destinationId, studies } })).id;
}

async function untilEnded(jobId: string): Promise<Job> {
  for (;;) {
    const job = await client.getJob({ params: { jobId } });
    if (job.endedAt !== undefined) return job;
    await sleep(200);
  }
}

async function busyWorkers(): Promise<string[]> {
  const text = 'select distinct worker_id from tasks where worker_id is not null and received > 0';
  const { rows } = await database.pool.query<{ worker_id: string }>(text);
  return rows.map(({ worker_id }) => worker_id);
}

async function untilBusy(workers: number): Promise<void> {
  while ((await busyWorkers()).length < workers) await sleep(50);
}

function arrived(): number {
  const files = readdirSync(join(archives.folder, to.aeTitle), { recursive: true, encoding: 'utf8' });
  return files.filter((name) => name.endsWith('.dcm')).length;
}

/** Each has all instances at the destination, and some had to begin again. */
async function everyTaskIsWhole(jobId: string, count: number): Promise<void> {
  const { tasks } = await client.listTasks({ params: { jobId } });
  expect(tasks).toHaveLength(count);
  for (const task of tasks) {
    expect(task).toMatchObject({ state: 'success', counts: { expected: INSTANCES, failed: 0 } });
    expect(task.counts.stored + task.counts.skipped).toBe(INSTANCES);
  }
  expect(tasks.some(({ attempts }) => attempts > 1)).toBe(true);
  expect(arrived()).toBe(INSTANCES);
}

const allDone = (tasks = TASKS) => ({
  state: 'success',
  tasks: { success: tasks },
  counts: { expected: tasks * INSTANCES, stored: tasks * INSTANCES, failed: 0, verified: tasks * INSTANCES },
});

describe('a receiver, two workers and a web server', { timeout: 240_000 }, () => {
  test('give each of several tasks for one study every object, and stop in order', async () => {
    const roles = [await start('receiver'), await start('worker'), await start('worker'), await start('web')];
    expect(await client.registration()).toMatchObject({
      receiverAeTitle: 'ADIT_RECV_1',
      receiverPort: Number(environment.ADIT_RECEIVER_PORT),
      receiverListening: true,
    });
    const job = await createJob();
    const from = (await client.listNodes()).find(({ name }) => name === 'From')!;
    expect(await client.echoNode({ params: { nodeId: from.id } })).toMatchObject({ ok: true });
    const found = [];
    const search = client.searchStudies({ params: { nodeId: from.id }, query: {} });
    for await (const line of search) if ('study' in line) found.push(line.study.studyInstanceUid);
    expect(found).toEqual([studyInstanceUid]);
    await untilBusy(2);
    way.mend();
    const done = await untilEnded(job);
    expect(done, JSON.stringify(done)).toMatchObject(allDone());
    expect(arrived()).toBe(INSTANCES);
    for (const role of roles) {
      role.child.kill('SIGTERM');
      expect(await role.ended, role.stderr()).toBe(0);
    }
    expect((await database.pool.query('select id from receivers')).rows).toEqual([]);
  });

  test('lose nothing when a worker is killed in the middle of an object', async () => {
    await start('receiver');
    const victim = await start('worker');
    await start('worker');
    await start('web');
    const job = await createJob();
    await untilBusy(2);
    await kill(victim.child);
    way.mend();
    const done = await untilEnded(job);
    expect(done.state, JSON.stringify(done)).toBe('success');
    await everyTaskIsWhole(job, TASKS);
  });

  test('lose nothing when the receiver is killed in the middle of an object, and comes back', async () => {
    const victim = await start('receiver');
    await start('worker');
    await start('web');
    const job = await createJob(4);
    await untilBusy(1);
    await kill(victim.child);
    way.mend();
    // The tasks have noticed before it is back.
    await sleep(2_000);
    await start('receiver');
    const done = await untilEnded(job);
    expect(done.state, JSON.stringify(done)).toBe('success');
    await everyTaskIsWhole(job, 4);
  });

  test('take a study that dcmqrscp sends by C-MOVE', async () => {
    way.mend();
    await start('receiver');
    await start('worker');
    await start('web');
    await using dcmqrscp = await startDcmqrscp({
      aeTitle: 'ADIT_RECV_1',
      port: Number(environment.ADIT_RECEIVER_PORT),
    });
    await using sink = createDimseSink({ aeTitle: 'QRSCP', host: '127.0.0.1', port: dcmqrscp.port });
    for (const instance of instances) expect((await sink.store(instance)).state).toBe('stored');
    await sink.release();
    const done = await untilEnded(await createJob(3, { aeTitle: 'QRSCP', port: dcmqrscp.port }));
    expect(done, JSON.stringify(done)).toMatchObject(allDone(3));
  });
});

test("two whole servers on one database do each other's tasks", { timeout: 120_000 }, async () => {
  // The PACS knows the receiver of the second one.
  const otherPort = await freePort();
  await start('serve', { ADIT_DEMO: 'off', ADIT_RECEIVER_PORT: String(otherPort) });
  await start('serve', { ADIT_DEMO: 'off' });
  const job = await createJob();
  await untilBusy(2);
  way.mend();
  expect(await untilEnded(job)).toMatchObject(allDone());
});

describe('a process that does not belong', () => {
  const fails = async (role: string, change: NodeJS.ProcessEnv) => {
    const process = startProcess([role, '--json'], dataDirectory(), { ...environment, ...change });
    onTestFinished(() => void process.child.kill('SIGKILL'));
    expect(await process.ended).toBe(1);
    return process.stderr();
  };

  test.each(['web', 'worker', 'receiver'])('because it lacks a setting says so: %s', async (role) => {
    expect(await fails(role, { DATABASE_URL: '', ADIT_SECRET_KEY: '' })).toBe(
      `"adit ${role}" is one process of several: set DATABASE_URL and ADIT_SECRET_KEY as in all others, or start "adit serve", which needs no others.\n`,
    );
  });

  test.each(['serve', 'web', 'worker', 'receiver'])(
    'because it has another secret key says so: %s',
    async (role) => {
      const receiver = await start('receiver');
      const key = Buffer.alloc(32, 9).toString('base64');
      const said = await fails(role, { ADIT_SECRET_KEY: key, ADIT_RECEIVER_PORT: '0', ADIT_DEMO: 'off' });
      expect(said).toBe(
        'This database is used with another secret key: set ADIT_SECRET_KEY to the one that the other processes have.\n',
      );
      expect(said + receiver.stderr()).not.toContain(key);
    },
  );

  test('because the port is taken says so, for a receiver alone is there to receive', async () => {
    await start('receiver');
    expect(await fails('receiver', {})).toContain(environment.ADIT_RECEIVER_PORT);
  });
});
