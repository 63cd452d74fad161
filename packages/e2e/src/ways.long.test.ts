import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient, type NodeSettings, type Task } from '@adit/client';
import { textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  adit,
  createTempFolder,
  dataSetOf,
  filesBelow,
  freePort,
  type ListeningWay,
  loadInstances,
  type Orthanc,
  openListeningWay,
  openTcpWay,
  serveAdit,
  startOrthanc,
  type TempFolder,
} from './support/index.ts';

/*
 * One PACS, several ways to retrieve from it. Which one was used is judged by what went to the ports of Orthanc.
 */

const stack = new AsyncDisposableStack();
const study = syntheticStudy({
  seed: 'ways',
  series: [{ kind: 'CT', instances: 30, rows: 128 }, { kind: 'MR', instances: 5, rows: 64 }, { kind: 'SR' }],
});
const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;

let folder: TempFolder;
let receiverPort: number;
/** Offers everything. */
let orthanc: Orthanc;
/** Allows no C-GET. */
let guarded: Orthanc;
/** Has nothing. */
let empty: Orthanc;
let digests: string[];
let dimse: ListeningWay;
let web: ListeningWay;
let count = 0;

beforeAll(async () => {
  folder = stack.use(await createTempFolder('ways'));
  receiverPort = await freePort();
  const modality = { AET: 'ADIT_RECEIVER', Host: '127.0.0.1', Port: receiverPort };
  [orthanc, guarded, empty] = await Promise.all([
    startOrthanc({ aeTitle: 'SOURCE', settings: { DicomModalities: { adit: modality } } }),
    startOrthanc({
      aeTitle: 'SOURCE',
      settings: {
        DicomAlwaysAllowGet: false,
        DicomModalities: { adit: { ...modality, AllowGet: false, AllowMove: true } },
      },
    }),
    startOrthanc({ aeTitle: 'EMPTY' }),
  ]);
  for (const one of [orthanc, guarded, empty]) stack.use(one);
  await loadInstances(orthanc, join(folder.path, 'study'), study);
  await loadInstances(guarded, join(folder.path, 'guarded'), study);
  digests = await digestsOf(await filesBelow(join(folder.path, 'study')));
  dimse = stack.use(await openListeningWay(orthanc.dicomPort));
  web = stack.use(await openListeningWay(Number(new URL(orthanc.restUrl).port)));
}, 120_000);

afterAll(() => stack.disposeAsync());

beforeEach(() => {
  dimse.heard();
  web.heard();
});

async function digestsOf(files: readonly string[]): Promise<string[]> {
  const all = await Promise.all(files.map(async (file) => dataSetOf(await readFile(file))));
  return all.map((bytes) => createHash('sha256').update(bytes).digest('hex')).sort();
}

const url = (port: number, parameters: Record<string, string>) =>
  `dicom://SOURCE@127.0.0.1:${port}?${new URLSearchParams(parameters)}`;

const receiver = () => ['--receiver', `ADIT_RECEIVER:${receiverPort}`];

/** Transfers the study into a folder of its own. */
async function transfer(from: string, ...args: string[]) {
  const to = join(folder.path, `to-${++count}`);
  const command = ['transfer', '--from', from, '--to', to, '--study', studyInstanceUid, ...args];
  return { to, ...(await adit(command)) };
}

type Transferred = Awaited<ReturnType<typeof transfer>>;

async function expectAll({ to, status, summary, stderr, events }: Transferred, way: string) {
  expect(summary, stderr).toMatchObject({
    ...{ ok: true, expected: study.length, instances: study.length, verified: study.length, failed: 0 },
  });
  expect(status).toBe(0);
  expect(events).toContainEqual({ event: 'study', number: 1, of: 1, ok: true, way });
  expect(await digestsOf(await filesBelow(to))).toEqual(digests);
}

/** What came to the ports, but for searches. */
const retrievals = () => [...dimse.heard(), ...web.heard().filter((line) => !line.includes('?'))];

const dicomweb = (path = 'dicom-web') => `http://127.0.0.1:${web.port}/${path}`;

describe('a PACS that offers everything', () => {
  const wado = `GET /dicom-web/studies/${studyInstanceUid}`;

  test.each([
    [undefined, 'WADO-RS', [wado]],
    ['wado-rs,c-move', 'WADO-RS', [wado]],
    ['c-get,wado-rs,c-move', 'C-GET', ['C-GET']],
    ['c-move,c-get,wado-rs', 'C-MOVE', ['C-MOVE']],
    ['c-get', 'C-GET', ['C-GET']],
  ])('with get=%s is retrieved from by %s alone', async (get, way, heard) => {
    const from = url(dimse.port, { ...(get !== undefined && { get }), dicomweb: dicomweb() });
    const result = await transfer(from, ...receiver());
    await expectAll(result, way);
    expect(result.stderr).toBe('');
    expect(retrievals()).toEqual(heard);
  });

  test('gets by its saved name, too', async () => {
    const options = { env: { ADIT_DATA: join(folder.path, 'data') } };
    const from = url(dimse.port, { get: 'wado-rs', dicomweb: dicomweb() });
    expect((await adit(['node', 'add', 'pacs', from], options)).status).toBe(0);
    const to = join(folder.path, 'by-name');
    const { status } = await adit(['get', 'pacs', '--study', studyInstanceUid, '-o', to], options);
    expect(status).toBe(0);
    expect(await digestsOf(await filesBelow(to))).toEqual(digests);
    expect(retrievals()).toEqual([wado]);
    expect((await adit(['echo', 'pacs'], options)).status).toBe(0);
  });
});

