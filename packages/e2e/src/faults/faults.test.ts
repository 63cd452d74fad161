import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DicomInstance, type InstanceSink, Ledger, SopClass, type StoreOutcome } from '@adit/core';
import { createFolderSink, createFolderSource } from '@adit/core/node';
import { createDicomWebClient, createDicomWebSink } from '@adit/dicomweb';
import {
  type ArchiveScp,
  archiveHandlers,
  createArchiveScp,
  createDimseClient,
  createDimseSink,
  listen,
  openArchive,
  statusCategory,
} from '@adit/dimse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTempFolder,
  filesBelow,
  mustRun,
  openTcpWay,
  runProgram,
  startStorescp,
  type TempFolder,
} from '../support/index.ts';
import { expectRestAfterMending } from './expect-rest-after-mending.testing.ts';
import { faultStudy, impatient, serveDicomWeb, uidsIn, uidsOfFolder } from './fault-study.ts';

/*
 * Faults on the way, one after another. Each is met by a transfer that pseudonymizes, then everything is well again and a
 * second attempt goes on by the ledger of the first. In the end the objects are counted: none is lost, and none is there
 * under a second UID. What takes time, servers that are killed or hang, is in `faults.long.test.ts`.
 */

const study = faultStudy({
  seed: 'faults',
  series: [{ kind: 'CT', instances: 5, rows: 128 }, { kind: 'SR' }],
});
const { attempt, newUidOf, whole, instances } = study;

let folder: TempFolder;
let source: ArchiveScp;
let count = 0;

function newFolder(): string {
  count += 1;
  return join(folder.path, `${count}`);
}

beforeAll(async () => {
  folder = await createTempFolder('faults');
  source = await createArchiveScp({ folder: newFolder(), aeTitle: 'SOURCE' });
  for (const instance of instances) await source.archive.store(instance);
});

afterAll(async () => {
  await source?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

/** An archive that answers to C-STORE what it is told to, and keeps what it does not refuse. */
async function startAnswering(answerTo: (instance: DicomInstance, attempt: number) => number) {
  const archive = await openArchive(newFolder());
  const attempts = new Map<string, number>();
  const server = await listen({
    aeTitle: 'ANSWERS',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      ...archiveHandlers(archive, 'ANSWERS'),
      async store(request) {
        const number = (attempts.get(request.sopInstanceUid) ?? 0) + 1;
        attempts.set(request.sopInstanceUid, number);
        const status = answerTo(request, number);
        if (statusCategory(status, 'storage') === 'failure') return status;
        const outcome = await archive.store(request);
        return outcome.state === 'failed' ? outcome.status! : status;
      },
    },
  });
  const node = impatient({ aeTitle: 'ANSWERS', port: server.port });
  return {
    sink: createDimseSink(node, { maxAssociations: 2 }),
    attempts,
    held: () => uidsIn({ archive }),
    async [Symbol.asyncDispose]() {
      await server.close();
    },
  };
}

describe('a destination that answers', () => {
  const second = newUidOf(instances[1]!);

  test('A700 for a while gets the instance again, without the source', async () => {
    await using destination = await startAnswering(({ sopInstanceUid }, number) =>
      sopInstanceUid === second && number === 1 ? 0xa700 : 0,
    );
    await using client = createDimseClient(impatient(source));
    await using sink = destination.sink;
    const result = await attempt({ source: client, sink });
    expect(result).toMatchObject({ ok: true, counts: { received: 6, stored: 6, failed: 0 } });
    expect(destination.attempts.get(second)).toBe(2);
    expect(destination.held()).toEqual(whole);
  });

  test('0110 to one instance has the others, and gets that one by the next attempt', async () => {
    let well = false;
    await using destination = await startAnswering(({ sopInstanceUid }) =>
      sopInstanceUid === second && !well ? 0x0110 : 0,
    );
    await using client = createDimseClient(impatient(source));
    await using sink = destination.sink;
    const ledger = new Ledger();
    const first = await attempt({ source: client, sink }, ledger);
    expect(first).toMatchObject({ ok: false, counts: { stored: 5, failed: 1 } });
    expect(first.reasons[0]?.message).toContain('0110');
    expect(ledger.get(instances[1]!.sopInstanceUid)).toMatchObject({ state: 'failed', status: 0x0110 });
    // A processing failure says nothing of time: it is not sent again and again.
    expect(destination.attempts.get(second)).toBe(1);
    well = true;
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { received: 1, stored: 1, skipped: 5 } });
    expect(destination.held()).toEqual(whole);
  });

  test('B000 has stored it: that is a warning, and nothing is sent again', async () => {
    await using destination = await startAnswering(() => 0xb000);
    await using client = createDimseClient(impatient(source));
    await using sink = destination.sink;
    const ledger = new Ledger();
    const first = await attempt({ source: client, sink }, ledger);
    expect(first).toMatchObject({ ok: true, counts: { stored: 6, warnings: 6, failed: 0 } });
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { received: 0, stored: 0, skipped: 6 } });
    expect([...destination.attempts.values()]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(destination.held()).toEqual(whole);
  });
});

