import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DatasetReader,
  type DicomInstance,
  SopClass,
  type StoredDataset,
  TransferSyntax,
} from '@adit/core';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { createDimseSink } from './dimse-sink.ts';
import type { DimseNode } from './node.ts';
import type { StoreRequest } from './scp/handlers.ts';
import { type DimseServer, type ListenOptions, listen } from './scp/listen.ts';
import { freePort } from './testing/free-port.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;
const MR = SopClass.MrImageStorage;

let server: DimseServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Log {
  node: DimseNode;
  /** Remote ports have no names: associations are told apart by their calling AE titles' order of arrival. */
  associations(): number;
  stored: { sopInstanceUid: string; length: number; digest: number }[];
}

/** A server that stores by the given function and counts associations. */
async function start(
  store: (request: StoreRequest) => Promise<number> = async () => 0,
  options: Partial<ListenOptions> = {},
): Promise<Log> {
  let associations = 0;
  const stored: Log['stored'] = [];
  server = await listen({
    aeTitle: 'SINK',
    host: '127.0.0.1',
    port: 0,
    allow: () => {
      associations += 1;
      return true;
    },
    handlers: {
      store: async (request) => {
        let length = 0;
        let digest = 0;
        for await (const piece of request.dataset) {
          for (const byte of piece) digest = (digest * 31 + byte) >>> 0;
          length += piece.length;
        }
        const status = await store(request);
        stored.push({ sopInstanceUid: request.sopInstanceUid, length, digest });
        return status;
      },
    },
    ...options,
  });
  const node = { aeTitle: 'SINK', host: '127.0.0.1', port: server.port, connectAttempts: 1 };
  return { node, associations: () => associations, stored };
}

function instance(
  sopInstanceUid: string,
  { length = 1000, sopClassUid = CT as string, transferSyntaxUid = EXPLICIT as string } = {},
): DicomInstance {
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    dataset: (async function* () {
      for (let at = 0; at < length; at += 70_000)
        yield Buffer.alloc(Math.min(70_000, length - at), at & 0xff);
    })(),
  };
}

