import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DicomInstance, type RetrieveFailure, SopClass, TransferSyntax, textOf } from '@adit/core';
import { type SyntheticInstance, syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openArchive } from './archive/archive.ts';
import { archiveHandlers } from './archive/archive-handlers.ts';
import { type ArchiveScp, createArchiveScp } from './archive/create-archive-scp.ts';
import { decodeCommandSet } from './command-set.ts';
import { connect } from './connect.ts';
import { createDelivery } from './delivery.ts';
import { createDimseClient } from './dimse-client.ts';
import { DimseError } from './dimse-error.ts';
import { createDimseSink } from './dimse-sink.ts';
import type { DimseNode } from './node.ts';
import { createReceiver, type Receiver } from './receiver.ts';
import type { Expectation } from './receiving-desk.ts';
import type { ScpHandlers } from './scp/handlers.ts';
import { listen } from './scp/listen.ts';
import { bytesOf } from './testing/bytes.ts';
import { startDcmqrscp } from './testing/dcmtk.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

let receiver: Receiver;
let address: DimseNode;
let folder: string;
beforeEach(async () => {
  receiver = await createReceiver({ aeTitle: 'ADIT_RECV_1', host: '127.0.0.1', port: 0 });
  address = { aeTitle: receiver.aeTitle, host: '127.0.0.1', port: receiver.port, connectAttempts: 1 };
  folder = await mkdtemp(join(tmpdir(), 'adit-receiver-'));
});
afterEach(async () => {
  await receiver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function studyOf(instance: SyntheticInstance): string {
  return textOf(instance.attributes, 'StudyInstanceUID')!;
}

function waitFor(instance: SyntheticInstance, change: Partial<Expectation> = {}): Expectation {
  return {
    callingAeTitle: 'ME',
    nodeAeTitle: 'PACS',
    studyInstanceUid: studyOf(instance),
    ...change,
  };
}

describe('a study comes by C-MOVE', () => {
  const series = [{ kind: 'CT', instances: 12, rows: 64 }, { kind: 'SR' }] as const;

  async function archive(study: readonly DicomInstance[]): Promise<ArchiveScp> {
    const pacs = await createArchiveScp({ folder, aeTitle: 'PACS', peers: [address] });
    for (const instance of study) await pacs.archive.store(instance);
    return pacs;
  }

  async function retrieve(
    node: DimseNode,
    study: readonly SyntheticInstance[],
    by: Pick<DimseNode, 'retrieve'> = { retrieve: 'c-move' },
  ): Promise<void> {
    await using client = createDimseClient({ ...node, ...by }, { receiver });
    const came = new Map<string, Buffer>();
    const selection = { studyInstanceUid: studyOf(study[0]!) };
    for await (const instance of client.retrieve(selection)) {
      expect(came.has(instance.sopInstanceUid)).toBe(false);
      came.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
    }
    expect(came.size).toBe(study.length);
    for (const { sopInstanceUid, dataset } of study) {
      expect(came.get(sopInstanceUid)?.equals(await bytesOf(dataset))).toBe(true);
    }
  }

  test('from our archive, byte for byte, three times at once, each as a whole', async () => {
    const study = syntheticStudy({ series });
    const other = syntheticStudy({ seed: 'other', series });
    await using pacs = await archive([...study, ...other]);
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, callingAeTitle: 'ME_TOO' };
    await Promise.all([retrieve(node, study), retrieve(node, study), retrieve(node, other)]);
  });

  test('where the node does not offer C-GET, unless that is asked for', async () => {
    const study = syntheticStudy({ series });
    const archived = await openArchive(folder);
    for (const instance of study) await archived.store(instance);
    const { get, ...others } = archiveHandlers(archived, 'PACS', { peers: [address] });
    const asked = { move: 0, get: 0 };
    const handlers: ScpHandlers = {
      ...others,
      move(request) {
        asked.move += 1;
        return others.move!(request);
      },
    };
    await using pacs = await listen({ aeTitle: 'PACS', host: '127.0.0.1', port: 0, handlers });
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port };
    await retrieve(node, study, {});
    expect(asked).toEqual({ move: 1, get: 0 });
    await expect(retrieve(node, study, { retrieve: 'c-get' })).rejects.toMatchObject({ code: 'NO_CONTEXT' });

    handlers.get = (request) => {
      asked.get += 1;
      return get!(request);
    };
    await retrieve(node, study, {});
    expect(asked).toEqual({ move: 1, get: 1 });
  });

  test.each([0x0118, 0x0122, 0x0211])('where the node answers C-GET with status %i', async (status) => {
    const study = syntheticStudy({ series });
    const archived = await openArchive(folder);
    for (const instance of study) await archived.store(instance);
    const handlers: ScpHandlers = {
      ...archiveHandlers(archived, 'PACS', { peers: [address] }),
      get() {
        throw new DimseError('STATUS', 'not done here', { status });
      },
    };
    await using pacs = await listen({ aeTitle: 'PACS', host: '127.0.0.1', port: 0, handlers });
    await retrieve({ aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port }, study, {});
  });

  test.each<[string, number, boolean]>([
    ['does not know where to send', 0xa801, true],
    ['is short of memory', 0xa702, false],
    ['does not let this side', 0x0124, false],
  ])('or not, where the node %s', async (_, status, notOffered) => {
    const handlers: ScpHandlers = {
      move() {
        throw new DimseError('STATUS', 'refused', { status });
      },
    };
    await using pacs = await listen({ aeTitle: 'PACS', host: '127.0.0.1', port: 0, handlers });
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' } as const;
    await using client = createDimseClient(node, { receiver });
    const retrieval = client.retrieve({ studyInstanceUid: '1.2' })[Symbol.asyncIterator]();
    const error = await retrieval.next().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STATUS', status });
    expect(client.isNotOffered?.(error)).toBe(notOffered);
  });

  test('says of a node that does neither what each way came to', async () => {
    const handlers: ScpHandlers = { async *find() {} };
    await using pacs = await listen({ aeTitle: 'PACS', host: '127.0.0.1', port: 0, handlers });
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port };
    await using client = createDimseClient(node, { receiver });
    const retrieval = client.retrieve({ studyInstanceUid: '1.2' })[Symbol.asyncIterator]();
    await expect(retrieval.next()).rejects.toMatchObject({
      code: 'NOT_OFFERED',
      message: expect.stringMatching(/C-GET: PACS@.*C-MOVE: PACS@/),
    });
  });

  test('from dcmqrscp, byte for byte', async () => {
    await using pacs = await startDcmqrscp([address]);
    const study = syntheticStudy({ series });
    await using sink = createDimseSink(pacs.node);
    for (const instance of study) expect((await sink.store(instance)).state).toBe('stored');
    await sink.release();
    await retrieve(pacs.node, study);
  });

  test('without the objects that the caller refuses, which are no failure', async () => {
    const study = syntheticStudy({ series });
    await using pacs = await archive(study);
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' } as const;
    await using client = createDimseClient(node, { receiver });
    const failures: RetrieveFailure[] = [];
    let read = 0;
    let count = 0;
    const selection = { studyInstanceUid: studyOf(study[0]!) };
    for await (const instance of client.retrieve(selection, { onFailure: (one) => failures.push(one) })) {
      // Some are left in their middle, some not begun.
      if (++count % 3 === 0) continue;
      for await (const _ of instance.dataset) if (count % 3 === 1) break;
      if (count % 3 === 2) read += 1;
    }
    expect(count).toBe(study.length);
    expect(read).toBeGreaterThan(0);
    expect(failures).toEqual([]);
  });

  test('until the caller gives up, at once, and what comes later is refused', async () => {
    const study = syntheticStudy({ series: [{ kind: 'CT', instances: 40, rows: 256 }] });
    await using pacs = await archive(study);
    const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' } as const;
    await using client = createDimseClient(node, { receiver });
    const controller = new AbortController();
    let count = 0;
    const retrieval = (async () => {
      const options = { signal: controller.signal };
      for await (const instance of client.retrieve({ studyInstanceUid: studyOf(study[0]!) }, options)) {
        await bytesOf(instance.dataset);
        if (++count === 3) controller.abort(new Error('enough'));
      }
    })();
    await expect(retrieval).rejects.toThrow('enough');
    expect(count).toBe(3);
    await using sink = createDimseSink(address);
    expect((await sink.store(study[39]!)).status).toBe(0x0124);
  });
});