test('storescp that refuses one SOP class gets the others', async () => {
  const profile = join(folder.path, 'storescp.cfg');
  await writeFile(
    profile,
    [
      '[[TransferSyntaxes]]',
      '[Native]',
      'TransferSyntax1 = LocalEndianExplicit',
      'TransferSyntax2 = LittleEndianImplicit',
      '[[PresentationContexts]]',
      '[Images]',
      `PresentationContext1 = ${SopClass.CtImageStorage}\\Native`,
      `PresentationContext2 = ${SopClass.Verification}\\Native`,
      '[[Profiles]]',
      '[ImagesOnly]',
      'PresentationContexts = Images',
    ].join('\n'),
  );
  const received = newFolder();
  await using storescp = await startStorescp({
    folder: received,
    profile: { file: profile, name: 'ImagesOnly' },
  });
  await using client = createDimseClient(impatient(source));
  await using sink = createDimseSink(impatient({ ...storescp, port: storescp.dicomPort }));
  const ledger = new Ledger();
  const result = await attempt({ source: client, sink }, ledger);
  expect(result).toMatchObject({ ok: false, retryable: false, counts: { stored: 5, failed: 1 } });
  expect(result.reasons[0]?.message).toMatch(/Basic Text SR/);
  const images = instances.slice(0, 5).map(newUidOf).sort();
  expect(await uidsOfStorescp(received)).toEqual(images);
  // Once more changes nothing.
  expect(await attempt({ source: client, sink }, ledger)).toMatchObject({
    counts: { skipped: 5, failed: 1 },
  });
  expect(await uidsOfStorescp(received)).toEqual(images);
});

test('a source whose connection is cut in the middle of an object', async () => {
  await using way = await openTcpWay(source.port, { of: 'answers', after: study.bytes / 2, failure: 'cut' });
  await using client = createDimseClient(impatient({ aeTitle: 'SOURCE', port: way.port }));
  await expectRestAfterMending(study, { source: client, way, folder: newFolder(), count: 6 });
});

describe('over DICOMweb', () => {
  /** A service over a folder with the study in it. */
  async function startService() {
    const path = newFolder();
    const files = createFolderSink(path);
    for (const instance of instances) await files.store(instance);
    const served = createFolderSource(path);
    return serveDicomWeb({ source: served, queryable: served });
  }

  test('a source whose answer is cut in the middle of an object', async () => {
    await using service = await startService();
    await using way = await openTcpWay(service.port, {
      of: 'answers',
      after: study.bytes / 2,
      failure: 'cut',
    });
    await using client = createDicomWebClient({ url: `http://127.0.0.1:${way.port}` });
    await expectRestAfterMending(study, { source: client, way, folder: newFolder(), count: 6 });
  });

  test.each([
    ['202, some are not stored', (uid: string) => uid === newUidOf(instances[3]!), 5],
    ['409, none is stored', () => true, 0],
  ] as const)('a destination that answers %s', async (_, refuses, stored) => {
    const path = newFolder();
    const files = createFolderSink(path);
    let well = false;
    const statuses: number[] = [];
    const refused: StoreOutcome = { state: 'failed', message: 'It is not wanted.', retryable: false };
    await using service = await serveDicomWeb(
      {
        sink: {
          ...files,
          async store(instance, options) {
            if (well || !refuses(instance.sopInstanceUid)) return files.store(instance, options);
            for await (const _chunk of instance.dataset);
            return refused;
          },
        },
      },
      (status) => statuses.push(status),
    );
    await using client = createDimseClient(impatient(source));
    // One request for all but the first instance, which goes alone.
    await using sink = createDicomWebSink({ url: `http://127.0.0.1:${service.port}` }, { maxRequests: 1 });
    const ledger = new Ledger();
    const first = await attempt({ source: client, sink }, ledger);
    expect(first).toMatchObject({ ok: false, counts: { stored, failed: 6 - stored } });
    expect(statuses).toContain(stored === 0 ? 409 : 202);
    expect(await uidsOfFolder(path)).toHaveLength(stored);
    well = true;
    const next = await attempt({ source: client, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { stored: 6 - stored, skipped: stored } });
    expect(await uidsOfFolder(path)).toEqual(whole);
  });
});

