import { join } from 'node:path';
import {
  type DicomInstance,
  type InstanceSink,
  type InstanceSource,
  Ledger,
  type Queryable,
} from '@adit/core';
import { createFolderSink, createFolderSource } from '@adit/core/node';
import { createDicomWebClient, createDicomWebSink } from '@adit/dicomweb';
import { type ArchiveScp, createArchiveScp, createDimseClient, createDimseSink } from '@adit/dimse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTempFolder,
  loadInstances,
  type Orthanc,
  openTcpWay,
  startOrthanc,
  type TempFolder,
} from '../support/index.ts';
import { expectRestAfterMending } from './expect-rest-after-mending.testing.ts';
import { faultStudy, impatient, serveDicomWeb, uidsIn, uidsOfFolder } from './fault-study.ts';

/*
 * Faults that take time: Orthanc killed in the middle of an object and started again, and peers that hang. As in
 * `faults.test.ts`, a second attempt goes on when everything is well again, and the objects are counted.
 */

let folder: TempFolder;
let count = 0;

function newFolder(): string {
  count += 1;
  return join(folder.path, `${count}`);
}

beforeAll(async () => {
  folder = await createTempFolder('faults');
});

afterAll(() => folder?.[Symbol.asyncDispose]());

describe('Orthanc killed in the middle of an object and started again', () => {
  /** Small ones, and a clip of 16 MB: more than sockets hold on the way. */
  const study = faultStudy({
    seed: 'killed',
    series: [
      { kind: 'CT', instances: 5, rows: 64 },
      { kind: 'US-multi-frame', rows: 512, columns: 512, frames: 20 },
    ],
  });
  const { attempt, instances, whole } = study;
  const protocols = ['DIMSE', 'DICOMweb'] as const;
  type Protocol = (typeof protocols)[number];

  function sourceOf(orthanc: Orthanc, protocol: Protocol): InstanceSource & Queryable & AsyncDisposable {
    return protocol === 'DIMSE'
      ? createDimseClient({ ...orthanc, host: '127.0.0.1', port: orthanc.dicomPort })
      : createDicomWebClient({ url: orthanc.dicomWebUrl });
  }

  function sinkOf(orthanc: Orthanc, protocol: Protocol): InstanceSink & AsyncDisposable {
    return protocol === 'DIMSE'
      ? createDimseSink({ ...orthanc, host: '127.0.0.1', port: orthanc.dicomPort })
      : createDicomWebSink({ url: orthanc.dicomWebUrl });
  }

  /** Does something once, when so many bytes of a large instance have been read. */
  function inTheMiddle(act: () => Promise<void>) {
    let done = false;
    return {
      acted: () => done,
      watch(instance: DicomInstance): DicomInstance {
        if ((instance.byteLength ?? Number.POSITIVE_INFINITY) < 1_000_000) return instance;
        return {
          ...instance,
          dataset: (async function* () {
            let bytes = 0;
            for await (const chunk of instance.dataset) {
              bytes += chunk.length;
              if (bytes > 1_000_000 && !done) {
                done = true;
                await act();
              }
              yield chunk;
            }
          })(),
        };
      },
    };
  }

  /** SOP Instance UIDs of everything an Orthanc holds, ascending. */
  async function uidsAt(orthanc: Orthanc): Promise<string[]> {
    const answer = await fetch(`${orthanc.restUrl}/instances?expand`);
    const found = (await answer.json()) as { MainDicomTags: { SOPInstanceUID: string } }[];
    return found.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID).sort();
  }

  let source: Orthanc;
  let destination: Orthanc;
  beforeAll(async () => {
    [source, destination] = await Promise.all([
      startOrthanc({ aeTitle: 'SOURCE' }),
      startOrthanc({ aeTitle: 'DESTINATION' }),
    ]);
    await loadInstances(source, newFolder(), instances);
  });
  afterAll(() => Promise.all([source, destination].map((one) => one?.[Symbol.asyncDispose]())));

  test.each(protocols)('the source, over %s', async (protocol) => {
    await destination.clear();
    await using client = sourceOf(source, protocol);
    await using sink = sinkOf(destination, 'DIMSE');
    const fault = inTheMiddle(() => source.kill());
    const ledger = new Ledger();
    const first = await attempt(
      {
        source: {
          find: client.find,
          async *retrieve(selection, options) {
            for await (const instance of client.retrieve(selection, options)) yield fault.watch(instance);
          },
        },
        sink,
      },
      ledger,
    );
    expect(fault.acted()).toBe(true);
    expect(first).toMatchObject({ ok: false, retryable: true });
    await source.restart();
    // What came whole before is there, and no half of the other.
    expect(await uidsAt(destination)).toHaveLength(first.counts.stored);
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { expected: 6, failed: 0 } });
    expect(first.counts.stored + next.counts.stored).toBe(6);
    expect(await uidsAt(destination)).toEqual(whole);
  });

  test.each(protocols)('the destination, over %s', async (protocol) => {
    await destination.clear();
    await using client = sourceOf(source, 'DIMSE');
    await using sink = sinkOf(destination, protocol);
    const fault = inTheMiddle(() => destination.kill());
    const ledger = new Ledger();
    const first = await attempt(
      {
        source: client,
        sink: {
          concurrency: sink.concurrency!,
          store: (instance, options) => sink.store(fault.watch(instance), options),
        },
      },
      ledger,
    );
    expect(fault.acted()).toBe(true);
    expect(first).toMatchObject({ ok: false, retryable: true });
    await destination.restart();
    expect(await uidsAt(destination)).toHaveLength(first.counts.stored);
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { expected: 6, failed: 0 } });
    expect(await uidsAt(destination)).toEqual(whole);
  });
});

