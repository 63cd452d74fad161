import { setTimeout as sleep } from 'node:timers/promises';
import { encodeDataset, SopClass, TransferSyntax } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decodeCommandSet, encodeCommandSet } from '../command-set.ts';
import { connect } from '../connect.ts';
import { echo } from '../echo.ts';
import { encodePdu } from '../pdu.ts';
import { frameMessage } from '../pdv-framer.ts';
import { bytes } from '../testing/bytes.ts';
import {
  associateRequest,
  messageBytes,
  type ScriptedPeer,
  scriptedClient,
} from '../testing/scripted-peer.ts';
import { useServer } from '../testing/use-server.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;

const server = useServer();
const { start } = server;
const peers: ScriptedPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
});

async function newPeer(): Promise<ScriptedPeer> {
  const peer = await scriptedClient(server.running.port);
  peers.push(peer);
  return peer;
}

async function associate(
  contexts: Parameters<typeof associateRequest>[0],
  change: Parameters<typeof associateRequest>[1] = {},
): Promise<ScriptedPeer> {
  const peer = await newPeer();
  peer.send(associateRequest(contexts, change));
  await peer.expect('A-ASSOCIATE-AC');
  return peer;
}

const storeRequest = {
  commandField: 1,
  messageId: 1,
  priority: 0,
  affectedSopClassUid: CT,
  affectedSopInstanceUid: '1.2.3',
};

/** Sends one byte a tenth of a second until the connection ends. */
async function trickle(peer: ScriptedPeer, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    if (peer.socket.closed || !peer.socket.writable) return;
    peer.send(Buffer.from([byte]));
    await sleep(100);
  }
}

describe('a server behind 200 hostile connections', () => {
  const request = encodePdu(associateRequest([[CT, EXPLICIT]]));
  const half = messageBytes(1, storeRequest, Buffer.alloc(10_000)).subarray(0, 5000);

  test.each<[what: string, ...sent: Uint8Array[]]>([
    ['that say nothing'],
    ['that stop in the middle of an association request', request.subarray(0, 100)],
    ['that ask for an association and then for nothing', request],
    ['that stop in the middle of an object', request, half],
  ])('%s still serves the next one', async (_what, ...sent) => {
    const node = await start({
      handlers: {
        store: async ({ dataset }) => {
          for await (const _ of dataset);
          return 0;
        },
      },
    });
    for (let count = 0; count < 200; count++) (await newPeer()).send(...sent);
    await echo(node);
    const association = await connect(node, {
      contexts: [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }],
    });
    expect((await association.cStore(syntheticInstance({ kind: 'CT', rows: 8 }))).state).toBe('stored');
    await association.release();
  });

  test('and many more, whose oldest ones make room', async () => {
    const node = await start();
    const oldest = await newPeer();
    for (let count = 0; count < 300; count++) await newPeer();
    await oldest.untilClosed();
    await echo(node);
  });
});

describe('a peer that sends a byte now and then', () => {
  test('is cut before it has asked for an association (ARTIM)', async () => {
    await start({ timeouts: { artim: 0.4 } });
    const peer = await newPeer();
    const sending = trickle(peer, encodePdu(associateRequest([[CT, EXPLICIT]])));
    await peer.untilClosed();
    peer.socket.destroy();
    await sending;
  });

  test('is aborted in the middle of a message, though it is never silent', async () => {
    const onError = vi.fn();
    await start({
      timeouts: { response: 0.8 },
      handlers: {
        store: async ({ dataset }) => {
          for await (const _ of dataset);
          return 0;
        },
      },
      onError,
    });
    const peer = await associate([[CT, EXPLICIT]]);
    const sending = trickle(peer, messageBytes(1, storeRequest, Buffer.alloc(1000)));
    expect(await peer.expect('A-ABORT')).toMatchObject({ source: 0 });
    peer.socket.destroy();
    await sending;
    expect(onError.mock.calls[0]![0]).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('it sends next to nothing'),
    });
  });

  test('is waited for when it is only slow', async () => {
    const store = vi.fn(async ({ dataset }) => {
      for await (const _ of dataset);
      return 0;
    });
    await start({ timeouts: { response: 0.8 }, handlers: { store } });
    const peer = await associate([[CT, EXPLICIT]]);
    const message = messageBytes(1, storeRequest, Buffer.alloc(1000));
    for (let at = 0; at < message.length; at += 60) {
      peer.send(message.subarray(at, at + 60));
      await sleep(100);
    }
    const { command } = await peer.receiveMessage();
    expect(decodeCommandSet(command).status).toBe(0);
  });
});

