import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Attributes,
  attributesFrom,
  DicomError,
  type DicomInstance,
  decodeDataset,
  encodeDataset,
  SopClass,
  type StoreOutcome,
  TransferSyntax,
  textOf,
} from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes } from '../concat-bytes.ts';
import { createDicomWebClient, type DicomWebClient } from '../create-dicomweb-client.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { parseMultipart } from '../multipart/parse-multipart.ts';
import { createNodeListener } from '../node/create-node-listener.ts';
import { createDicomWebSink, type DicomWebSink } from '../stow/create-dicomweb-sink.ts';
import { bytesOf, chunked, collect, toArray } from '../testing/bytes.ts';
import { createMemoryArchive, type MemoryArchive } from '../testing/memory-archive.ts';
import { multipartMessage } from '../testing/multipart-message.ts';
import { createDicomWebHandler, type DicomWebHandlerOptions } from './create-dicomweb-handler.ts';

const study = syntheticStudy({
  seed: 'head',
  patient: { id: 'P1', name: 'Müller^Jörg' },
  study: { date: '20240115', description: 'Schädel nativ' },
  series: [
    { kind: 'CT', instances: 3, rows: 64 },
    { kind: 'SR' },
    { kind: 'SC', rows: 64, transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian },
    { kind: 'CT', rows: 64, transferSyntaxUid: TransferSyntax.DeflatedExplicitVrLittleEndian },
    { kind: 'enhanced-MR', rows: 64, frames: 5, transferSyntaxUid: TransferSyntax.RleLossless },
    { kind: 'US', rows: 64, transferSyntaxUid: TransferSyntax.ExplicitVrBigEndian },
  ],
});
const other = syntheticStudy({
  seed: 'trunk',
  patient: { id: 'P2', name: 'Doe^Jane' },
  study: { date: '20240220' },
  series: [{ kind: 'CT', instances: 2, rows: 32 }],
});
const uid = (instance: { attributes: Attributes }, keyword: string) => textOf(instance.attributes, keyword)!;
const STUDY = uid(study[0]!, 'StudyInstanceUID');
const SERIES = uid(study[0]!, 'SeriesInstanceUID');
const path = (instance: (typeof study)[number]) =>
  `/studies/${STUDY}/series/${uid(instance, 'SeriesInstanceUID')}/instances/${instance.sopInstanceUid}`;

let archive: MemoryArchive;
let root: string;
let client: DicomWebClient;
let sink: DicomWebSink;
let errors: unknown[];
let stop: () => Promise<void>;

