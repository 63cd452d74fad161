// Direct transfers between servers that are not ours: DCMTK's dcmqrscp and Orthanc as sources, Orthanc as destination.

import { Ledger, textOf, transfer, transferDirectly, verifyByQuery } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import type { DimseNode } from './node.ts';
import { startDcmqrscp } from './testing/dcmtk.ts';
import { freePort } from './testing/free-port.ts';
import { startOrthanc } from './testing/orthanc.ts';

const stack = new AsyncDisposableStack();
let destination: DimseNode;
const sources = new Map<string, DimseNode>();

beforeAll(async () => {
  destination = stack.use(await startOrthanc({ DicomAet: 'TARGET' })).node;
  destination = { ...destination, aeTitle: 'TARGET' };
  const modality = (node: DimseNode) => [node.aeTitle, node.host, node.port];
  // A title that both sources know, and nobody listens at.
  const nowhere = { aeTitle: 'NOWHERE', host: '127.0.0.1', port: await freePort() };
  const orthanc = stack.use(
    await startOrthanc({
      DicomModalities: { target: modality(destination), nowhere: modality(nowhere) },
      DicomScuTimeout: 2,
    }),
  );
  sources.set('Orthanc', orthanc.node);
  sources.set('dcmqrscp', stack.use(await startDcmqrscp([destination, nowhere])).node);
});

afterAll(() => stack.disposeAsync());

const study = (seed: string) =>
  syntheticStudy({
    seed,
    series: [{ kind: 'CT', instances: 20, rows: 64 }, { kind: 'MR', instances: 3, rows: 64 }, { kind: 'SR' }],
  });

async function load(node: DimseNode, seed: string) {
  const instances = study(seed);
  await using sink = createDimseSink(node);
  for (const instance of instances) expect((await sink.store(instance)).state).toBe('stored');
  return { instances, studyInstanceUid: textOf(instances[0]!.attributes, 'StudyInstanceUID')! };
}

describe.each(['Orthanc', 'dcmqrscp'])('%s', (name) => {
  const node = () => sources.get(name)!;

  async function direct(studyInstanceUid: string, ledger = new Ledger(), to = destination.aeTitle) {
    await using source = createDimseClient(node());
    await using target = createDimseClient(destination);
    return await transferDirectly({
      source,
      move: (selection, options) => source.move(selection, { ...options, destination: to }),
      selection: { studyInstanceUid },
      verify: verifyByQuery(target),
      ledger,
    });
  }

  test('sends a study straight to Orthanc, and each instance is found there', async () => {
    const { instances, studyInstanceUid } = await load(node(), `${name} whole`);
    const ledger = new Ledger();
    const result = await direct(studyInstanceUid, ledger);
    expect(result, result.problem?.message).toMatchObject({
      ok: true,
      verification: 'image',
      counts: { expected: 24, stored: 24, verified: 24, failed: 0, skipped: 0 },
    });
    expect([...ledger.records()].map(({ sop, state }) => [sop, state]).sort()).toEqual(
      instances.map(({ sopInstanceUid }) => [sopInstanceUid, 'verified']).sort(),
    );
    // A retry has nothing to do but to look.
    const again = await direct(studyInstanceUid, ledger);
    expect(again, again.problem?.message).toMatchObject({
      ok: true,
      counts: { expected: 24, stored: 0, skipped: 24 },
    });
  });

  test('asks again for what is not at the destination', async () => {
    const { instances, studyInstanceUid } = await load(node(), `${name} half`);
    await using source = createDimseClient(node());
    await using target = createDimseClient(destination);
    const asked: (number | undefined)[] = [];
    const half = instances.slice(0, 10).map(({ sopInstanceUid }) => sopInstanceUid);
    const series = textOf(instances[0]!.attributes, 'SeriesInstanceUID')!;
    const result = await transferDirectly({
      source,
      move: (selection, options) => {
        asked.push(selection.sopInstanceUids?.length);
        // At first only a part of it is asked for, as if the rest had failed.
        const first = { studyInstanceUid, seriesInstanceUids: [series], sopInstanceUids: half };
        const what = asked.length === 1 ? first : selection;
        return source.move(what, { ...options, destination: destination.aeTitle });
      },
      selection: { studyInstanceUid },
      verify: verifyByQuery(target),
    });
    expect(result, result.problem?.message).toMatchObject({
      ok: true,
      counts: { expected: 24, stored: 24, verified: 24 },
    });
    expect(asked).toEqual([undefined, 14]);
  });

  test('says that the source does not know the destination', async () => {
    const { studyInstanceUid } = await load(node(), `${name} unknown`);
    const result = await direct(studyInstanceUid, new Ledger(), 'STRANGER');
    expect(result, result.problem?.message).toMatchObject({
      ok: false,
      counts: { expected: 24, stored: 0, failed: 24 },
    });
    expect(result.problem?.message ?? result.reasons[0]!.message).toMatch(/STRANGER|asked for/);
  });

  test('counts everything as failed when the destination cannot be reached by the source', async () => {
    const { studyInstanceUid } = await load(node(), `${name} nowhere`);
    const result = await direct(studyInstanceUid, new Ledger(), 'NOWHERE');
    expect(result, result.problem?.message).toMatchObject({
      ok: false,
      counts: { expected: 24, stored: 0, failed: 24 },
    });
  });

  test('gives the very objects that come by way of us', async () => {
    const { studyInstanceUid } = await load(node(), `${name} same`);
    const { ok, problem } = await direct(studyInstanceUid);
    expect(ok, problem?.message).toBe(true);
    await using there = createDimseClient(destination);
    await using here = createDimseClient(node());
    const read = async (client: typeof here) => {
      const found = new Map<string, Buffer>();
      const sink = {
        async store(instance: { sopInstanceUid: string; dataset: AsyncIterable<Uint8Array> }) {
          const chunks: Uint8Array[] = [];
          for await (const chunk of instance.dataset) chunks.push(chunk);
          found.set(instance.sopInstanceUid, Buffer.concat(chunks));
          return { state: 'stored' as const };
        },
      };
      const result = await transfer({ source: client, sink, selection: { studyInstanceUid } });
      expect(result.ok, result.problem?.message).toBe(true);
      return found;
    };
    expect(await read(there)).toEqual(await read(here));
  });
});

test('Orthanc may be stopped in the middle: what it has not sent is counted as failed', async () => {
  const node = sources.get('Orthanc')!;
  const { studyInstanceUid } = await load(node, 'cancel');
  await using source = createDimseClient(node);
  const cancel = new AbortController();
  const result = await transferDirectly({
    source,
    move: (selection, options) => source.move(selection, { ...options, destination: destination.aeTitle }),
    selection: { studyInstanceUid },
    signal: cancel.signal,
    onProgress: ({ stored }) => {
      if (stored > 0) cancel.abort();
    },
  });
  expect(result, result.problem?.message).toMatchObject({ ok: false, problem: { code: 'CANCELED' } });
  expect(result.counts.failed + result.counts.stored).toBe(24);
});