describe('the next way is used, and a remark says why, where', () => {
  test('there is no DICOMweb service at the address', async () => {
    const result = await transfer(url(dimse.port, { dicomweb: dicomweb('nowhere') }));
    await expectAll(result, 'C-GET');
    expect(result.stderr).toMatch(/^Not by WADO-RS, but by C-GET: .*nowhere offers no WADO-RS \(HTTP 404\)/);
    expect(retrievals()).toEqual(['C-GET', `GET /nowhere/studies/${studyInstanceUid}`]);
  });

  test('chosen series are asked for, and there is no DICOMweb service', async () => {
    const series = [...new Set(study.map(({ attributes }) => textOf(attributes, 'SeriesInstanceUID')!))];
    const from = url(dimse.port, { dicomweb: dicomweb('nowhere') });
    await expectAll(await transfer(from, ...series.flatMap((uid) => ['--series', uid])), 'C-GET');
  });

  test('nobody listens at the address of the DICOMweb service', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}/dicom-web`;
    const result = await transfer(url(dimse.port, { dicomweb: nobody }));
    await expectAll(result, 'C-GET');
    expect(result.stderr).toMatch(/^Not by WADO-RS, but by C-GET: .*could not be reached/);
    expect(retrievals()).toEqual(['C-GET']);
  });

  test('there is no receiver for C-MOVE', async () => {
    const result = await transfer(url(dimse.port, { get: 'c-move,c-get' }));
    await expectAll(result, 'C-GET');
    expect(result.stderr).toMatch(/^Not by C-MOVE, but by C-GET: .*needs a receiver/);
    expect(retrievals()).toEqual(['C-GET']);
  });

  test('the PACS allows no C-GET', async () => {
    const byWeb = { get: 'c-get,wado-rs', dicomweb: guarded.dicomWebUrl };
    const result = await transfer(url(guarded.dicomPort, byWeb));
    await expectAll(result, 'WADO-RS');
    expect(result.stderr).toMatch(/^Not by C-GET, but by WADO-RS: /);
    await expectAll(await transfer(url(guarded.dicomPort, {}), ...receiver()), 'C-MOVE');
  });
});

test('where nothing is left, one error says what each way came to', async () => {
  const from = url(guarded.dicomPort, { dicomweb: `${guarded.restUrl}/nowhere` });
  const { status, summary, stderr } = await transfer(from);
  expect({ status, ...summary }).toMatchObject({ status: 1, ok: false, instances: 0, failed: study.length });
  expect(stderr).toMatch(
    /No way to retrieve is left\. WADO-RS: .*HTTP 404.* C-GET: SOURCE@.* C-MOVE: SOURCE@.*receiver/,
  );
});

describe('another way is not used where', () => {
  test('the PACS fails: Orthanc says no more of a receiver that it does not know', async () => {
    const from = url(dimse.port, { get: 'c-move,c-get' });
    const { status, stderr } = await transfer(from, '--receiver', `NOBODY:${receiverPort}`);
    expect(status).toBe(1);
    expect(stderr).toMatch(/ended the move to NOBODY with status C000/);
    expect(retrievals()).toEqual(['C-MOVE']);
  });

  test('the DICOMweb service lacks the study', async () => {
    const { status, stderr } = await transfer(url(dimse.port, { dicomweb: empty.dicomWebUrl }));
    expect(status).toBe(1);
    expect(stderr).toMatch(/does not have the study \(HTTP 404\)/);
    expect(retrievals()).toEqual([]);
  });

  test('the DICOMweb service refuses access, and with a header it does not', async () => {
    await using locked = await startOrthanc({
      aeTitle: 'SOURCE',
      settings: { AuthenticationEnabled: true, RegisteredUsers: { me: 'secret' } },
    });
    await loadInstances(locked, join(folder.path, 'locked'), study);
    await using listened = await openListeningWay(locked.dicomPort);
    const from = url(listened.port, { dicomweb: locked.dicomWebUrl });
    const { status, stderr } = await transfer(from);
    expect(status).toBe(1);
    expect(stderr).toMatch(/refused access \(HTTP 401\)/);
    expect(listened.heard()).toEqual([]);

    const header = join(folder.path, 'header');
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    await writeFile(header, `Authorization: ${authorization}\n`);
    await expectAll(await transfer(from, '--header-file', header), 'WADO-RS');
    expect(listened.heard()).toEqual([]);
  });

  test('the answer is cut in its middle: the next attempt asks for the rest, by the same way', async () => {
    const size = study.reduce((sum, { byteLength }) => sum + (byteLength ?? 0), 0);
    const port = Number(new URL(orthanc.restUrl).port);
    await using way = await openTcpWay(port, { of: 'answers', after: size / 2, failure: 'cut' });
    const from = url(dimse.port, { dicomweb: `http://127.0.0.1:${way.port}/dicom-web` });
    const ledger = join(folder.path, 'cut.ledger');
    const to = join(folder.path, 'cut');
    const command = ['transfer', '--from', from, '--to', to, '--study', studyInstanceUid];
    const first = await adit([...command, '--ledger', ledger]);
    expect(first.status).toBe(1);
    expect(first.summary.instances).toBeGreaterThan(0);
    expect(first.summary.instances).toBeLessThan(study.length);
    way.mend();
    const rest = await adit([...command, '--resume', ledger]);
    expect(rest.summary, rest.stderr).toMatchObject({
      ...{ ok: true, instances: study.length - first.summary.instances, skipped: first.summary.instances },
    });
    expect(rest.events).toContainEqual(expect.objectContaining({ event: 'study', way: 'WADO-RS' }));
    expect(await digestsOf(await filesBelow(to))).toEqual(digests);
    expect(retrievals()).toEqual([]);
  });
});

