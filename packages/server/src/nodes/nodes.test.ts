import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { NodeSettings, StudySearch } from '@adit/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fill, type TestArchives, testArchives } from '../testing/test-archives.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { addressesOfThisMachine } from './registration.ts';

const postgres = testPostgres();
let database: TestDatabase;
let app: TestServer;
let archives: TestArchives;

beforeAll(async () => {
  database = await postgres.openDatabase();
  app = await startTestServer(database);
  archives = testArchives();
});

afterAll(async () => {
  await archives?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
  await database?.close();
});

let count = 0;
const name = () => {
  count += 1;
  return `Node ${count}`;
};

const dimse = (changes: object = {}) =>
  ({
    kind: 'dimse',
    name: name(),
    source: true,
    destination: false,
    aeTitle: 'PACS',
    host: '127.0.0.1',
    port: 104,
    ...changes,
  }) as NodeSettings;

const web = (changes: object = {}) =>
  ({
    kind: 'dicomweb',
    name: name(),
    source: true,
    destination: false,
    url: 'https://pacs.example/dicom-web',
    ...changes,
  }) as NodeSettings;

const folder = (path: string) =>
  ({ kind: 'folder', name: name(), source: false, destination: true, path }) as NodeSettings;

describe('administration', () => {
  test('adds nodes, with what was left out filled in', async () => {
    const body = dimse();
    const created = await app.admin.createNode({ body });
    expect(created).toEqual({
      ...body,
      id: expect.any(String),
      maxAssociations: 4,
      maxTasks: 2,
      hasAuthorization: false,
    });
    expect(await app.anna.listNodes()).toContainEqual(created);
  });

  test('changes nodes', async () => {
    const { id } = await app.admin.createNode({ body: dimse() });
    const body = dimse({
      port: 11112,
      maxAssociations: 8,
      maxTasks: 1,
      dicomWebUrl: 'https://pacs.example/dicom-web',
      retrieve: ['c-move', 'wado-rs'],
      destination: true,
    });
    expect(await app.admin.updateNode({ params: { nodeId: id }, body })).toEqual({
      ...body,
      id,
      hasAuthorization: false,
    });
  });

  test('removes nodes', async () => {
    const { id } = await app.admin.createNode({ body: dimse() });
    await app.admin.deleteNode({ params: { nodeId: id } });
    const again = app.admin.deleteNode({ params: { nodeId: id } });
    await expect(again).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('does not remove a node that is part of a job', async () => {
    const source = await app.admin.createNode({ body: dimse({ port: 9 }) });
    const destination = await app.admin.createNode({ body: dimse({ destination: true }) });
    const studies = [{ studyInstanceUid: '1.2.3' }];
    await app.anna.createJob({
      body: { kind: 'selective', sourceId: source.id, destinationId: destination.id, studies },
    });
    for (const { id } of [source, destination]) {
      await expect(app.admin.deleteNode({ params: { nodeId: id } })).rejects.toMatchObject({
        status: 409,
        code: 'NODE_IN_USE',
      });
    }
  });

  test('keeps names apart, whatever their case', async () => {
    const first = await app.admin.createNode({ body: dimse({ name: 'Radiology' }) });
    const second = await app.admin.createNode({ body: dimse() });
    const body = dimse({ name: 'RADIOLOGY' });
    await expect(app.admin.createNode({ body })).rejects.toMatchObject({ status: 409, code: 'NAME_TAKEN' });
    await expect(app.admin.updateNode({ params: { nodeId: second.id }, body })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    // Its own name is not taken.
    expect(await app.admin.updateNode({ params: { nodeId: first.id }, body })).toMatchObject({
      name: 'RADIOLOGY',
    });
  });

  test.each<[string, () => NodeSettings, field: string]>([
    ['an AE title of 17 characters', () => dimse({ aeTitle: 'A'.repeat(17) }), 'aeTitle'],
    ['an AE title with a backslash', () => dimse({ aeTitle: 'A\\B' }), 'aeTitle'],
    ['port 0', () => dimse({ port: 0 }), 'port'],
    ['port 65536', () => dimse({ port: 65536 }), 'port'],
    ['no host', () => dimse({ host: ' ' }), 'host'],
    ['65 associations', () => dimse({ maxAssociations: 65 }), 'maxAssociations'],
    ['0 tasks', () => dimse({ maxTasks: 0 }), 'maxTasks'],
    ['no name', () => dimse({ name: '' }), 'name'],
    ['no way to retrieve', () => dimse({ retrieve: [] }), 'retrieve'],
    ['the same way twice', () => dimse({ retrieve: ['c-get', 'c-get'] }), 'retrieve'],
    ['a way nobody knows', () => dimse({ retrieve: ['c-find'] }), 'retrieve.0'],
    ['WADO-RS without a service', () => dimse({ retrieve: ['wado-rs'] }), 'dicomWebUrl'],
    ['an authorization without a service', () => dimse({ authorization: 'Bearer x' }), 'dicomWebUrl'],
    ['a service with credentials', () => dimse({ dicomWebUrl: 'https://me:secret@pacs/' }), 'dicomWebUrl'],
    ['a URL of another kind', () => web({ url: 'file:///etc/passwd' }), 'url'],
    ['a URL with credentials', () => web({ url: 'https://me:secret@pacs/' }), 'url'],
    ['a URL with parameters', () => web({ url: 'https://pacs/?token=secret' }), 'url'],
    ['an authorization that ends its header', () => web({ authorization: 'a\r\nb: c' }), 'authorization'],
    ['a folder as a source', () => ({ ...folder('/x'), source: true }) as never, 'source'],
    ['a relative folder', () => folder('out'), 'path'],
  ])('refuses %s', async (_, settings, field) => {
    const { id } = await app.admin.createNode({ body: dimse() });
    for (const ask of [
      () => app.admin.createNode({ body: settings() }),
      () => app.admin.updateNode({ params: { nodeId: id }, body: settings() }),
    ]) {
      await expect(ask()).rejects.toMatchObject({
        status: 400,
        problem: { fields: { [field]: expect.any(String) } },
      });
    }
  });

  test('refuses the data directory of the server as a destination', async () => {
    await using other = await startTestServer(database);
    for (const path of [
      other.dataDirectory,
      join(other.dataDirectory, 'postgres'),
      `${other.dataDirectory}/x/../y`,
    ]) {
      await expect(other.admin.createNode({ body: folder(path) })).rejects.toMatchObject({
        problem: { fields: { path: expect.stringContaining('data directory') } },
      });
    }
    await other.admin.createNode({ body: folder(`${other.dataDirectory}-beside`) });
  });

  test('keeps the kind of a node', async () => {
    const { id } = await app.admin.createNode({ body: dimse() });
    await expect(app.admin.updateNode({ params: { nodeId: id }, body: web() })).rejects.toMatchObject({
      problem: { fields: { kind: 'must be dimse' } },
    });
  });
});

describe.each<[string, (changes?: { url?: string; authorization?: string }) => NodeSettings]>([
  ['a DICOMweb service', web],
  [
    'the DICOMweb service of a PACS',
    ({ url = 'https://pacs.example/dicom-web', ...changes } = {}) => dimse({ dicomWebUrl: url, ...changes }),
  ],
])('an authorization for %s', (_, web) => {
  const secret = 'Bearer very-secret';
  const sealedOf = async (id: string) =>
    (await database.pool.query('select "authorization" from nodes where id = $1', [id])).rows[0]
      .authorization;

  test('is never given out, and rests encrypted', async () => {
    const created = await app.admin.createNode({ body: web({ authorization: secret }) });
    expect(created).toMatchObject({ hasAuthorization: true });
    expect(JSON.stringify([created, await app.admin.listNodes()])).not.toContain('very-secret');
    expect(await sealedOf(created.id)).toMatch(/^v1\./);
    const { rows } = await database.pool.query('select * from nodes');
    expect(JSON.stringify(rows)).not.toContain('very-secret');
    expect(app.log.join('')).not.toContain('very-secret');
  });

  test('stays when it is left out, and goes when it is empty', async () => {
    const { id } = await app.admin.createNode({ body: web({ authorization: secret }) });
    const params = { nodeId: id };
    const sealed = await sealedOf(id);
    expect(await app.admin.updateNode({ params, body: web() })).toMatchObject({ hasAuthorization: true });
    expect(await sealedOf(id)).toBe(sealed);
    expect(await app.admin.updateNode({ params, body: web({ authorization: '' }) })).toMatchObject({
      hasAuthorization: false,
    });
    expect(await sealedOf(id)).toBeNull();
  });

  test('does not go to another server with the address', async () => {
    const { id } = await app.admin.createNode({ body: web({ authorization: secret }) });
    const params = { nodeId: id };
    const url = 'https://elsewhere.example/dicom-web';
    await expect(app.admin.updateNode({ params, body: web({ url }) })).rejects.toMatchObject({
      problem: { fields: { authorization: expect.any(String) } },
    });
    await app.admin.updateNode({ params, body: web({ url, authorization: 'Bearer another' }) });
    await app.admin.updateNode({ params, body: web({ url: `${url}/v2` }) });
  });
});

test('an authorization goes with the DICOMweb service of a PACS', async () => {
  const dicomWebUrl = 'https://pacs.example/dicom-web';
  const created = await app.admin.createNode({ body: dimse({ dicomWebUrl, authorization: 'Bearer x' }) });
  const params = { nodeId: created.id };
  expect(await app.admin.updateNode({ params, body: dimse() })).toMatchObject({ hasAuthorization: false });
  // It does not come back, to whatever service.
  const url = 'https://elsewhere.example/dicom-web';
  expect(await app.admin.updateNode({ params, body: dimse({ dicomWebUrl: url }) })).toMatchObject({
    hasAuthorization: false,
  });
});

describe('a test', () => {
  async function echo(body: NodeSettings) {
    const { id } = await app.admin.createNode({ body });
    return app.anna.echoNode({ params: { nodeId: id } });
  }

  test('of a DIMSE node is a C-ECHO', async () => {
    const { port, aeTitle } = await archives.start('ECHO_SCP');
    const result = await echo(dimse({ name: 'Echo', port, aeTitle }));
    expect(result).toEqual({
      ok: true,
      seconds: expect.any(Number),
      message: 'Echo answered the C-ECHO: it knows ADIT as ADIT.',
    });
  });

  test('says why a DIMSE node does not answer', async () => {
    const nobody = await echo(dimse({ port: 9 }));
    expect(nobody).toMatchObject({ ok: false, message: expect.stringContaining('PACS@127.0.0.1:9') });
    const { port } = await archives.start('RIGHT_NAME');
    const rejected = await echo(dimse({ port, aeTitle: 'WRONG_NAME' }));
    expect(rejected).toMatchObject({
      ok: false,
      message: expect.stringMatching(/WRONG_NAME.*called AE title/i),
    });
  });

  test('of a DICOMweb node is a small search, with its authorization', async () => {
    const requests: IncomingMessage[] = [];
    const answers: ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(200, { 'content-type': 'application/dicom+json' }).end('[]'),
      (response) => response.writeHead(401).end(),
    ];
    const service = createServer((request, response) => {
      requests.push(request);
      answers[requests.length - 1]?.(response);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => service.once('listening', resolve));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/rs`;
    const { id } = await app.admin.createNode({ body: web({ url, authorization: 'Bearer abc' }) });
    const params = { nodeId: id };
    expect(await app.anna.echoNode({ params })).toMatchObject({ ok: true });
    expect(requests[0]?.url).toMatch(/^\/rs\/studies\?.*limit=1/);
    expect(requests[0]?.headers.authorization).toBe('Bearer abc');
    const refused = await app.anna.echoNode({ params });
    expect(refused.ok).toBe(false);
    expect(refused.message).not.toContain('abc');
    service.close();
  });

  test('of a PACS with a DICOMweb service is both, and says which does not answer', async () => {
    const { port, aeTitle } = await archives.start('ECHO_BOTH');
    let status = 200;
    const service = createServer((request, response) => {
      expect(request.headers.authorization).toBe('Bearer abc');
      response.writeHead(status, { 'content-type': 'application/dicom+json' }).end('[]');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => service.once('listening', resolve));
    const dicomWebUrl = `http://127.0.0.1:${(service.address() as AddressInfo).port}/rs`;
    const settings = { name: 'Both', port, aeTitle, dicomWebUrl, authorization: 'Bearer abc' };
    const { id } = await app.admin.createNode({ body: dimse(settings) });
    const params = { nodeId: id };
    expect(await app.anna.echoNode({ params })).toMatchObject({
      ok: true,
      message:
        'Both answered the C-ECHO: it knows ADIT as ADIT. Its DICOMweb service answered a search for one study.',
    });
    status = 404;
    expect(await app.anna.echoNode({ params })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^Both answered the C-ECHO.* DICOMweb service did not: .*\/rs/),
    });
    service.close();
    const wrong = await echo(dimse({ ...settings, name: 'Wrong', aeTitle: 'WRONG_NAME' }));
    expect(wrong).toMatchObject({ ok: false, message: expect.stringContaining('WRONG_NAME') });
  });

  test('of a folder writes a file and leaves nothing', async () => {
    const path = join(archives.folder, 'writable');
    mkdirSync(path);
    expect(await echo(folder(path))).toMatchObject({ ok: true });
    const missing = await echo(folder(join(archives.folder, 'missing')));
    expect(missing).toMatchObject({ ok: false, message: expect.stringContaining('does not exist') });
    const file = join(archives.folder, 'file');
    writeFileSync(file, '');
    expect(await echo(folder(file))).toMatchObject({
      ok: false,
      message: expect.stringContaining('is a file'),
    });
  });
});

describe('searching', () => {
  let nodeId: string;

  beforeAll(async () => {
    const pacs = await archives.start('SEARCH_SCP');
    const study = (seed: string, id: string, name: string, date: string, description: string) =>
      fill(pacs, {
        seed,
        patient: { id, name, birthDate: '19700312' },
        study: { date, description },
        series: [{ kind: 'CT', instances: 2, rows: 16 }, { kind: 'SR' }],
      });
    await study('1', 'P-1', 'Müller^Jörg', '20240115', 'CT Thorax');
    await study('2', 'P-1', 'Müller^Jörg', '20240320', 'CT Abdomen');
    await study('3', 'P-2', 'Yamada^Tarou=山田^太郎=やまだ^たろう', '20240401', 'CT Thorax nativ');
    const { port, aeTitle } = pacs;
    const body = dimse({ name: 'Search', port, aeTitle });
    nodeId = (await app.admin.createNode({ body })).id;
  });

  async function search(query: StudySearch) {
    const descriptions: string[] = [];
    for await (const line of app.anna.searchStudies({ params: { nodeId }, query })) {
      if ('end' in line) return { descriptions: descriptions.toSorted(), ...line.end };
      descriptions.push(line.study.description ?? '');
    }
    throw new Error('unreachable: the client throws for an answer without an end');
  }

  test.each<[string, object, string[]]>([
    ['nothing', {}, ['CT Abdomen', 'CT Thorax', 'CT Thorax nativ']],
    ['a patient', { patientId: 'P-2' }, ['CT Thorax nativ']],
    ['the beginning of a name', { patientName: 'mül' }, ['CT Abdomen', 'CT Thorax']],
    ['a name as people write it', { patientName: 'Müller, J' }, ['CT Abdomen', 'CT Thorax']],
    ['a name in another script', { patientName: '山田' }, ['CT Thorax nativ']],
    ['a description anywhere', { description: 'Thorax' }, ['CT Thorax', 'CT Thorax nativ']],
    ['a description with wildcards', { description: '*Thorax' }, ['CT Thorax']],
    ['dates', { from: '2024-03-01', to: '2024-03-31' }, ['CT Abdomen']],
    ['a birth date', { patientBirthDate: '1970-03-13' }, []],
    ['a modality', { modality: 'SR' }, ['CT Abdomen', 'CT Thorax', 'CT Thorax nativ']],
    ['several modalities', { modality: 'MR,US' }, []],
    ['one of several modalities', { modality: 'MR,CT', patientId: 'P-2' }, ['CT Thorax nativ']],
  ])('for %s', async (_, query, found) => {
    expect(await search(query)).toEqual({
      descriptions: found,
      matches: found.length,
      limited: false,
      seconds: expect.any(Number),
    });
  });

  test('says whether there is more than the limit', async () => {
    expect(await search({ limit: 2 })).toMatchObject({ matches: 2, limited: true });
    expect(await search({ limit: 3 })).toMatchObject({ matches: 3, limited: false });
  });

  test('gives out studies and series as the source has them', async () => {
    const lines = app.anna.searchStudies({ params: { nodeId }, query: { patientId: 'P-2' } });
    for await (const line of lines) {
      if (!('study' in line)) continue;
      expect(line.study).toMatchObject({
        patientId: 'P-2',
        patientName: { alphabetic: 'Yamada^Tarou', ideographic: '山田^太郎', phonetic: 'やまだ^たろう' },
        patientBirthDate: '1970-03-12',
        studyDate: '2024-04-01',
        studyTime: '10:15:00',
        modalities: expect.arrayContaining(['CT', 'SR']),
        series: 2,
        instances: 3,
      });
      const { studyInstanceUid } = line.study;
      const series: unknown[] = [];
      for await (const one of app.anna.listSeries({ params: { nodeId, studyInstanceUid } })) series.push(one);
      expect(series).toHaveLength(3);
      expect(series).toContainEqual({
        series: expect.objectContaining({ number: '1', modality: 'CT', instances: 2 }),
      });
      expect(series.at(-1)).toMatchObject({ end: { matches: 2, limited: false } });
    }
  });

  test('needs a source that answers', async () => {
    const { id: target } = await app.admin.createNode({ body: dimse({ source: false, destination: true }) });
    const { id: away } = await app.admin.createNode({ body: dimse({ port: 9 }) });
    const ask = async (id: string) => {
      for await (const _ of app.anna.searchStudies({ params: { nodeId: id } }));
    };
    await expect(ask(target)).rejects.toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
    await expect(ask('99999')).rejects.toMatchObject({ status: 404 });
    await expect(ask(away)).rejects.toMatchObject({
      status: 502,
      retryable: true,
      message: expect.stringContaining('PACS@127.0.0.1:9'),
    });
  });
});

describe('the registration', () => {
  test('says what to register at a PACS', async () => {
    expect(await app.anna.registration()).toMatchObject({
      callingAeTitle: 'ADIT',
      receiverAeTitle: 'ADIT',
      receiverPort: expect.any(Number),
      receiverListening: true,
      addresses: expect.arrayContaining(['127.0.0.1']),
    });
  });

  test('names addresses that others can reach first', () => {
    const address = (text: string, family: 'IPv4' | 'IPv6', internal = false) =>
      ({ address: text, family, internal, netmask: '', mac: '', cidr: null }) as never;
    const addresses = addressesOfThisMachine({
      lo: [address('127.0.0.1', 'IPv4', true), address('::1', 'IPv6', true)],
      docker0: [address('172.17.0.1', 'IPv4')],
      eth0: [address('fe80::1', 'IPv6'), address('2001:db8::7', 'IPv6'), address('10.0.0.7', 'IPv4')],
      eth1: [address('169.254.3.4', 'IPv4')],
    });
    expect(addresses).toEqual(['10.0.0.7', '2001:db8::7', '172.17.0.1', '127.0.0.1', '::1']);
  });
});