describe('a connection that fails half way', () => {
  const study = faultStudy({
    seed: 'hangs',
    series: [{ kind: 'CT', instances: 5, rows: 128 }, { kind: 'SR' }],
  });
  const { attempt, instances, whole } = study;
  const after = Math.round(study.bytes / 2);
  const faults = [
    ['the destination does not read any more', { of: 'requests', after, failure: 'hang' }],
    ['the destination does not answer any more', { of: 'answers', after: 1, failure: 'hang' }],
    ['the connection to the destination is cut', { of: 'requests', after, failure: 'cut' }],
  ] as const;

  let source: ArchiveScp;
  beforeAll(async () => {
    source = await createArchiveScp({ folder: newFolder(), aeTitle: 'SOURCE' });
    for (const instance of instances) await source.archive.store(instance);
  });
  afterAll(() => source?.[Symbol.asyncDispose]());

  test.each(faults)('%s: C-STORE', async (_, fault) => {
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using way = await openTcpWay(destination.port, fault);
    await using client = createDimseClient(impatient(source));
    await using sink = createDimseSink(impatient({ aeTitle: 'DESTINATION', port: way.port }));
    const ledger = new Ledger();
    await attempt({ source: client, sink }, ledger);
    await way.failed;
    way.mend();
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { expected: 6, failed: 0 } });
    expect(uidsIn(destination)).toEqual(whole);
  });

  test.each(faults)('%s: STOW-RS', async (_, fault) => {
    const path = newFolder();
    await using service = await serveDicomWeb({ sink: createFolderSink(path) });
    await using way = await openTcpWay(service.port, fault);
    await using client = createDimseClient(impatient(source));
    await using sink = createDicomWebSink({ url: `http://127.0.0.1:${way.port}`, answerTimeout: 500 });
    const ledger = new Ledger();
    await attempt({ source: client, sink }, ledger);
    await way.failed;
    way.mend();
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { expected: 6, failed: 0 } });
    expect(await uidsOfFolder(path)).toEqual(whole);
  });

  test('the source does not send any more: C-GET', async () => {
    await using way = await openTcpWay(source.port, { of: 'answers', after, failure: 'hang' });
    await using client = createDimseClient(impatient({ aeTitle: 'SOURCE', port: way.port }));
    await expectRestAfterMending(study, { source: client, way, folder: newFolder(), count: 6 });
  });

  test('the source does not send any more: WADO-RS', async () => {
    const path = newFolder();
    const files = createFolderSink(path);
    for (const instance of instances) await files.store(instance);
    const served = createFolderSource(path);
    await using service = await serveDicomWeb({ source: served, queryable: served });
    await using way = await openTcpWay(service.port, { of: 'answers', after, failure: 'hang' });
    const url = `http://127.0.0.1:${way.port}`;
    await using client = createDicomWebClient({ url, answerTimeout: 500, idleTimeout: 500 });
    await expectRestAfterMending(study, { source: client, way, folder: newFolder(), count: 6 });
  });
});