async function start(options: Partial<DicomWebHandlerOptions> = {}): Promise<void> {
  errors = [];
  const handler = createDicomWebHandler({
    queryable: archive,
    source: archive,
    sink: archive,
    basePath: '/dicom-web',
    onError: (error) => errors.push(error),
    ...options,
  });
  const server = createServer({ requestTimeout: 0 }, createNodeListener(handler));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`;
  client = createDicomWebClient({ url: root });
  sink = createDicomWebSink({ url: root });
  stop = async () => {
    await client[Symbol.asyncDispose]();
    await sink[Symbol.asyncDispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}

async function restart(options: Partial<DicomWebHandlerOptions>): Promise<void> {
  await stop();
  await start(options);
}

beforeEach(async () => {
  archive = createMemoryArchive();
  for (const instance of [...study, ...other]) await archive.store(instance);
  await start();
});

afterEach(() => stop());

const get = (below: string, headers: Record<string, string> = {}) => fetch(root + below, { headers });
const json = async (below: string) => (await (await get(below)).json()) as Attributes[];
const texts = (found: readonly Attributes[], keyword: string) =>
  found.map((one) => textOf(one, keyword)).sort();
const sops = (instances: readonly DicomInstance[]) =>
  instances.map(({ sopInstanceUid }) => sopInstanceUid).sort();

async function problem(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const { status, detail } = (await response.json()) as { status: number; detail: string };
  expect(status).toBe(response.status);
  expect(detail).toMatch(/^[A-Z].*\.$/);
  return detail;
}

describe('our client and our service', () => {
  it('store and retrieve every data set byte for byte', async () => {
    archive.kept.clear();
    const outcomes = await Promise.all(study.map((instance) => sink.store(instance)));
    expect(outcomes).toEqual(study.map(() => ({ state: 'stored' })));
    const received: string[] = [];
    for await (const instance of client.retrieve({ studyInstanceUid: STUDY })) {
      const sent = study.find((one) => one.sopInstanceUid === instance.sopInstanceUid)!;
      expect(instance).toMatchObject({
        sopClassUid: sent.sopClassUid,
        transferSyntaxUid: sent.transferSyntaxUid,
      });
      expect(await collect(instance.dataset)).toEqual(await collect(sent.dataset));
      received.push(instance.sopInstanceUid);
    }
    expect(received.sort()).toEqual(sops(study));
    expect(errors).toEqual([]);
  });

  it('retrieve series, instances, and what has no length', async () => {
    const series = await toArray(client.retrieve({ studyInstanceUid: STUDY, seriesInstanceUids: [SERIES] }));
    expect(sops(series)).toEqual(sops(study.slice(0, 3)));
    const chosen = [study[0]!.sopInstanceUid, study[5]!.sopInstanceUid];
    expect(
      sops(await toArray(client.retrieve({ studyInstanceUid: STUDY, sopInstanceUids: chosen }))),
    ).toEqual(chosen.sort());
  });

  it('search at all levels', async () => {
    const find = (level: 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE', keys: Record<string, string>) =>
      toArray(client.find({ level, keys }));
    expect(texts(await find('STUDY', { PatientName: 'müll*' }), 'StudyInstanceUID')).toEqual([STUDY]);
    expect(texts(await find('PATIENT', {}), 'PatientID')).toEqual(['P1', 'P2']);
    expect(await find('SERIES', { StudyInstanceUID: STUDY })).toHaveLength(6);
    expect(texts(await find('IMAGE', { StudyInstanceUID: STUDY }), 'SOPInstanceUID')).toEqual(sops(study));
    expect(await find('STUDY', { PatientID: 'nobody' })).toEqual([]);
  });

  it('say that something is not there', async () => {
    await expect(toArray(client.retrieve({ studyInstanceUid: '1.2.3' }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
    });
  });
});

describe('searches', () => {
  it.each([
    ['/studies', 2],
    ['/series', 7],
    ['/instances', 10],
    [`/studies/${STUDY}/series`, 6],
    [`/studies/${STUDY}/instances`, 8],
    [`/studies/${STUDY}/series/${SERIES}/instances`, 3],
    ['/studies?PatientID=P1', 1],
    ['/studies?00100020=P1', 1],
    [`/studies?StudyInstanceUID=${STUDY},1.2.3`, 1],
    ['/studies?StudyDate=20240101-20240131', 1],
    ['/studies?PatientName=M%C3%BCller*', 1],
    ['/instances?limit=3', 3],
    ['/instances?limit=0', 0],
    ['/instances?offset=8', 2],
    [`/studies/${STUDY}/instances?offset=6&limit=5`, 2],
    ['/instances?limit=4&offset=7', 3],
    ['/studies?PatientID=nobody', 0],
  ])('%s finds %i', async (below, count) => {
    const response = await get(below);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/dicom+json');
    expect(await response.json()).toHaveLength(count);
  });

  it('page through everything once', async () => {
    const all: string[] = [];
    for (let offset = 0; offset < 10; offset += 3) {
      all.push(...texts(await json(`/instances?limit=3&offset=${offset}`), 'SOPInstanceUID').map(String));
    }
    expect(all.sort()).toEqual(sops([...study, ...other]));
  });

  it('give what the standard wants: values, UIDs of the path, and where to retrieve', async () => {
    const [instance] = await json(
      `/studies/${STUDY}/series/${SERIES}/instances?limit=1&includefield=BodyPartExamined`,
    );
    expect(textOf(instance!, 'RetrieveURL')).toBe(root + path(study[0]!));
    expect(textOf(instance!, 'StudyInstanceUID')).toBe(STUDY);
    expect(instance!['00280010']).toEqual({ vr: 'US', Value: [64] });
    expect(instance!['00080052']).toBeUndefined();
    const [found] = await json('/studies?PatientID=P1');
    expect(found!['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Müller^Jörg' }] });
    expect(textOf(found!, 'RetrieveURL')).toBe(`${root}/studies/${STUDY}`);
  });

  it.each([
    ['?limit=x', /limit/],
    ['?limit=1&limit=2', /limit/],
    ['?offset=-1', /offset/],
    ['?fuzzymatching=perhaps', /fuzzymatching/],
    ['?PatientShoeSize=42', /PatientShoeSize/],
    ['?includefield=Doe^John', /^A parameter/],
    ['?Doe^John=1', /^A parameter/],
    ['?PatientID=1&PatientID=2', /PatientID/],
    ['?PatientID=1&00100020=2', /PatientID/],
    ['?RequestAttributesSequence=1', /RequestAttributesSequence/],
    ['?RequestAttributesSequence.AccessionNumber=1', /sequences/],
    ['?PatientName=Doe%00', /PatientName/],
    [`?PatientName=${'x'.repeat(9_000)}`, /PatientName/],
  ])('refuse %.40s and say what is wrong, without its value', async (query, says) => {
    const response = await get(`/studies${query}`);
    expect(response.status).toBe(400);
    const detail = await problem(response);
    expect(detail).toMatch(says);
    expect(detail).not.toContain('Doe');
  });

  it('refuse another study than that of the path', async () => {
    expect((await get(`/studies/${STUDY}/series?StudyInstanceUID=1.2.3`)).status).toBe(400);
    expect((await get(`/studies/${STUDY}/series?StudyInstanceUID=${STUDY}`)).status).toBe(200);
  });

  it('warn of what they do not do', async () => {
    const response = await get('/studies?PatientName=Muller&fuzzymatching=true');
    expect(response.headers.get('warning')).toMatch(/^299 .*fuzzymatching/);
    expect((await get('/studies?fuzzymatching=false')).headers.get('warning')).toBeNull();
  });

  it.each([
    ['application/dicom+json', 200],
    ['application/json', 200],
    ['*/*', 200],
    ['text/html, application/*;q=0.8', 200],
    ['multipart/related; type="application/dicom+xml"', 406],
    ['application/dicom+json;q=0', 406],
  ])('with Accept: %s answer %i', async (accept, status) => {
    const response = await get('/studies', { accept });
    expect(response.status).toBe(status);
    if (status !== 200) await problem(response);
    else await response.json();
  });
});

describe('retrievals', () => {
  it.each([
    ['multipart/related; type="application/dicom"; transfer-syntax=*', 200],
    ['multipart/related; type=application/dicom', 200],
    ['multipart/related', 200],
    ['*/*', 200],
    ['multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1', 200],
    ['multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.70', 406],
    [
      'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.70, multipart/related; type="application/dicom"; transfer-syntax=*;q=0.1',
      200,
    ],
    ['multipart/related; type="image/jpeg"', 406],
    ['application/dicom', 200],
    ['application/dicom+json', 406],
  ])('of an instance with Accept: %s answer %i', async (accept, status) => {
    const response = await get(path(study[0]!), { accept });
    expect(response.status).toBe(status);
    const type = parseMediaType(response.headers.get('content-type')!);
    if (status === 406) expect(await problem(response)).not.toContain(STUDY);
    else if (accept === 'application/dicom') {
      expect(type.type).toBe('application/dicom');
      expect(type.parameters.get('transfer-syntax')).toBe(study[0]!.transferSyntaxUid);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(study[0]!.byteLength!);
    } else {
      const parts = await toArray(parseMultipart(response.body!, type.parameters.get('boundary')!));
      expect(parts.map(({ headers }) => headers.get('content-type'))).toEqual([
        `application/dicom; transfer-syntax=${study[0]!.transferSyntaxUid}`,
      ]);
    }
  });

  it('of a study as single instance are not acceptable', async () => {
    expect((await get(`/studies/${STUDY}`, { accept: 'application/dicom' })).status).toBe(406);
  });

  it('that break in the middle do not look whole', async () => {
    const breaking = {
      ...archive,
      retrieve: (...args: Parameters<MemoryArchive['retrieve']>) =>
        (async function* () {
          let count = 0;
          for await (const instance of archive.retrieve(...args)) {
            if (++count === 3) throw new DicomError('NETWORK', 'The PACS is gone.', { retryable: true });
            yield instance;
          }
        })(),
    };
    await restart({ source: breaking });
    const received: string[] = [];
    await expect(async () => {
      for await (const instance of client.retrieve({ studyInstanceUid: STUDY })) {
        await collect(instance.dataset);
        received.push(instance.sopInstanceUid);
      }
    }).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    expect(received.length).toBeLessThan(3);
    expect(errors).toMatchObject([{ code: 'NETWORK' }]);
  });

  it('that lack an instance do not look whole', async () => {
    const lacking = {
      retrieve: (...[selection, options]: Parameters<MemoryArchive['retrieve']>) =>
        (async function* () {
          yield* archive.retrieve(selection, options);
          options?.onFailure?.({ message: 'One could not be read.', retryable: false });
        })(),
    };
    await restart({ source: lacking });
    const received: string[] = [];
    await expect(async () => {
      for await (const instance of client.retrieve({ studyInstanceUid: STUDY })) {
        await collect(instance.dataset);
        received.push(instance.sopInstanceUid);
      }
    }).rejects.toMatchObject({ retryable: true });
    expect(sops(study)).toEqual(expect.arrayContaining(received));
    expect(errors).toMatchObject([{ code: 'UNDELIVERED' }]);
  });

  it.each([
    [new DicomError('NETWORK', 'PACS@10.0.0.1 is gone', { retryable: true }), 503],
    [new DicomError('REJECTED', 'PACS@10.0.0.1 says no'), 502],
    [new DicomError('STUDY_NOT_FOUND', '/data/archive does not hold it'), 404],
    [new Error('bug with Doe^John'), 500],
  ])('that fail at once have a status: %s is %i', async (error, status) => {
    const failing = {
      retrieve: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }),
      find: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }),
    };
    await restart({ source: failing, queryable: failing });
    for (const below of [`/studies/${STUDY}`, '/studies', `/studies/${STUDY}/metadata`]) {
      const response = await get(below);
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after') !== null).toBe(status === 503);
      expect(await problem(response)).not.toMatch(/PACS|10\.0|archive does|Doe/);
    }
    expect(errors).toEqual([error, error, error]);
  });

  it('end at the source when the client leaves', async () => {
    const controller = new AbortController();
    let left = false;
    const watching = {
      retrieve: (...[selection, options]: Parameters<MemoryArchive['retrieve']>) => {
        options?.signal?.addEventListener('abort', () => {
          left = true;
        });
        return archive.retrieve(selection, options);
      },
    };
    await restart({ source: watching });
    const large = syntheticStudy({ seed: 'large', series: [{ kind: 'CT', instances: 2, rows: 4096 }] });
    for (const instance of large) await archive.store(instance);
    const before = archive.bytesRead;
    const response = await fetch(`${root}/studies/${uid(large[0]!, 'StudyInstanceUID')}`, {
      signal: controller.signal,
    });
    await response.body!.getReader().read();
    controller.abort();
    await expect.poll(() => left).toBe(true);
    // A slow, and then absent, reader holds back what is read.
    expect(archive.bytesRead - before).toBeLessThan(40 * 1024 * 1024);
  });
});

describe('metadata', () => {
  it('are all attributes, with addresses for pixels and what else is long', async () => {
    for (const instance of study) {
      const before = archive.bytesRead;
      const [attributes, ...more] = await json(`${path(instance)}/metadata`);
      expect(more).toEqual([]);
      const { '7FE00010': pixels, '00083002': syntax, '00080005': charset, ...rest } = attributes!;
      const bytes = await collect(instance.dataset);
      const expected = decodeDataset(bytes, { transferSyntaxUid: instance.transferSyntaxUid });
      const { '7FE00010': had, '00080005': hadCharset, ...others } = expected;
      expect(rest).toEqual(others);
      expect(syntax).toEqual({ vr: 'UI', Value: [instance.transferSyntaxUid] });
      expect(charset).toEqual(hadCharset && { vr: 'CS', Value: ['ISO_IR 192'] });
      if (had) expect(pixels!.BulkDataURI).toBe(`${root}${path(instance)}/bulkdata/7FE00010`);
      expect(archive.bytesRead - before).toBeLessThanOrEqual(bytes.length);
    }
  });

  it('of a study and a series are lists', async () => {
    expect(texts(await json(`/studies/${STUDY}/metadata`), 'SOPInstanceUID')).toEqual(sops(study));
    expect(texts(await json(`/studies/${STUDY}/series/${SERIES}/metadata`), 'SOPInstanceUID')).toEqual(
      sops(study.slice(0, 3)),
    );
    expect((await get('/studies/1.2.3/metadata')).status).toBe(404);
  });

  it('come from the service behind, where there is one, with addresses of this one', async () => {
    const behind = createServer(
      createNodeListener(createDicomWebHandler({ queryable: archive, source: archive, basePath: '/behind' })),
    );
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve));
    await using other = createDicomWebClient({
      url: `http://127.0.0.1:${(behind.address() as AddressInfo).port}/behind`,
    });
    const direct = await json(`/studies/${STUDY}/metadata`);
    await restart({ queryable: other, source: other });
    const relayed = await json(`/studies/${STUDY}/metadata`);
    expect(JSON.stringify(relayed)).not.toContain('/behind');
    const relative = (all: Attributes[]) =>
      all.map((one) => JSON.stringify(one).replaceAll(/http:[^"]*?\/studies/g, '/studies')).sort();
    expect(relative(relayed)).toEqual(relative(direct));
    // The address leads to the value, through both.
    const [{ '7FE00010': pixels } = {}] = relayed;
    const value = await fetch(pixels!.BulkDataURI!, { headers: { accept: 'application/octet-stream' } });
    expect(value.status).toBe(200);
    expect((await value.arrayBuffer()).byteLength).toBe(64 * 64 * 2);
    expect((await get('/studies/1.2.3/metadata')).status).toBe(404);
    behind.closeAllConnections();
    behind.close();
  });

  it('name long values within sequences, which can be had', async () => {
    const icon = new Uint8Array(3_000).fill(7);
    const report = new Uint8Array(200_000).map((_, i) => i);
    const attributes = attributesFrom({
      SOPClassUID: SopClass.SecondaryCaptureImageStorage,
      SOPInstanceUID: '1.2.9.3',
      StudyInstanceUID: '1.2.9.1',
      SeriesInstanceUID: '1.2.9.2',
      EncapsulatedDocument: report,
      IconImageSequence: [
        { Rows: 1 },
        { Rows: 2, PixelData: { vr: 'OB', InlineBinary: Buffer.from(icon).toString('base64') } },
      ],
    });
    const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
    await archive.store({
      sopClassUid: SopClass.SecondaryCaptureImageStorage,
      sopInstanceUid: '1.2.9.3',
      transferSyntaxUid,
      dataset: chunked(encodeDataset(attributes, { transferSyntaxUid }), [1_000]),
    });
    const instance = '/studies/1.2.9.1/series/1.2.9.2/instances/1.2.9.3';
    const [given] = await json(`${instance}/metadata`);
    const iconUri = (given!['00880200']!.Value![1] as Attributes)['7FE00010']!.BulkDataURI!;
    expect(iconUri).toBe(`${root}${instance}/bulkdata/00880200/1/7FE00010`);
    const reportUri = given!['00420011']!.BulkDataURI!;
    for (const [address, bytes] of [
      [iconUri, icon],
      [reportUri, report],
    ] as const) {
      const response = await fetch(address, { headers: { accept: 'application/octet-stream' } });
      expect(response.status).toBe(200);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
      const related = await fetch(address, {
        headers: { accept: 'multipart/related; type="application/octet-stream"' },
      });
      const { parameters } = parseMediaType(related.headers.get('content-type')!);
      const parts: Uint8Array[] = [];
      for await (const part of parseMultipart(related.body!, parameters.get('boundary')!)) {
        parts.push(await collect(part.body));
      }
      expect(parts).toEqual([bytes]);
    }
    expect((await get(`${instance}/bulkdata/00880200/2/7FE00010`)).status).toBe(404);
    expect((await get(`${instance}/bulkdata/7FE00010`)).status).toBe(404);
    expect((await get(`${instance}/bulkdata/nonsense`)).status).toBe(400);
  });
});