describe('memory', () => {
  test('is not filled by a data set that comes byte by byte', async () => {
    const gate = Promise.withResolvers<void>();
    await start({
      handlers: {
        store: async ({ dataset }) => {
          await gate.promise;
          for await (const _ of dataset);
          return 0;
        },
      },
    });
    const peer = await associate([[CT, EXPLICIT]]);
    peer.send(frameMessage(1, 16000, encodeCommandSet({ ...storeRequest, commandDataSetType: 0 })));
    // 2 million presentation data values of one byte each, 8 in a PDU.
    const pdu = Buffer.concat([bytes('04 00 00000038'), ...Array(8).fill(bytes('00000003 01 00 2a'))]);
    const many = Buffer.concat(Array(5000).fill(pdu));
    const before = process.memoryUsage().heapUsed;
    for (let sent = 0; sent < 50; sent++) {
      if (peer.socket.write(many)) continue;
      // The server stops reading at some time.
      const drained = await Promise.race([peer.drained().then(() => true), sleep(1000, false)]);
      if (!drained) break;
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    gate.resolve();
  });

  test('is not filled by keys without end', async () => {
    await start({
      handlers: {
        async *find() {},
      },
    });
    const peer = await associate([[SopClass.StudyRootFind, EXPLICIT]]);
    const find = {
      commandField: 0x20,
      messageId: 1,
      affectedSopClassUid: SopClass.StudyRootFind,
      priority: 0,
    };
    peer.sendMessage(1, find, Buffer.alloc(2 * 1024 * 1024));
    expect(await peer.expect('A-ABORT')).toMatchObject({ source: 2, reason: 5 });
  });

  test('is not filled by answers to requests nobody made', async () => {
    const node = await start();
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    const answer = { commandField: 0x8020, messageIdBeingRespondedTo: 7, status: 0xff00 };
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 4; count++) {
      peer.sendMessage(1, answer, Buffer.alloc(32 * 1024 * 1024));
      await peer.drained();
    }
    peer.sendMessage(1, { commandField: 0x30, messageId: 1, affectedSopClassUid: SopClass.Verification });
    expect(decodeCommandSet((await peer.receiveMessage()).command).status).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(160 * 1024 * 1024);
    await echo(node);
  });
});

describe('an association request', () => {
  test('with control characters in its title is rejected: titles get into logs', async () => {
    await start({ aeTitle: '*' });
    const peer = await newPeer();
    peer.send(associateRequest([[CT, EXPLICIT]], { callingAeTitle: 'X\n\x1b[31mroot' }));
    expect(await peer.expect('A-ASSOCIATE-RJ')).toMatchObject({ result: 1, source: 1, reason: 3 });
  });

  test('with two contexts of one id is aborted', async () => {
    await start();
    const peer = await newPeer();
    const context = { id: 1, abstractSyntax: CT, transferSyntaxes: [EXPLICIT] };
    peer.send(associateRequest([], { contexts: [context, context] }));
    expect(await peer.expect('A-ABORT')).toMatchObject({ source: 0 });
  });

  test('for what is no UID gets no context', async () => {
    await start({ handlers: { store: async () => 0 } });
    const peer = await newPeer();
    peer.send(
      associateRequest([
        ['', EXPLICIT],
        ['../../etc', EXPLICIT],
        [CT, 'no syntax'],
        [CT, '', '1.2.3.4'],
      ]),
    );
    const { contexts } = await peer.expect('A-ASSOCIATE-AC');
    expect(contexts.map(({ result }) => result)).toEqual([3, 3, 4, 0]);
    expect(contexts[3]!.transferSyntax).toBe('1.2.3.4');
  });
});

test('an identifier that is no data set is answered, and the association lives on', async () => {
  await start({
    handlers: {
      async *find() {},
    },
  });
  const peer = await associate([[SopClass.StudyRootFind, EXPLICIT]]);
  const find = { commandField: 0x20, affectedSopClassUid: SopClass.StudyRootFind, priority: 0 };
  peer.sendMessage(1, { ...find, messageId: 1 }, Buffer.alloc(333, 0xff));
  expect(decodeCommandSet((await peer.receiveMessage()).command).status).toBe(0xa900);
  const keys = encodeDataset({ '00080052': { vr: 'CS', Value: ['STUDY'] } }, { transferSyntaxUid: EXPLICIT });
  peer.sendMessage(1, { ...find, messageId: 2 }, keys);
  expect(decodeCommandSet((await peer.receiveMessage()).command).status).toBe(0);
});