describe('an object', () => {
  const one = syntheticInstance({ kind: 'CT', rows: 64 });
  const other = syntheticInstance({ kind: 'CT', rows: 64, seed: 'other' });

  test('that nobody waits for is refused', async () => {
    await using sink = createDimseSink(address);
    expect(await sink.store(one)).toMatchObject({ state: 'failed', status: 0x0124, retryable: false });
    using _ = receiver.expect(waitFor(other));
    expect(await sink.store(one)).toMatchObject({ state: 'failed', status: 0x0124 });
  });

  test('without an originator goes by its study, its series or itself', async () => {
    await using sink = createDimseSink(address);
    const series = textOf(one.attributes, 'SeriesInstanceUID')!;
    for (const change of [{}, { seriesInstanceUids: [series] }, { sopInstanceUids: [one.sopInstanceUid] }]) {
      using delivery = receiver.expect(waitFor(one, change));
      const store = sink.store(one);
      const arrival = await delivery.next();
      expect(await bytesOf(arrival!.instance.dataset)).toEqual(await bytesOf(one.dataset));
      expect(await store).toEqual({ state: 'stored', status: 0 });
    }
    using _ = receiver.expect(waitFor(one, { seriesInstanceUids: ['1.2'] }));
    using __ = receiver.expect(waitFor(one, { sopInstanceUids: ['1.2'] }));
    expect((await sink.store(one)).status).toBe(0x0124);
  });

  test('that several wait for goes to each, those first that asked its node', async () => {
    await using sink = createDimseSink({ ...address, callingAeTitle: 'SECOND' });
    using first = receiver.expect(waitFor(one, { nodeAeTitle: 'FIRST' }));
    using second = receiver.expect(waitFor(one, { nodeAeTitle: 'SECOND' }));
    for (const delivery of [second, first]) {
      const store = sink.store(one);
      await bytesOf((await delivery.next())!.instance.dataset);
      expect((await store).state).toBe('stored');
    }
  });

  test('goes by the C-MOVE it names, whatever its study; an id of somebody else is no name', async () => {
    using mine = receiver.expect(waitFor(one));
    using theirs = receiver.expect(waitFor(one));
    const { messageId } = theirs;
    expect(mine.messageId).not.toBe(messageId);
    const originator = { aeTitle: 'ME', messageId };
    await using sink = createDimseSink(address, { moveOriginator: originator });
    const store = sink.store(one);
    await bytesOf((await theirs.next())!.instance.dataset);
    expect((await store).state).toBe('stored');
    await using stranger = createDimseSink(address, {
      moveOriginator: { ...originator, aeTitle: 'NOT_ME' },
    });
    expect((await stranger.store(other)).status).toBe(0x0124);
  });

  test('is answered with success only when all of it was read', async () => {
    using delivery = receiver.expect(waitFor(one));
    await using sink = createDimseSink(address);
    let answered = false;
    const store = sink.store(one).then((outcome) => {
      answered = true;
      return outcome;
    });
    const arrival = (await delivery.next())!;
    const iterator = arrival.instance.dataset[Symbol.asyncIterator]();
    await iterator.next();
    await sleep(50);
    expect(answered).toBe(false);
    while (!(await iterator.next()).done);
    expect((await store).state).toBe('stored');
    expect(delivery).toMatchObject({ acknowledged: 1, refused: 0 });
    // Sent again, it is there already.
    expect((await sink.store(one)).state).toBe('stored');
    expect(await delivery.next({ seconds: 0 })).toBeUndefined();
  });

  test('leaves nothing behind at a signal that many objects share', async () => {
    using delivery = createDelivery({ messageId: 1, place: '', onEnd: () => {} });
    const { signal } = new AbortController();
    for (const way of ['read', 'left']) {
      const taken = delivery.take(syntheticInstance({ kind: 'CT', rows: 64, seed: way }), signal);
      const { instance, reader } = (await delivery.next())!;
      if (way === 'read') await bytesOf(instance.dataset);
      await reader.settled();
      expect(await taken).toBe(way === 'read' ? 0 : 0xa700);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
  });

  test('is refused when its reader leaves, never begins, or ends the delivery', async () => {
    await using sink = createDimseSink(address);
    for (const way of ['leave', 'settle', 'dispose']) {
      using delivery = receiver.expect(waitFor(one));
      const store = sink.store(one);
      if (way === 'dispose') {
        await sleep(50);
        delivery[Symbol.dispose]();
      } else {
        const { instance, reader } = (await delivery.next())!;
        if (way === 'leave') for await (const _ of instance.dataset) break;
        await reader.settled();
      }
      expect(await store, way).toMatchObject({ state: 'failed', status: 0xa700 });
    }
  });

  test('whose association breaks fails its reader, and the next one comes', async () => {
    const big = syntheticInstance({ kind: 'CT', rows: 1024 });
    using delivery = receiver.expect(waitFor(one));
    const association = await connect(address, {
      contexts: [
        {
          abstractSyntax: SopClass.CtImageStorage,
          transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian],
        },
      ],
    });
    const half = {
      ...big,
      dataset: (async function* () {
        yield (await bytesOf(big.dataset)).subarray(0, 1_500_000);
        await sleep(10_000);
      })(),
    };
    const store = association.cStore(half).catch(() => undefined);
    const { instance, reader } = (await delivery.next())!;
    const read = bytesOf(instance.dataset);
    read.catch(() => undefined);
    await sleep(20);
    association.abort();
    await expect(read).rejects.toMatchObject({ retryable: true });
    await reader.settled();
    void store;
    await using sink = createDimseSink(address);
    const next = sink.store(one);
    await bytesOf((await delivery.next())!.instance.dataset);
    expect((await next).state).toBe('stored');
    expect(delivery).toMatchObject({ acknowledged: 1, refused: 1 });
  });
});

