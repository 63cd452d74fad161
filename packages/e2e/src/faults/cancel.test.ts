import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type InstanceSource,
  type Queryable,
  type TransferResult,
  transfer,
  verifyByQuery,
} from '@adit/core';
import { createFolderSink, createFolderSource, createZipSink } from '@adit/core/node';
import { createDicomWebClient, createDicomWebSink } from '@adit/dicomweb';
import {
  type ArchiveScp,
  createArchiveScp,
  createDimseClient,
  createDimseSink,
  createReceiver,
  type DimseNode,
} from '@adit/dimse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTempFolder, filesBelow, openTcpWay, type TempFolder } from '../support/index.ts';
import { type Ends, faultStudy, serveDicomWeb, uidsIn } from './fault-study.ts';

/*
 * A transfer that is canceled while a peer hangs, with the time-outs of minutes that nodes have by default: it settles all
 * the same, with every instance accounted for, and nothing goes on behind it.
 */

const study = faultStudy({
  seed: 'canceled',
  series: [
    // Small enough to be kept until it is stored.
    { kind: 'CT', rows: 512 },
    // Larger than what is kept of an instance, so that it streams, and than what sockets hold.
    { kind: 'US-multi-frame', rows: 512, columns: 512, frames: 20 },
  ],
});
const { instances, selection } = study;
/** In the middle of the one and of the other. */
const inSmall = 100_000;
const inLarge = Math.round(study.bytes / 2);

let folder: TempFolder;
let source: ArchiveScp;
let count = 0;

function newFolder(): string {
  count += 1;
  return join(folder.path, `${count}`);
}

const nodeOf = (aeTitle: string, { port }: { port: number }): DimseNode => ({
  ...{ aeTitle, host: '127.0.0.1', port },
});

beforeAll(async () => {
  folder = await createTempFolder('cancel');
  source = await createArchiveScp({ folder: newFolder(), aeTitle: 'SOURCE' });
  for (const instance of instances) await source.archive.store(instance);
});