describe('frames', () => {
  async function framesOf(
    below: string,
    accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
  ) {
    const response = await get(below, { accept });
    expect(response.status).toBe(200);
    const { type, parameters } = parseMediaType(response.headers.get('content-type')!);
    expect(type).toBe('multipart/related');
    const parts: { type: string; location: string; bytes: Uint8Array }[] = [];
    for await (const part of parseMultipart(response.body!, parameters.get('boundary')!)) {
      parts.push({
        type: part.headers.get('content-type')!,
        location: part.headers.get('content-location')!,
        bytes: await collect(part.body),
      });
    }
    return parts;
  }

  const multi = study.find(({ transferSyntaxUid }) => transferSyntaxUid === TransferSyntax.RleLossless)!;

  it('of native pixel data are what lies at their place', async () => {
    const [frame, ...more] = await framesOf(`${path(study[0]!)}/frames/1`);
    const { '7FE00010': pixels } = decodeDataset(await collect(study[0]!.dataset), {
      transferSyntaxUid: study[0]!.transferSyntaxUid,
    });
    expect(more).toEqual([]);
    expect(Buffer.from(frame!.bytes).toString('base64')).toBe(pixels!.InlineBinary);
    expect(frame!.type).toBe(
      `application/octet-stream; transfer-syntax=${TransferSyntax.ExplicitVrLittleEndian}`,
    );
    expect(frame!.location).toBe(`${root}${path(study[0]!)}/frames/1`);
  });

  it('of encapsulated pixel data are their fragments, in the order asked for', async () => {
    const all = await framesOf(`${path(multi)}/frames/1,2,3,4,5`);
    expect(all).toHaveLength(5);
    const dataset = Buffer.from(await collect(multi.dataset));
    let from = 0;
    for (const { bytes } of all) {
      // The fragment with its header of item tag and length (PS3.5 Table A.4-1), one after the other.
      const header = Buffer.from('feff00e000000000', 'hex');
      header.writeUInt32LE(bytes.length, 4);
      const at = dataset.indexOf(Buffer.concat([header, bytes]), from);
      expect(at).toBeGreaterThan(0);
      from = at + 1;
    }
    const some = await framesOf(`${path(multi)}/frames/4,2,5`, 'multipart/related; type="image/dicom-rle"');
    expect(some.map(({ bytes }) => bytes)).toEqual([all[3]!.bytes, all[1]!.bytes, all[4]!.bytes]);
    expect(some[0]!.type).toBe(`image/dicom-rle; transfer-syntax=${TransferSyntax.RleLossless}`);
    const [one] = await framesOf(`${path(multi)}/frames/3`, '*/*');
    expect(one!.bytes).toEqual(all[2]!.bytes);
    const single = await get(`${path(multi)}/frames/3`, { accept: 'image/dicom-rle' });
    expect(new Uint8Array(await single.arrayBuffer())).toEqual(all[2]!.bytes);
  });

  it.each([
    ['/frames/6', '*/*', 404],
    ['/frames/0', '*/*', 400],
    ['/frames/1,1', '*/*', 400],
    ['/frames/x', '*/*', 400],
    ['/frames/1', 'image/jpeg', 406],
    ['/frames/1', 'multipart/related; type="application/octet-stream"', 406],
    ['/frames/1/rendered', '*/*', 501],
    ['/rendered', '*/*', 501],
  ])('%s with Accept: %s are answered with %i', async (below, accept, status) => {
    const response = await get(path(multi) + below, { accept });
    expect(response.status).toBe(status);
    await problem(response);
  });

  it('are not there where there are no pixels', async () => {
    expect((await get(`${path(study[3]!)}/frames/1`)).status).toBe(404);
  });
});