describe('associations', () => {
  test('are used again', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    for (let count = 0; count < 5; count++)
      expect((await sink.store(instance(`1.2.${count}`))).state).toBe('stored');
    expect(log.associations()).toBe(1);
  });

  test('are opened up to the limit when instances come at once', async () => {
    const log = await start(() => sleep(20).then(() => 0));
    await using sink = createDimseSink(log.node, { maxAssociations: 3 });
    expect(sink.concurrency).toBe(6);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        sink.store(instance(`1.2.${index}`, { length: 300_000 + index })),
      ),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
    expect(log.associations()).toBe(3);
    expect(new Set(log.stored.map(({ length }) => length)).size).toBe(30);
  });

  test('are replaced when an instance of another kind comes, and then carry both', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node, { maxAssociations: 1 });
    await sink.store(instance('1.2.1'));
    await sink.store(instance('1.2.2', { sopClassUid: MR }));
    await sink.store(instance('1.2.3', { transferSyntaxUid: TransferSyntax.JpegBaseline8Bit }));
    expect(log.associations()).toBe(3);
    for (let count = 0; count < 3; count++) {
      await sink.store(instance('1.2.4'));
      await sink.store(instance('1.2.5', { sopClassUid: MR }));
    }
    expect(log.associations()).toBe(3);
  });

  test('serve instances of every kind that come at once, none waiting for ever', async () => {
    const log = await start(() => sleep(2).then(() => 0));
    await using sink = createDimseSink(log.node, { maxAssociations: 1 });
    const kinds = [CT, MR, SopClass.UltrasoundImageStorage];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        sink.store(instance(`1.2.${index}`, { sopClassUid: kinds[index % 3]! })),
      ),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
  });

  test('are released when there is no work for a while', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node, { idleSeconds: 0.05 });
    await sink.store(instance('1.2.1'));
    await sleep(150);
    await sink.store(instance('1.2.2'));
    expect(log.associations()).toBe(2);
  });

  test('that the node has no room for do not matter while others work', async () => {
    const log = await start(() => sleep(5).then(() => 0), { maxAssociations: 2 });
    await using sink = createDimseSink(log.node, { maxAssociations: 8 });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => sink.store(instance(`1.2.${index}`))),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
  });

  test('that hang while being opened do not matter while others work', async () => {
    await using peer = await scriptedServer(async (script, index) => {
      if (index > 0) {
        // Never answered.
        await script.untilClosed();
        return;
      }
      await script.accept();
      for (let messageId = 1; messageId <= 10; messageId++) {
        await script.receiveMessage();
        script.sendMessage(1, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
      }
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
      await script.untilClosed();
    });
    const sink = createDimseSink(peer.node, { maxAssociations: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) => sink.store(instance(`1.2.${index}`))),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
    await sink[Symbol.asyncDispose]();
  });

  test('that died while idle are replaced', async () => {
    const log = await start(async () => 0, { timeouts: { idle: 0.5 } });
    await using sink = createDimseSink(log.node);
    await sink.store(instance('1.2.1'));
    await sleep(1200);
    expect((await sink.store(instance('1.2.2'))).state).toBe('stored');
    expect(log.associations()).toBe(2);
  });

  test('that die under an instance which can begin anew are replaced', async () => {
    await using peer = await scriptedServer(async (script, index) => {
      await script.accept();
      const { command, dataset } = await script.receiveMessage();
      expect(dataset.length).toBe(1000);
      if (index === 0) {
        script.socket.destroy();
        return;
      }
      const { messageId = 0 } = decodeCommandSet(command);
      script.sendMessage(1, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
      await script.untilClosed();
    });
    const sink = createDimseSink({ ...peer.node, timeouts: { release: 0.05 } });
    expect(await sink.store(instance('1.2.1'))).toMatchObject({ state: 'stored' });
    expect(peer.connections()).toBe(2);
    await sink[Symbol.asyncDispose]();
  });

  test('that die under an instance which cannot begin anew fail it, retryably', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await script.receiveBytes(4 * 1024 * 1024);
      script.socket.destroy();
    });
    await using sink = createDimseSink(peer.node);
    const outcome = await sink.store(instance('1.2.1', { length: 20_000_000 }));
    expect(outcome).toMatchObject({ state: 'failed', retryable: true });
    expect(outcome.message).toContain('was lost');
    expect(peer.connections()).toBe(1);
  });
});

describe('outcomes', () => {
  test.each([
    [0x0000, { state: 'stored' }],
    [0xb000, { state: 'warning', message: expect.stringContaining('B000 (coercion of data elements)') }],
    [
      0xa700,
      { state: 'failed', retryable: true, message: expect.stringContaining('A700 (out of resources)') },
    ],
    [
      0xa900,
      {
        state: 'failed',
        retryable: false,
        message: expect.stringContaining('A900 (data set does not match'),
      },
    ],
    [
      0xc001,
      { state: 'failed', retryable: false, message: expect.stringContaining('C001 (cannot understand)') },
    ],
    [
      0x0124,
      { state: 'failed', retryable: false, message: expect.stringContaining('0124 (not authorised)') },
    ],
  ])('status %i', async (status, outcome) => {
    const { node } = await start(async () => status);
    await using sink = createDimseSink(node);
    expect(await sink.store(instance('1.2.1'))).toMatchObject({ ...outcome, status });
  });

  test('a class the node does not accept is said once asked, and not asked again', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    for (let count = 0; count < 3; count++) {
      const outcome = await sink.store(instance('1.2.1', { sopClassUid: SopClass.StudyRootMove }));
      expect(outcome).toMatchObject({ state: 'failed', retryable: false });
      expect(outcome.message).toMatch(
        /does not accept Study Root .* in Explicit VR Little Endian; enable it at the node\.$/,
      );
    }
    expect(log.associations()).toBe(1);
    expect((await sink.store(instance('1.2.2'))).state).toBe('stored');
  });

  test('a transfer syntax the node does not accept is named', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept((answer) => {
        answer.contexts = answer.contexts.map((context) =>
          context.transferSyntax === EXPLICIT ? context : { ...context, result: 4 },
        );
      });
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
      await script.untilClosed();
    });
    await using sink = createDimseSink(peer.node);
    const outcome = await sink.store(instance('1.2.1', { transferSyntaxUid: TransferSyntax.Jpeg2000 }));
    expect(outcome).toMatchObject({ state: 'failed', retryable: false });
    expect(outcome.message).toContain('JPEG 2000 Image Compression');
  });
});