describe('a source that', () => {
  /** Knows the study, and sends over C-GET what it is told to. */
  async function startSending(sent: readonly DicomInstance[]) {
    const handlers = archiveHandlers(source.archive, 'SENDS');
    const server = await listen({
      aeTitle: 'SENDS',
      host: '127.0.0.1',
      port: 0,
      handlers: {
        ...handlers,
        get: () => ({
          count: sent.length,
          instances: (async function* () {
            yield* sent;
          })(),
        }),
      },
    });
    return { node: impatient({ aeTitle: 'SENDS', port: server.port }), [Symbol.asyncDispose]: server.close };
  }

  test('sends instances twice has them stored once', async () => {
    await using sending = await startSending([...instances, ...instances.slice(0, 3), instances[0]!]);
    await using client = createDimseClient(sending.node);
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    let stores = 0;
    await using sink = createDimseSink(impatient(destination));
    const counting: InstanceSink = {
      concurrency: sink.concurrency,
      store(instance, options) {
        stores += 1;
        return sink.store(instance, options);
      },
    };
    const result = await attempt({ source: client, sink: counting });
    expect(result).toMatchObject({ ok: true, counts: { expected: 6, stored: 6, failed: 0 } });
    expect(stores).toBe(6);
    expect(uidsIn(destination)).toEqual(whole);
  });

  test('says success and sends nothing is no success', async () => {
    await using sending = await startSending([]);
    await using client = createDimseClient(sending.node);
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using sink = createDimseSink(impatient(destination));
    const ledger = new Ledger();
    const first = await attempt({ source: client, sink }, ledger);
    expect(first).toMatchObject({
      ok: false,
      retryable: true,
      problem: { code: 'NOTHING_SENT' },
      counts: { expected: 6, stored: 0, failed: 6 },
    });
    await using healthy = createDimseClient(impatient(source));
    expect(await attempt({ source: healthy, sink }, ledger)).toMatchObject({
      ok: true,
      counts: { stored: 6 },
    });
    expect(uidsIn(destination)).toEqual(whole);
  });

  test('sends half and says success is no success', async () => {
    await using sending = await startSending(instances.slice(0, 3));
    await using client = createDimseClient(sending.node);
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using sink = createDimseSink(impatient(destination));
    const ledger = new Ledger();
    const first = await attempt({ source: client, sink }, ledger);
    expect(first).toMatchObject({
      ok: false,
      retryable: true,
      counts: { expected: 6, stored: 3, failed: 3 },
    });
    await using healthy = createDimseClient(impatient(source));
    const next = await attempt({ source: healthy, sink }, ledger);
    expect(next).toMatchObject({ ok: true, counts: { received: 3, stored: 3, skipped: 3 } });
    expect(uidsIn(destination)).toEqual(whole);
  });
});

test('a folder on a full disk gets what it lacks when there is room', async ({ skip }) => {
  const path = newFolder();
  await using disk = await mountSmallDisk(path, Math.round(study.bytes / 2));
  if (disk.reason !== undefined) return skip(disk.reason);
  await using client = createDimseClient(impatient(source));
  const ledger = new Ledger();
  const first = await attempt({ source: client, sink: createFolderSink(path) }, ledger);
  expect(first).toMatchObject({ ok: false, problem: { code: 'NO_SPACE' } });
  expect(first.counts.stored).toBeGreaterThan(0);
  // Half a file is nowhere, under whatever name.
  expect(await uidsOfFolder(path)).toHaveLength(first.counts.stored);
  await disk.resize(study.bytes * 4);
  const next = await attempt({ source: client, sink: createFolderSink(path) }, ledger);
  expect(next).toMatchObject({ ok: true, counts: { stored: 6 - first.counts.stored } });
  expect(await uidsOfFolder(path)).toEqual(whole);
});

/** A file system in memory of so many bytes; `reason` says why there is none. */
async function mountSmallDisk(path: string, bytes: number) {
  await mkdir(path);
  const { status, stderr } = await runProgram('mount', [
    ...['-t', 'tmpfs', '-o', `size=${bytes}`, 'adit-test', path],
  ]);
  return {
    reason: status === 0 ? undefined : `no small file system can be mounted: ${stderr.trim()}`,
    async resize(to: number) {
      await mustRun('mount', ['-o', `remount,size=${to}`, path]);
    },
    async [Symbol.asyncDispose]() {
      if (status === 0) await mustRun('umount', [path]);
    },
  };
}

/** UIDs of what storescp has written: `CT.1.2.3`. */
async function uidsOfStorescp(path: string): Promise<string[]> {
  return (await filesBelow(path)).map((file) => basename(file).replace(/^[A-Za-z]+\./, '')).sort();
}
