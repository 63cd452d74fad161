import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from '@adit/client';
import { afterEach, expect, test } from 'vitest';
import { createUser } from '../accounts/service.ts';
import { slowWay } from '../testing/tcp-way.ts';
import { addNode, fill, testArchives } from '../testing/test-archives.ts';
import { testPostgres } from '../testing/test-postgres.ts';
import { PASSWORD, startTestServer } from '../testing/test-server.ts';

const postgres = testPostgres();
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Starts a server in a process of its own. */
async function startProcess(connectionString: string): Promise<{ child: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL('../testing/run-server.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=@adit/source', script, connectionString, '/var/lib/adit-test'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  for await (const url of createInterface({ input: child.stdout! })) return { child, url };
  throw new Error('The server ended without a word.');
}

test('a transfer whose server is killed goes on at the next start, with what it lacks', async () => {
  await using database = await postgres.openDatabase();
  await createUser(database.db, { username: 'admin', password: PASSWORD, administrator: true });
  await using archives = testArchives();
  const a = await archives.start('PACS_A');
  const b = await archives.start('PACS_B');
  const { studyInstanceUid } = await fill(a, {
    seed: 'crash',
    series: [{ kind: 'CT', instances: 40, rows: 64 }],
  });
  await using way = await slowWay(b.port, 150_000);

  const { child, url } = await startProcess(database.connectionString);
  const client = createClient({ baseUrl: url });
  await client.login({ body: { username: 'admin', password: PASSWORD } });
  const sourceId = await addNode(client, 'A', a);
  const destinationId = await addNode(client, 'B', { aeTitle: b.aeTitle, port: way.port });
  const { id: jobId } = await client.createJob({
    body: { kind: 'selective', sourceId, destinationId, studies: [{ studyInstanceUid, pseudonym: 'P-1' }] },
  });
  const stored = async () => Number((await database.pool.query('select count(*) from ledger')).rows[0].count);
  while ((await stored()) === 0) await sleep(50);

  child.kill('SIGKILL');
  await once(child, 'exit');
  const before = await stored();
  way.mend();

  await using next = await startTestServer(database);
  const stop = new AbortController();
  let job = await next.admin.getJob({ params: { jobId } });
  for await (const event of next.admin.events({ query: { jobId }, signal: stop.signal })) {
    if (event.type !== 'job') continue;
    job = event.job;
    if (job.endedAt !== undefined) stop.abort();
  }
  expect(job).toMatchObject({ state: 'success', counts: { expected: 40, skipped: before } });
  expect(job.counts.stored).toBe(40 - before);
  const { tasks } = await next.admin.listTasks({ params: { jobId } });
  expect(tasks).toMatchObject([{ state: 'success', attempts: 2 }]);
  // The same UIDs as before: nothing is there twice.
  const files = readdirSync(join(archives.folder, 'PACS_B'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((name) => name.endsWith('.dcm'))).toHaveLength(40);
});

test('tasks of a server that is killed are taken over by one that runs', async () => {
  await using database = await postgres.openDatabase();
  await using next = await startTestServer(database);
  await using archives = testArchives();
  const a = await archives.start('PACS_A');
  const b = await archives.start('PACS_B');
  const { studyInstanceUid } = await fill(a, {
    seed: 'crash',
    series: [{ kind: 'CT', instances: 20, rows: 64 }],
  });
  await using way = await slowWay(b.port, 50_000);
  const sourceId = await addNode(next.admin, 'A', a, { maxTasks: 8 });
  const destinationId = await addNode(next.admin, 'B', { aeTitle: b.aeTitle, port: way.port });

  const { child } = await startProcess(database.connectionString);
  const { id: jobId } = await next.admin.createJob({
    body: { kind: 'selective', sourceId, destinationId, studies: Array(8).fill({ studyInstanceUid }) },
  });
  const workers = async () =>
    (
      await database.pool.query<{ worker_id: string }>(
        'select distinct worker_id from tasks where worker_id is not null',
      )
    ).rows.length;
  while ((await workers()) < 2) await sleep(20);
  child.kill('SIGKILL');
  await once(child, 'exit');
  way.mend();

  for (;;) {
    const job = await next.admin.getJob({ params: { jobId } });
    if (job.endedAt !== undefined) {
      expect(job).toMatchObject({ state: 'success', tasks: { success: 8 } });
      break;
    }
    await sleep(100);
  }
  const { rows } = await database.pool.query('select id from workers');
  expect(rows).toHaveLength(1);
});