describe('wrong usage', () => {
  test.each([
    ['get=wado-rs', /say where with dicomweb=/],
    ['get=c-store', /name some of wado-rs, c-get, c-move/],
    ['get=c-move', /--receiver AET:PORT/],
    ['dicomweb=nonsense', /is no address/],
    ['dicomweb=http://me:secret@127.0.0.1', /--header-file/],
  ])('%s ends with status 2', async (parameters, says) => {
    const { status, stderr } = await transfer(`${orthanc.dicomUrl}?${parameters}`);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain('secret');
    expect(status).toBe(2);
  });
});

describe('a job of the product', () => {
  let client: Client;
  let destinationId: string;

  beforeAll(async () => {
    const served = stack.use(await serveAdit());
    client = createClient({ baseUrl: served.url });
    const { username, password } = served.firstLogin;
    await client.login({ body: { username, password } });
    destinationId = (await addNode({ port: empty.dicomPort, aeTitle: 'EMPTY', source: false })).id;
  }, 180_000);

  const addNode = (changes: Partial<Extract<NodeSettings, { kind: 'dimse' }>>) =>
    client.createNode({
      body: {
        ...{ kind: 'dimse', name: `Node ${++count}`, source: true, destination: true },
        ...{ aeTitle: 'SOURCE', host: '127.0.0.1', port: dimse.port },
        ...changes,
      },
    });

  async function run(sourceId: string): Promise<Task> {
    const studies = [{ studyInstanceUid }];
    const job = await client.createJob({ body: { kind: 'selective', sourceId, destinationId, studies } });
    const stop = new AbortController();
    for await (const event of client.events({ query: { jobId: job.id }, signal: stop.signal })) {
      if (event.type === 'job' && event.job.endedAt !== undefined) stop.abort();
      if (stop.signal.aborted) break;
    }
    const [task] = (await client.listTasks({ params: { jobId: job.id }, query: {} })).tasks;
    expect(await empty.instanceIds()).toHaveLength(task!.state === 'success' ? study.length : 0);
    await empty.clear();
    return task!;
  }

  test('goes by the order of the node', async () => {
    const byWeb = await addNode({ dicomWebUrl: dicomweb() });
    expect(await client.echoNode({ params: { nodeId: byWeb.id } })).toMatchObject({ ok: true });
    dimse.heard();
    web.heard();
    expect(await run(byWeb.id)).toMatchObject({ state: 'success' });
    expect(retrievals()).toEqual([`GET /dicom-web/studies/${studyInstanceUid}`]);

    const byGet = await addNode({ dicomWebUrl: dicomweb(), retrieve: ['c-get', 'wado-rs'] });
    expect(await run(byGet.id)).toMatchObject({ state: 'success' });
    expect(retrievals()).toEqual(['C-GET']);
  });

  test('says of a way that is not there, and is no warning', async () => {
    const { id } = await addNode({ dicomWebUrl: dicomweb('nowhere') });
    const { state, message } = await run(id);
    expect(state).toBe('success');
    expect(message).toMatch(/Fetched by C-GET: WADO-RS is not available at the source\.$/);
    const echoed = await client.echoNode({ params: { nodeId: id } });
    expect(echoed).toMatchObject({ ok: false, message: expect.stringContaining('DICOMweb service did not') });
  });
});