describe('a node that', () => {
  const study = syntheticStudy({ series: [{ kind: 'CT', instances: 3, rows: 32 }] });

  /** A node that answers the C-MOVE so, and then sends so many objects with the C-MOVE's id or without. */
  async function retrieve(
    answer: { completed?: number; failed?: number },
    { sends, named, wait = 0 }: { sends: number; named: boolean; wait?: number },
  ) {
    let sent: Promise<void> | undefined;
    await using server = await scriptedServer(async (script) => {
      const request = await script.accept();
      const context = request.contexts.find((one) => one.abstractSyntax === SopClass.StudyRootMove)!.id;
      const { command } = await script.receiveMessage();
      const { messageId = 0 } = decodeCommandSet(command);
      script.sendMessage(context, {
        commandField: 0x8021,
        messageIdBeingRespondedTo: messageId,
        status: 0,
        ...(answer.completed !== undefined && { numberOfCompletedSuboperations: answer.completed }),
        ...(answer.failed !== undefined && { numberOfFailedSuboperations: answer.failed }),
      });
      sent = (async () => {
        await using sink = createDimseSink(address, {
          maxAssociations: 2,
          ...(named && { moveOriginator: { aeTitle: 'ADIT', messageId } }),
        });
        for (const instance of study.slice(0, sends)) {
          await sleep(wait);
          expect((await sink.store(instance)).state).toBe('stored');
        }
      })();
      await script.untilClosed();
    });
    const node = { ...server.node, retrieve: 'c-move', timeouts: { release: 0.05 } } as const;
    await using client = createDimseClient(node, { receiver, graceSeconds: 0.5 });
    const failures: string[] = [];
    let came = 0;
    const selection = { studyInstanceUid: studyOf(study[0]!) };
    for await (const instance of client.retrieve(selection, {
      onFailure: ({ message }) => failures.push(message),
    })) {
      await bytesOf(instance.dataset);
      came += 1;
    }
    await sent;
    return { came, failures };
  }

  test.each([true, false])('sends after the C-MOVE has ended loses nothing: named %s', async (named) => {
    expect(await retrieve({ completed: 3 }, { sends: 3, named, wait: 100 })).toEqual({
      came: 3,
      failures: [],
    });
  });

  test('does not count is waited for a while', async () => {
    expect(await retrieve({}, { sends: 3, named: true, wait: 100 })).toEqual({ came: 3, failures: [] });
  });

  test('says it has sent nothing, and sends', async () => {
    const counted = { completed: 0, failed: 0 };
    expect(await retrieve(counted, { sends: 3, named: true, wait: 50 })).toEqual({ came: 3, failures: [] });
  });

  test('sends less than it says is told of, and so is what it could not send', async () => {
    const { came, failures } = await retrieve({ completed: 3, failed: 2 }, { sends: 2, named: true });
    expect(came).toBe(2);
    expect(failures).toHaveLength(3);
    expect(failures.filter((message) => message.includes('did not come here'))).toHaveLength(1);
  });

  test('sends somewhere else is told of, with what to do', async () => {
    await expect(retrieve({ completed: 3 }, { sends: 0, named: true })).rejects.toMatchObject({
      code: 'NOTHING_SENT',
      message: expect.stringContaining(`port ${receiver.port}`),
    });
  });
});