describe('throws', () => {
  test('when the node cannot be reached, for every instance that waits', async () => {
    const node = { aeTitle: 'A', host: '127.0.0.1', port: await freePort(), connectAttempts: 1 };
    await using sink = createDimseSink(node);
    const results = await Promise.allSettled(['1.1', '1.2', '1.3'].map((uid) => sink.store(instance(uid))));
    expect(results.map((result) => result.status === 'rejected' && result.reason.code)).toEqual(
      Array(3).fill('UNREACHABLE'),
    );
  });

  test('what the data set throws, and goes on with the next instance', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    const error = new Error('cut');
    const failing: DicomInstance = {
      ...instance('1.2.1'),
      dataset: (async function* () {
        yield Buffer.alloc(3_000_000);
        throw error;
      })(),
    };
    await expect(sink.store(failing)).rejects.toBe(error);
    expect((await sink.store(instance('1.2.2'))).state).toBe('stored');
    expect(log.stored.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['1.2.2']);
  });

  test('what one data set throws does not strike the one behind it', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node, { maxAssociations: 1 });
    const gate = Promise.withResolvers<void>();
    const failing: DicomInstance = {
      ...instance('1.2.1'),
      dataset: (async function* () {
        yield Buffer.alloc(3_000_000);
        await gate.promise;
        throw new Error('cut');
      })(),
    };
    const first = sink.store(failing);
    const second = sink.store(instance('1.2.2'));
    await sleep(50);
    gate.resolve();
    await expect(first).rejects.toThrow('cut');
    expect((await second).state).toBe('stored');
  });

  test("the signal's reason, before and in the middle of an instance, and tells the source", async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    const controller = new AbortController();
    let returned = false;
    const endless: DicomInstance = {
      ...instance('1.2.1'),
      dataset: (async function* () {
        try {
          for (let count = 0; ; count++) {
            yield Buffer.alloc(500_000);
            if (count === 10) controller.abort(new Error('enough'));
            await sleep(1);
          }
        } finally {
          returned = true;
        }
      })(),
    };
    const { signal } = controller;
    await expect(sink.store(endless, { signal })).rejects.toThrow('enough');
    await expect(sink.store(instance('1.2.2'), { signal })).rejects.toThrow('enough');
    await sleep(20);
    expect(returned).toBe(true);
    expect(log.stored).toEqual([]);
  });

  test('after it was closed', async () => {
    const { node } = await start();
    const sink = createDimseSink(node);
    await sink[Symbol.asyncDispose]();
    await expect(sink.store(instance('1.2.1'))).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

test('closing waits for what is under way', async () => {
  const log = await start(() => sleep(50).then(() => 0));
  const sink = createDimseSink(log.node);
  const store = sink.store(instance('1.2.1'));
  await sink[Symbol.asyncDispose]();
  expect((await store).state).toBe('stored');
});

test('an instance can be stored again from the same data set, if that can be read again', async () => {
  let attempts = 0;
  const { node } = await start(async () => (++attempts === 1 ? 0xa700 : 0));
  await using sink = createDimseSink(node);
  const chunks = [Buffer.alloc(100), Buffer.alloc(200)];
  const again: DicomInstance = {
    ...instance('1.2.1'),
    dataset: {
      [Symbol.asyncIterator]: () =>
        (async function* () {
          yield* chunks;
        })(),
    },
  };
  expect((await sink.store(again)).state).toBe('failed');
  expect((await sink.store(again)).state).toBe('stored');
});

describe('a stored data set', () => {
  /** The bytes of a data set that can be read into the sender's memory; `open` may be replaced. */
  function stored(
    bytes: Buffer,
    open?: StoredDataset['open'],
  ): { dataset: StoredDataset; readings: () => number } {
    let openReadings = 0;
    const openBytes = async (): Promise<DatasetReader> => {
      let position = 0;
      openReadings += 1;
      return {
        byteLength: bytes.length,
        fill: async (buffers) => {
          for (const buffer of buffers) position += bytes.copy(buffer, 0, position);
        },
        close: () => {
          openReadings -= 1;
        },
      };
    };
    return {
      readings: () => openReadings,
      dataset: {
        open: open ?? openBytes,
        async *[Symbol.asyncIterator]() {
          yield bytes;
        },
      },
    };
  }

  const digestOf = (bytes: Buffer) => bytes.reduce((digest, byte) => (digest * 31 + byte) >>> 0, 0);

  test.each([0, 2, 16_372, 1_000_000, 2_500_000])('of %i bytes arrives whole', async (length) => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    const bytes = Buffer.alloc(length, 'The quick brown fox. ');
    const { dataset, readings } = stored(bytes);
    expect(await sink.store({ ...instance('1.2.1'), dataset })).toMatchObject({ state: 'stored' });
    expect(log.stored).toEqual([{ sopInstanceUid: '1.2.1', length, digest: digestOf(bytes) }]);
    expect(readings()).toBe(0);
  });

  test('of odd length is padded when it is deflated', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    const { dataset, readings } = stored(Buffer.alloc(2_000_001, 7));
    const transferSyntaxUid = TransferSyntax.DeflatedExplicitVrLittleEndian;
    await sink.store({ ...instance('1.2.1', { transferSyntaxUid }), dataset });
    expect(log.stored.map(({ length }) => length)).toEqual([2_000_002]);
    expect(readings()).toBe(0);
  });

  test('is read again when the association breaks in the middle of it', async () => {
    const bytes = Buffer.alloc(3_000_000, 'The quick brown fox. ');
    const { dataset, readings } = stored(bytes);
    await using peer = await scriptedServer(async (script, index) => {
      await script.accept();
      if (index === 0) {
        await script.receiveBytes(1_500_000);
        script.socket.destroy();
        return;
      }
      const message = await script.receiveMessage();
      expect(message.dataset.equals(bytes)).toBe(true);
      const { messageId = 0 } = decodeCommandSet(message.command);
      script.sendMessage(1, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
      await script.untilClosed();
    });
    const sink = createDimseSink({ ...peer.node, timeouts: { release: 0.05 } });
    expect(await sink.store({ ...instance('1.2.1'), dataset })).toMatchObject({ state: 'stored' });
    expect(peer.connections()).toBe(2);
    expect(readings()).toBe(0);
    await sink[Symbol.asyncDispose]();
  });

  test('that fails is thrown, and never arrives', async () => {
    const log = await start();
    await using sink = createDimseSink(log.node);
    const error = new Error('cut');
    let closed = 0;
    const cut = stored(Buffer.alloc(0), async () => ({
      byteLength: 3_000_000,
      fill: async () => {
        if (fills++ > 0) throw error;
      },
      close: () => {
        closed += 1;
      },
    }));
    let fills = 0;
    await expect(sink.store({ ...instance('1.2.1'), dataset: cut.dataset })).rejects.toBe(error);
    const missing = stored(Buffer.alloc(0), () => Promise.reject(error));
    await expect(sink.store({ ...instance('1.2.2'), dataset: missing.dataset })).rejects.toBe(error);
    expect((await sink.store(instance('1.2.3'))).state).toBe('stored');
    expect(log.stored.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['1.2.3']);
    expect(closed).toBe(1);
  });
});