describe('stores', () => {
  const TYPE = 'multipart/related; type="application/dicom"; boundary=f433369f8-014a';
  const post = (
    below: string,
    body: Uint8Array<ArrayBuffer> | ArrayBuffer,
    headers: Record<string, string> = { 'content-type': TYPE },
  ) => fetch(root + below, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
  const bodyOf = async (instances: readonly DicomInstance[]) =>
    new Uint8Array(await multipartMessage(instances)) as Uint8Array<ArrayBuffer>;
  const outcomes = async (response: Response) => {
    const dataset = (await response.json()) as Attributes;
    const list = (tag: string) => (dataset[tag]?.Value ?? []) as Attributes[];
    return {
      stored: texts(list('00081199'), 'ReferencedSOPInstanceUID'),
      failed: Object.fromEntries(
        list('00081198').map((one) => [textOf(one, 'ReferencedSOPInstanceUID'), one['00081197']!.Value![0]]),
      ),
      unnamed: list('0008119A').map((one) => one['00081197']!.Value![0]),
      dataset,
    };
  };

  it('say where each instance is', async () => {
    archive.kept.clear();
    const response = await post('/studies', await bodyOf(study));
    expect(response.status).toBe(200);
    const { stored, failed, dataset } = await outcomes(response);
    expect(stored).toEqual(sops(study));
    expect(failed).toEqual({});
    expect(texts(dataset['00081199']!.Value as Attributes[], 'RetrieveURL')).toEqual(
      study.map((one) => root + path(one)).sort(),
    );
    expect(archive.kept.size).toBe(study.length);
  });

  it('say what became of each', async () => {
    const said = new Map<string, StoreOutcome | Error>([
      [study[0]!.sopInstanceUid, { state: 'warning', status: 0xb007 }],
      [study[1]!.sopInstanceUid, { state: 'failed', status: 0xa700, retryable: true }],
      [study[2]!.sopInstanceUid, { state: 'failed', status: 409 }],
      [study[3]!.sopInstanceUid, new DicomError('CONNECT', 'gone', { retryable: true })],
      [study[4]!.sopInstanceUid, { state: 'present' }],
    ]);
    archive.outcomeOf = (sop) => said.get(sop);
    const response = await post('/studies', await bodyOf(study));
    expect(response.status).toBe(202);
    const { stored, failed, dataset } = await outcomes(response);
    expect(stored).toEqual(sops([study[0]!, ...study.slice(4)]));
    expect(failed).toEqual({
      [study[1]!.sopInstanceUid]: 0xa700,
      [study[2]!.sopInstanceUid]: 0x0110,
      [study[3]!.sopInstanceUid]: 0xa700,
    });
    const warned = (dataset['00081199']!.Value as Attributes[]).filter((one) => one['00081196']);
    expect(warned.map((one) => one['00081196']!.Value![0])).toEqual([0xb007]);
    expect(errors).toMatchObject([{ code: 'CONNECT' }]);
  });

  it('are answered with 409 when nothing was stored, with 503 when nothing could be', async () => {
    archive.outcomeOf = () => ({ state: 'failed', status: 0x0122 });
    const refused = await post('/studies', await bodyOf(study));
    expect(refused.status).toBe(409);
    expect(Object.values((await outcomes(refused)).failed)).toEqual(study.map(() => 0x0122));
    archive.outcomeOf = () => new DicomError('CONNECT', 'PACS@10.0.0.1', { retryable: true });
    const away = await post('/studies', await bodyOf(study));
    expect(away.status).toBe(503);
    expect(await problem(away)).not.toContain('10.0');
  });

  it('below a study refuse instances of another', async () => {
    archive.kept.clear();
    const response = await post(`/studies/${STUDY}`, await bodyOf([study[0]!, other[0]!]));
    expect(response.status).toBe(202);
    const { stored, failed } = await outcomes(response);
    expect(stored).toEqual([study[0]!.sopInstanceUid]);
    expect(failed).toEqual({ [other[0]!.sopInstanceUid]: 0xa900 });
    expect(archive.kept.size).toBe(1);
  });

  it('go on after what is no instance, or not the one it says', async () => {
    archive.kept.clear();
    const boundary = '--f433369f8-014a\r\n';
    const noise = bytesOf(`${boundary}Content-Type: application/dicom\r\n\r\n${'noise'.repeat(100)}\r\n`);
    const text = bytesOf(`${boundary}Content-Type: text/plain\r\n\r\nhello\r\n`);
    const liar = { ...study[1]!, sopInstanceUid: '1.2.3' };
    const message = concatBytes([noise, text, await multipartMessage([liar, study[0]!])]);
    const response = await post('/studies', message as Uint8Array<ArrayBuffer>);
    expect(response.status).toBe(202);
    const { stored, unnamed } = await outcomes(response);
    expect(stored).toEqual([study[0]!.sopInstanceUid]);
    expect(unnamed).toHaveLength(3);
    expect(archive.kept.size).toBe(1);
  });

  it('take a single instance that is no multipart message', async () => {
    const file = await (await get(path(study[0]!), { accept: 'application/dicom' })).arrayBuffer();
    archive.kept.clear();
    const response = await post('/studies', file, { 'content-type': 'application/dicom' });
    expect(response.status).toBe(200);
    expect([...archive.kept.keys()]).toEqual([study[0]!.sopInstanceUid]);
  });

  it.each([
    ['a message that is cut', TYPE, async () => (await bodyOf(study)).slice(0, -3_000), 400],
    [
      'a message without its boundary',
      'multipart/related; type="application/dicom"',
      () => bodyOf(study),
      400,
    ],
    ['a message with another boundary', 'multipart/related; boundary=x', () => bodyOf(study), 400],
    ['an empty message', TYPE, () => bodyOf([]), 400],
    ['JSON', 'application/dicom+json', () => bodyOf(study), 415],
    ['metadata', 'multipart/related; type="application/dicom+json"; boundary=x', () => bodyOf(study), 415],
  ])('refuse %s', async (_, type, body, status) => {
    const response = await post('/studies', await body(), { 'content-type': type });
    expect(response.status).toBe(status);
    await problem(response);
  });

  it('keep no half instance of a message that is cut', async () => {
    archive.kept.clear();
    await post('/studies', (await bodyOf(study.slice(0, 2))).slice(0, -3_000));
    expect([...archive.kept.keys()]).toEqual([study[0]!.sopInstanceUid]);
  });

  it('go on after a large instance that the sink fails to read', async () => {
    archive.kept.clear();
    const [large] = syntheticStudy({ seed: 'large', series: [{ kind: 'CT', rows: 2048 }] });
    const failing = {
      store: async (instance: DicomInstance) => {
        if (instance.sopInstanceUid !== large!.sopInstanceUid) return archive.store(instance);
        throw new DicomError('CONNECT', 'gone', { retryable: true });
      },
    };
    await restart({ sink: failing });
    const response = await post('/studies', await bodyOf([study[0]!, large!, study[1]!]));
    expect(response.status).toBe(202);
    const { stored, failed } = await outcomes(response);
    expect(stored).toEqual(sops(study.slice(0, 2)));
    expect(failed).toEqual({ [large!.sopInstanceUid]: 0xa700 });
  });

  it('bound the size of an instance', async () => {
    await restart({ maxInstanceBytes: 3_000 });
    const response = await post('/studies', await bodyOf([study[0]!]));
    expect(response.status).toBe(413);
  });
});

describe('the service', () => {
  it.each([
    ['GET', '', 404],
    ['GET', '/', 404],
    ['GET', '/patients', 404],
    ['GET', `/studies/${STUDY}/instances/1.2`, 404],
    ['GET', `/series/${SERIES}`, 404],
    ['GET', '/studies/..%2f..%2fetc', 400],
    ['GET', '/studies/abc', 400],
    ['PUT', '/studies', 405],
    ['DELETE', `/studies/${STUDY}`, 405],
    ['POST', `/studies/${STUDY}/series`, 405],
    ['GET', '/../admin', 404],
  ])('answers %s %s with %i', async (method, below, status) => {
    const response = await fetch(root + below, { method });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get('allow')).toContain('OPTIONS');
    await problem(response);
  });

  it('offers only what it has', async () => {
    await stop();
    const all = { queryable: archive, source: archive, sink: archive };
    for (const [lacking, method, below] of [
      ['queryable', 'GET', '/studies'],
      ['source', 'GET', `/studies/${STUDY}`],
      ['sink', 'POST', '/studies'],
    ] as const) {
      const { [lacking]: _, ...rest } = all;
      const handler = createDicomWebHandler(rest);
      const init =
        method === 'POST' ? { method, body: 'x', headers: { 'content-type': 'text/plain' } } : { method };
      const response = await handler(new Request(`http://pacs${below}`, init));
      expect(response.status).toBe(501);
    }
    await start();
  });

  it('asks first whether a request may be answered', async () => {
    const asked: unknown[] = [];
    await restart({
      authorize: async (request, operation) => {
        asked.push(operation);
        if (request.headers.get('authorization') === 'Bearer good') return undefined;
        return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } });
      },
    });
    const refused = await get(`/studies/${STUDY}/metadata`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect((await get('/studies', { authorization: 'Bearer good' })).status).toBe(200);
    expect(asked).toEqual([
      { kind: 'metadata', studyInstanceUid: STUDY },
      { kind: 'search', level: 'STUDY' },
    ]);
    // A body that nobody read does not stand in the way of what comes next.
    const large = new Uint8Array(3_000_000);
    const early = await fetch(`${root}/studies`, { method: 'POST', body: large });
    expect(early.status).toBe(401);
    expect((await get('/studies', { authorization: 'Bearer good' })).status).toBe(200);
  });

  it('is reached by a client whose token expires', async () => {
    let valid = 'Bearer 1';
    await restart({
      authorize: (request) =>
        request.headers.get('authorization') === valid ? undefined : new Response(null, { status: 401 }),
    });
    let count = 0;
    const authorization = () => `Bearer ${++count}`;
    await using own = createDicomWebClient({ url: root, authorization });
    await using ownSink = createDicomWebSink({ url: root, authorization: () => valid });
    expect(await toArray(own.find({ level: 'STUDY', keys: {} }))).toHaveLength(2);
    valid = 'Bearer 2';
    expect(await toArray(own.find({ level: 'STUDY', keys: {} }))).toHaveLength(2);
    expect(count).toBe(2);
    valid = 'Bearer 3';
    expect(await ownSink.store(study[0]!)).toEqual({ state: 'stored' });
    valid = 'Bearer 4';
    expect(await ownSink.store(study[0]!)).toEqual({ state: 'stored' });
  });

  it('says what it can do', async () => {
    for (const below of ['', '/', '/studies']) {
      const response = await fetch(root + below, { method: 'OPTIONS' });
      expect(response.status).toBe(200);
      expect(response.headers.get('allow')).toBe('GET, POST, OPTIONS');
      expect(response.headers.get('content-type')).toBe('application/vnd.sun.wadl+xml');
      expect(await response.text()).toContain(`<resources base="${root}/">`);
    }
  });

  it('gives addresses as its clients know them', async () => {
    await restart({ publicUrl: 'https://example.org/pacs/' });
    const [found] = await json('/studies?PatientID=P1');
    expect(textOf(found!, 'RetrieveURL')).toBe(`https://example.org/pacs/studies/${STUDY}`);
  });
});