afterAll(async () => {
  await source?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

/** Cancels when the way hangs, and looks whether anything goes on afterwards. */
async function cancelWhenStuck(
  ends: Ends,
  way: { failed: Promise<void>; passed(): number },
): Promise<TransferResult> {
  const controller = new AbortController();
  void way.failed.then(() => sleep(50)).then(() => controller.abort());
  const result = await study.attempt(ends, undefined, controller.signal);
  expect(result).toMatchObject({ ok: false, problem: { code: 'CANCELED' } });
  await sleep(50);
  const passed = way.passed();
  await sleep(200);
  expect(way.passed()).toBe(passed);
  return result;
}

/** A service over a folder with the study in it. */
async function startService() {
  const path = newFolder();
  const files = createFolderSink(path);
  for (const instance of instances) await files.store(instance);
  const served = createFolderSource(path);
  return serveDicomWeb({ source: served, queryable: served });
}

describe('a source that hangs', () => {
  const stages = [
    ['while it is searched', 1],
    ['in the middle of a small object', inSmall],
    ['in the middle of a large object', inLarge],
  ] as const;

  async function expectSettled(
    client: InstanceSource & Queryable,
    way: { failed: Promise<void>; passed(): number },
  ): Promise<void> {
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using sink = createDimseSink(nodeOf('DESTINATION', destination));
    const { counts } = await cancelWhenStuck({ source: client, sink }, way);
    expect(uidsIn(destination)).toHaveLength(counts.stored);
  }

  test.each(stages)('%s, over DIMSE', async (_, after) => {
    // The answer to the association is let through.
    await using way = await openTcpWay(source.port, { of: 'answers', after: after + 500, failure: 'hang' });
    const client = createDimseClient(nodeOf('SOURCE', way));
    await expectSettled(client, way);
    way.mend();
    await client[Symbol.asyncDispose]();
  });

  test.each(stages)('%s, over DICOMweb', async (_, after) => {
    await using service = await startService();
    await using way = await openTcpWay(service.port, { of: 'answers', after, failure: 'hang' });
    await using client = createDicomWebClient({ url: `http://127.0.0.1:${way.port}` });
    await expectSettled(client, way);
  });

  test.each(stages.slice(1))('%s that it sends by C-MOVE', async (_, after) => {
    await using receiver = await createReceiver({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0 });
    await using way = await openTcpWay(receiver.port, { of: 'requests', after, failure: 'hang' });
    await using moving = await createArchiveScp({
      folder: source.archive.folder,
      aeTitle: 'SOURCE',
      peers: [nodeOf('ADIT', way)],
    });
    const node = { ...nodeOf('SOURCE', moving), retrieve: 'c-move' } as const;
    await using client = createDimseClient(node, { receiver });
    await expectSettled(client, way);
  });

  test('in the middle of an object that is written to a folder', async () => {
    await using way = await openTcpWay(source.port, { of: 'answers', after: inLarge, failure: 'hang' });
    await using client = createDimseClient(nodeOf('SOURCE', way));
    const path = newFolder();
    const { counts } = await cancelWhenStuck({ source: client, sink: createFolderSink(path) }, way);
    expect(await filesBelow(path)).toHaveLength(counts.stored);
  });

  test('in the middle of an object that is written to an archive', async () => {
    await using way = await openTcpWay(source.port, { of: 'answers', after: inLarge, failure: 'hang' });
    await using client = createDimseClient(nodeOf('SOURCE', way));
    const sink = await createZipSink(`${newFolder()}.zip`);
    const { counts } = await cancelWhenStuck({ source: client, sink }, way);
    expect(await sink.finish()).toEqual({ verified: counts.stored, missing: [] });
  });
});

describe('a destination that hangs', () => {
  const stages = [
    ['while it connects', { of: 'answers', after: 1 }],
    ['in the middle of an object', { of: 'requests', after: inLarge }],
  ] as const;

  test.each(stages)('%s, over DIMSE', async (_, fault) => {
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using way = await openTcpWay(destination.port, { ...fault, failure: 'hang' });
    await using client = createDimseClient(nodeOf('SOURCE', source));
    const sink = createDimseSink(nodeOf('DESTINATION', way));
    const { counts } = await cancelWhenStuck({ source: client, sink }, way);
    expect(uidsIn(destination)).toHaveLength(counts.stored);
    way.mend();
    await sink[Symbol.asyncDispose]();
  });

  test.each(stages)('%s, over DICOMweb', async (_, fault) => {
    const path = newFolder();
    await using service = await serveDicomWeb({ sink: createFolderSink(path) });
    await using way = await openTcpWay(service.port, { ...fault, failure: 'hang' });
    await using client = createDimseClient(nodeOf('SOURCE', source));
    await using sink = createDicomWebSink({ url: `http://127.0.0.1:${way.port}` });
    await cancelWhenStuck({ source: client, sink }, way);
  });

  test('while it is verified', async () => {
    await using destination = await createArchiveScp({ folder: newFolder(), aeTitle: 'DESTINATION' });
    await using way = await openTcpWay(destination.port, { of: 'answers', after: 500, failure: 'hang' });
    await using client = createDimseClient(nodeOf('SOURCE', source));
    await using sink = createDimseSink(nodeOf('DESTINATION', destination));
    const searched = createDimseClient(nodeOf('DESTINATION', way));
    const controller = new AbortController();
    void way.failed.then(() => sleep(50)).then(() => controller.abort());
    const result = await transfer({
      ...{ source: client, sink, selection, signal: controller.signal },
      verify: verifyByQuery(searched),
    });
    expect(result).toMatchObject({ ok: false, problem: { code: 'CANCELED' }, verification: 'none' });
    way.mend();
    await searched[Symbol.asyncDispose]();
  });
});
