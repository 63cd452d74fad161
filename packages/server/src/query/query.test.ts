import { type Attributes, attributesFrom } from '@adit/core';
import { type DimseServer, type FindRequest, listen } from '@adit/dimse';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { addNode } from '../testing/test-archives.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

const postgres = testPostgres();
let database: TestDatabase;
let app: TestServer;
let scp: DimseServer | undefined;

beforeAll(async () => {
  database = await postgres.openDatabase();
  app = await startTestServer(database);
});

afterEach(async () => {
  await scp?.close();
});

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await database?.close();
});

/** Makes a source known whose answers to searches the test writes. */
async function addSource(find: (request: FindRequest) => AsyncIterable<Attributes>): Promise<string> {
  scp = await listen({ host: '127.0.0.1', port: 0, aeTitle: 'SCRIPTED', handlers: { find } });
  return addNode(app.admin, `Scripted ${scp.port}`, { aeTitle: 'SCRIPTED', port: scp.port });
}

const study = (uid: string, more: object = {}) =>
  attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: uid, StudyDescription: '', ...more });

test('the first match is there while the source still searches', async () => {
  const released = Promise.withResolvers<void>();
  const nodeId = await addSource(async function* () {
    yield study('1.2.1');
    await released.promise;
    yield study('1.2.2');
  });
  const lines = app.anna.searchStudies({ params: { nodeId } })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toMatchObject({ study: { studyInstanceUid: '1.2.1' } });
  released.resolve();
  expect((await lines.next()).value).toMatchObject({ study: { studyInstanceUid: '1.2.2' } });
  expect((await lines.next()).value).toMatchObject({ end: { matches: 2, limited: false } });
});

test('a search ends at the source when nobody waits for it any more', async () => {
  const ended = Promise.withResolvers<void>();
  const nodeId = await addSource(async function* ({ signal }) {
    yield study('1.2.1');
    signal.addEventListener('abort', () => ended.resolve());
    await ended.promise;
  });
  for await (const _ of app.anna.searchStudies({ params: { nodeId } })) break;
  await ended.promise;
});

test('a search ends at the source when there are more matches than wanted', async () => {
  const ended = Promise.withResolvers<void>();
  const nodeId = await addSource(async function* ({ signal }) {
    signal.addEventListener('abort', () => ended.resolve());
    for (let n = 1; !signal.aborted; n += 1) yield study(`1.2.${n}`);
  });
  let last: unknown;
  for await (const line of app.anna.searchStudies({ params: { nodeId }, query: { limit: 5 } })) last = line;
  expect(last).toMatchObject({ end: { matches: 5, limited: true } });
  await ended.promise;
});

test('matches that do not fit, come twice or lack a UID do not use up the limit', async () => {
  const nodeId = await addSource(async function* () {
    for (let n = 0; n < 50; n += 1) yield study(`1.3.${n}`, { PatientID: 'OTHER' });
    for (let n = 0; n < 3; n += 1) yield study('1.2.1', { PatientID: 'P-1' });
    yield study('', { PatientID: 'P-1' });
    yield study('1.2.2', { PatientID: 'P-1' });
  });
  const lines: unknown[] = [];
  const query = { patientId: 'P-1', limit: 2 };
  for await (const line of app.anna.searchStudies({ params: { nodeId }, query })) lines.push(line);
  expect(lines).toMatchObject([
    { study: { studyInstanceUid: '1.2.1' } },
    { study: { studyInstanceUid: '1.2.2' } },
    { end: { matches: 2, limited: false } },
  ]);
});

test('what an archive finds without regard to case is not thrown away', async () => {
  const nodeId = await addSource(async function* () {
    yield study('1.2.1', { StudyDescription: 'CT THORAX' });
    yield study('1.2.2', { StudyDescription: 'CT HEAD' });
  });
  const lines: unknown[] = [];
  const query = { description: 'thorax' };
  for await (const line of app.anna.searchStudies({ params: { nodeId }, query })) lines.push(line);
  expect(lines).toMatchObject([{ study: { description: 'CT THORAX' } }, { end: { matches: 1 } }]);
});

test('studies without dates and with odd values are given out all the same', async () => {
  const nodeId = await addSource(async function* () {
    yield study('1.02.3', { StudyDate: '', PatientBirthDate: '1970', ModalitiesInStudy: [] });
  });
  const lines: unknown[] = [];
  for await (const line of app.anna.searchStudies({ params: { nodeId } })) lines.push(line);
  expect(lines[0]).toEqual({ study: expect.objectContaining({ studyInstanceUid: '1.02.3' }) });
});

test('a source that breaks off in between is an error, not a complete answer', async () => {
  const nodeId = await addSource(async function* () {
    yield study('1.2.1');
    throw new Error('broken');
  });
  const seen: unknown[] = [];
  const searching = (async () => {
    for await (const line of app.anna.searchStudies({ params: { nodeId } })) seen.push(line);
  })();
  await expect(searching).rejects.toMatchObject({ status: 502, code: expect.any(String) });
  expect(seen).toHaveLength(1);
});
