import { setTimeout as sleep } from 'node:timers/promises';
import { attributesFrom, type DicomInstance, encodeDataset, SopClass, TransferSyntax } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { connect } from './connect.ts';
import type { DimseError } from './dimse-error.ts';
import type { DimseNode } from './node.ts';
import { messageBytes, type ScriptedPeer, scriptedServer } from './testing/scripted-peer.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;

const contexts = [
  { abstractSyntax: SopClass.Verification, transferSyntaxes: [EXPLICIT] },
  { abstractSyntax: CT, transferSyntaxes: [EXPLICIT], role: 'both' as const },
  { abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: [EXPLICIT] },
  { abstractSyntax: SopClass.StudyRootGet, transferSyntaxes: [EXPLICIT] },
  { abstractSyntax: SopClass.StudyRootMove, transferSyntaxes: [EXPLICIT] },
];
const VERIFICATION_ID = 1;
const CT_ID = 3;
const FIND_ID = 5;
const GET_ID = 7;
const MOVE_ID = 9;

const echoAnswer = (status = 0) => ({ commandField: 0x8030, messageIdBeingRespondedTo: 1, status });

function instance(chunks: readonly Uint8Array[], sopInstanceUid = '1.2.3'): DicomInstance {
  return {
    sopClassUid: CT,
    sopInstanceUid,
    transferSyntaxUid: EXPLICIT,
    dataset: (async function* () {
      yield* chunks;
    })(),
  };
}

async function failure(promise: Promise<unknown>): Promise<DimseError> {
  return promise.then(
    () => expect.unreachable(),
    (error) => error,
  );
}

/** Opens an association with a peer that goes on by the script once it has accepted. */
async function associate(script: (peer: ScriptedPeer) => Promise<void>, node: Partial<DimseNode> = {}) {
  const server = await scriptedServer(async (peer) => {
    await peer.accept();
    await script(peer);
    await peer.untilClosed();
  });
  const association = await connect({ ...server.node, ...node }, { contexts });
  return { association, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
}

describe('release', () => {
  test('waits for the answer of the peer', async () => {
    await using peer = await associate(async (script) => {
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
    });
    await peer.association.release();
    expect(peer.association.over).toBe(true);
    await peer.association.release();
  });

  test('ends by an abort when the peer does not answer', async () => {
    await using peer = await associate(
      async (script) => {
        await script.expect('A-RELEASE-RQ');
        await script.expect('A-ABORT');
      },
      { timeouts: { release: 0.05 } },
    );
    await peer.association.release();
  });

  test('is answered when the peer asks for it', async () => {
    await using peer = await associate(async (script) => {
      script.send({ type: 'A-RELEASE-RQ' });
      await script.expect('A-RELEASE-RP');
      script.socket.end();
    });
    await peer.association.ended;
    expect((await failure(peer.association.cEcho())).code).toBe('CLOSED');
  });

  test('may collide with that of the peer (Sta9, Sta11)', async () => {
    await using peer = await associate(async (script) => {
      // Both ask before either has heard of the other.
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RQ' });
      await script.expect('A-RELEASE-RP');
      script.send({ type: 'A-RELEASE-RP' });
    });
    await peer.association.release();
  });

  test('by the peer leaves no request waiting', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.send({ type: 'A-RELEASE-RQ' });
      await script.expect('A-RELEASE-RP');
      script.socket.end();
    });
    expect(await failure(peer.association.cEcho())).toMatchObject({
      code: 'CONNECTION_LOST',
      retryable: true,
    });
  });
});

describe('a peer that breaks the protocol is aborted, with the reason', () => {
  test.each<[what: string, sent: () => Uint8Array, reason: number]>([
    ['an unknown PDU type', () => Buffer.from('0900000000000000', 'hex'), 1],
    ['an association request in between', () => Buffer.from(`010000000044${'00'.repeat(68)}`, 'hex'), 2],
    ['an answer to no release', () => Buffer.from('06000000000400000000', 'hex'), 2],
    ['a PDU of 4 GB', () => Buffer.from('0400ffffffff', 'hex'), 6],
    ['a data set without a command', () => Buffer.from('040000000008000000040102aabb', 'hex'), 5],
    ['a context that was not agreed', () => messageBytes(99, echoAnswer()), 5],
    ['a command set that is none', () => Buffer.from('040000000008000000040103aabb', 'hex'), 6],
    ['a request without a message id', () => messageBytes(VERIFICATION_ID, { commandField: 0x0030 }), 5],
  ])('%s', async (_what, sent, reason) => {
    const aborted = Promise.withResolvers<{ source: number; reason: number }>();
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.send(sent());
      for (;;) {
        const pdu = await script.receive();
        if (pdu?.type === 4) continue;
        aborted.resolve({ source: pdu!.body[2]!, reason: pdu!.body[3]! });
        return;
      }
    });
    const error = await failure(peer.association.cEcho());
    expect(await aborted.promise).toEqual({ source: 2, reason });
    expect(error).toMatchObject({ code: 'PROTOCOL', retryable: false });
  });

  test('a command in the middle of a data set', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      const store = messageBytes(CT_ID, { commandField: 1, messageId: 1 }, Buffer.alloc(100));
      const half = Buffer.from(store);
      half[half.length - 100 - 1] = 0; // not the last fragment
      script.send(half, messageBytes(VERIFICATION_ID, echoAnswer()));
      for (;;) {
        const pdu = await script.receive();
        if (pdu?.type === 7) return expect([pdu.body[2], pdu.body[3]]).toEqual([2, 5]);
      }
    });
    expect((await failure(peer.association.cEcho())).message).toContain(
      'a command came in the middle of a data set',
    );
  });
});

describe('a peer that is silent', () => {
  test('is given up after the response time', async () => {
    await using peer = await associate(
      async (script) => {
        await script.receiveMessage();
        expect(await script.expect('A-ABORT')).toMatchObject({ source: 0 });
      },
      { timeouts: { response: 0.1 } },
    );
    const error = await failure(peer.association.cEcho());
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(error.message).toMatch(/^PEER@127\.0\.0\.1:\d+ was silent for 0\.1 s \(it does not answer\)/);
  });

  test('in the middle of a PDU too', async () => {
    await using peer = await associate(
      async (script) => {
        await script.receiveMessage();
        script.send(messageBytes(VERIFICATION_ID, echoAnswer()).subarray(0, 20));
        await script.expect('A-ABORT');
      },
      { timeouts: { response: 0.5 } },
    );
    expect((await failure(peer.association.cEcho())).message).toContain('stopped in the middle of a message');
  });

  test('or that does not take what is sent', async () => {
    let resume = () => {};
    const failed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    await using peer = await associate(
      async (script) => {
        script.socket.pause();
        await failed;
        script.socket.resume();
      },
      { timeouts: { response: 0.2 } },
    );
    const chunks = Array.from({ length: 40 }, () => Buffer.alloc(1024 * 1024));
    const error = await failure(peer.association.cStore(instance(chunks)));
    resume();
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain('does not take what is sent');
  });

  test('is waited for as long as bytes come', async () => {
    await using peer = await associate(
      async (script) => {
        await script.receiveMessage();
        const answer = messageBytes(VERIFICATION_ID, echoAnswer());
        // Ten pauses, each much shorter than the limit, together longer.
        const step = Math.ceil(answer.length / 10);
        for (let at = 0; at < answer.length; at += step) {
          script.send(answer.subarray(at, at + step));
          await sleep(120);
        }
        await script.expect('A-ABORT');
      },
      { timeouts: { response: 1 } },
    );
    await peer.association.cEcho();
    peer.association.abort();
  });

  test('is not blamed while our own source is slow', async () => {
    await using peer = await associate(
      async (script) => {
        const { command } = await script.receiveMessage();
        const messageId = decodeCommandSet(command).messageId!;
        script.sendMessage(CT_ID, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
        await script.expect('A-ABORT');
      },
      { timeouts: { response: 0.7 } },
    );
    const slow: DicomInstance = {
      ...instance([]),
      dataset: (async function* () {
        yield Buffer.alloc(2 * 1024 * 1024);
        await sleep(1000);
        yield Buffer.alloc(10);
      })(),
    };
    expect((await peer.association.cStore(slow)).state).toBe('stored');
    peer.association.abort();
  });
});

describe('answers', () => {
  test('may have a comment and be followed by a success', async () => {
    await using peer = await associate(async (script) => {
      for (const [status, errorComment] of [
        [0xa700, 'out of disk for SMITH^JOHN'],
        [0x0000, undefined],
      ] as const) {
        const { command } = await script.receiveMessage();
        script.sendMessage(CT_ID, {
          commandField: 0x8001,
          messageIdBeingRespondedTo: decodeCommandSet(command).messageId!,
          status,
          ...(errorComment && { errorComment }),
        });
      }
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
    });
    const first = await peer.association.cStore(instance([Buffer.alloc(10)]));
    expect(first).toMatchObject({ state: 'failed', status: 0xa700, retryable: true });
    expect(first.message).toContain('A700 (out of resources)');
    // What a peer says in its own words may name a patient.
    expect(first.message).not.toContain('SMITH');
    expect(await peer.association.cStore(instance([Buffer.alloc(10)]))).toEqual({
      state: 'stored',
      status: 0,
    });
    await peer.association.release();
  });

  test('to requests nobody made are ignored', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(VERIFICATION_ID, { ...echoAnswer(), messageIdBeingRespondedTo: 4711 });
      script.sendMessage(
        FIND_ID,
        { commandField: 0x8020, messageIdBeingRespondedTo: 4712, status: 0xff00 },
        Buffer.alloc(8),
      );
      script.sendMessage(VERIFICATION_ID, echoAnswer());
      await script.expect('A-ABORT');
    });
    await peer.association.cEcho();
    peer.association.abort();
  });

  test('come for each of several requests under way', async () => {
    await using peer = await associate(async (script) => {
      const ids: number[] = [];
      for (let count = 0; count < 3; count++) {
        ids.push(decodeCommandSet((await script.receiveMessage()).command).messageId!);
      }
      for (const id of ids.reverse()) {
        script.sendMessage(VERIFICATION_ID, { ...echoAnswer(), messageIdBeingRespondedTo: id });
      }
      await script.expect('A-ABORT');
    });
    const { association } = peer;
    await Promise.all([association.cEcho(), association.cEcho(), association.cEcho()]);
    association.abort();
  });

  test('a peer that asks for what it may not is told so', async () => {
    await using peer = await associate(async (script) => {
      script.sendMessage(VERIFICATION_ID, { commandField: 0x0030, messageId: 5 });
      const { command } = await script.receiveMessage();
      expect(decodeCommandSet(command)).toMatchObject({
        commandField: 0x8030,
        messageIdBeingRespondedTo: 5,
        status: 0x0211,
      });
      script.send({ type: 'A-RELEASE-RQ' });
      await script.expect('A-RELEASE-RP');
      script.socket.end();
    });
    await peer.association.ended;
  });
});

describe('C-FIND', () => {
  const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', PatientID: '*' });
  const match = (id: string) =>
    encodeDataset(attributesFrom({ PatientID: id }), { transferSyntaxUid: EXPLICIT });
  const pending = { commandField: 0x8020, messageIdBeingRespondedTo: 1, status: 0xff00 };

  test('yields matches that come in PDUs of any size', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(FIND_ID, pending, match('A'), 8);
      script.sendMessage(FIND_ID, { ...pending, status: 0xff01 }, match('B'), 2);
      script.sendMessage(FIND_ID, { ...pending, status: 0 });
      await script.expect('A-ABORT');
    });
    const found: unknown[] = [];
    for await (const one of peer.association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier })) {
      found.push(one['00100020']?.Value);
    }
    expect(found).toEqual([['A'], ['B']]);
    peer.association.abort();
  });

  test('left early is cancelled, and the association lives on', async () => {
    await using peer = await associate(async (script) => {
      const { command } = await script.receiveMessage();
      const { messageId } = decodeCommandSet(command);
      for (let count = 0; count < 5; count++) script.sendMessage(FIND_ID, pending, match('A'));
      const cancel = decodeCommandSet((await script.receiveMessage()).command);
      expect(cancel).toEqual({
        commandField: 0x0fff,
        messageIdBeingRespondedTo: messageId,
        commandDataSetType: 0x0101,
      });
      script.sendMessage(FIND_ID, pending, match('late'));
      script.sendMessage(FIND_ID, { ...pending, status: 0xfe00 });
      await script.receiveMessage();
      script.sendMessage(VERIFICATION_ID, { ...echoAnswer(), messageIdBeingRespondedTo: 2 });
      await script.expect('A-ABORT');
    });
    const { association } = peer;
    for await (const _ of association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier })) break;
    await association.cEcho();
    association.abort();
  });

  test('left early is aborted when the peer ignores the cancel', async () => {
    const ignoring = async (script: ScriptedPeer) => {
      await script.receiveMessage();
      script.sendMessage(FIND_ID, pending, match('A'));
      await script.receiveMessage();
      await script.expect('A-ABORT');
    };
    await using peer = await associate(ignoring, { timeouts: { cancel: 0.1 } });
    for await (const _ of peer.association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier })) break;
    expect(peer.association.over).toBe(true);
  });

  test('throws what the status says', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(FIND_ID, { ...pending, status: 0xa900, errorComment: 'no such key' });
      await script.expect('A-ABORT');
    });
    const query = peer.association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier });
    const error = await failure(query.next());
    expect(error).toMatchObject({ code: 'STATUS', status: 0xa900, comment: 'no such key' });
    peer.association.abort();
  });

  test('is cancelled when the caller gives up, and the association lives on', async () => {
    const controller = new AbortController();
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      controller.abort(new Error('enough'));
      expect(decodeCommandSet((await script.receiveMessage()).command).commandField).toBe(0x0fff);
      script.sendMessage(FIND_ID, { ...pending, status: 0xfe00 });
      await script.receiveMessage();
      script.sendMessage(VERIFICATION_ID, { ...echoAnswer(), messageIdBeingRespondedTo: 2 });
      await script.expect('A-ABORT');
    });
    const { signal } = controller;
    const query = peer.association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier, signal });
    await expect(query.next()).rejects.toThrow('enough');
    await peer.association.cEcho();
    peer.association.abort();
  });
});

test('an echo that nobody wants any more aborts the association', async () => {
  const controller = new AbortController();
  await using peer = await associate(async (script) => {
    await script.receiveMessage();
    controller.abort(new Error('enough'));
    await script.expect('A-ABORT');
  });
  await expect(peer.association.cEcho({ signal: controller.signal })).rejects.toThrow('enough');
});

describe('C-MOVE', () => {
  const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2' });
  const options = { sopClassUid: SopClass.StudyRootMove, identifier, destination: 'STORE' };
  const response = (status: number, counters: readonly (number | undefined)[], messageId = 1) => ({
    commandField: 0x8021,
    messageIdBeingRespondedTo: messageId,
    status,
    ...(counters[0] !== undefined && { numberOfRemainingSuboperations: counters[0] }),
    ...(counters[1] !== undefined && { numberOfCompletedSuboperations: counters[1] }),
    ...(counters[2] !== undefined && { numberOfFailedSuboperations: counters[2] }),
    ...(counters[3] !== undefined && { numberOfWarningSuboperations: counters[3] }),
  });

  test('yields counters and returns the end with what failed', async () => {
    await using peer = await associate(async (script) => {
      const { command, contextId } = await script.receiveMessage();
      expect(contextId).toBe(MOVE_ID);
      expect(decodeCommandSet(command)).toMatchObject({
        affectedSopClassUid: SopClass.StudyRootMove,
        commandField: 0x0021,
        messageId: 4711,
        moveDestination: 'STORE',
      });
      script.sendMessage(MOVE_ID, response(0xff00, [2, 1, 0, 0], 4711));
      script.sendMessage(MOVE_ID, response(0xff00, [1, 1, 1, 0], 4711));
      const failed = attributesFrom({ FailedSOPInstanceUIDList: ['1.2.4'] });
      script.sendMessage(
        MOVE_ID,
        response(0xb000, [undefined, 1, 1, 1], 4711),
        encodeDataset(failed, { transferSyntaxUid: EXPLICIT }),
      );
      await script.expect('A-ABORT');
    });
    const responses = peer.association.cMove({ ...options, messageId: 4711 });
    const seen = [];
    let next = await responses.next();
    for (; !next.done; next = await responses.next()) seen.push(next.value);
    expect(seen).toEqual([
      { remaining: 2, completed: 1, failed: 0, warning: 0 },
      { remaining: 1, completed: 1, failed: 1, warning: 0 },
    ]);
    expect(next.value).toEqual({
      status: 0xb000,
      remaining: undefined,
      completed: 1,
      failed: 1,
      warning: 1,
      failedInstances: ['1.2.4'],
      comment: undefined,
    });
    peer.association.abort();
  });

  test('is cancelled by the signal, whose reason is thrown', async () => {
    const controller = new AbortController();
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(MOVE_ID, response(0xff00, [2, 1, 0, 0]));
      expect(decodeCommandSet((await script.receiveMessage()).command)).toMatchObject({
        commandField: 0x0fff,
        messageIdBeingRespondedTo: 1,
      });
      script.sendMessage(MOVE_ID, response(0xff00, [1, 2, 0, 0]));
      script.sendMessage(MOVE_ID, response(0xfe00, [1, 2, 0, 0]));
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
    });
    const responses = peer.association.cMove({ ...options, signal: controller.signal });
    await responses.next();
    const next = responses.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await peer.association.release();
  });

  test('is aborted when the peer ignores the cancel', async () => {
    const ignoring = async (script: ScriptedPeer) => {
      await script.receiveMessage();
      for (let remaining = 20; remaining > 0; remaining--) {
        script.sendMessage(MOVE_ID, response(0xff00, [remaining, 1, 0, 0]));
      }
      await script.receiveMessage();
      await script.expect('A-ABORT');
    };
    await using peer = await associate(ignoring, { timeouts: { cancel: 0.1 } });
    for await (const _ of peer.association.cMove(options)) break;
    expect(peer.association.over).toBe(true);
  });

  test('refuses a destination that is no AE title, and message ids that are none', async () => {
    await using peer = await associate(async (script) => void (await script.expect('A-ABORT')));
    const error = await failure(peer.association.cMove({ ...options, destination: 'A\\B' }).next());
    expect(error).toMatchObject({ code: 'INVALID_NODE' });
    for (const messageId of [0, 65536, 1.5]) {
      expect(await failure(peer.association.cMove({ ...options, messageId }).next())).toBeInstanceOf(
        RangeError,
      );
    }
    peer.association.abort();
  });
});

describe('C-GET', () => {
  const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2' });
  const options = { sopClassUid: SopClass.StudyRootGet, identifier };
  const subOperation = (messageId: number) => ({
    commandField: 1,
    messageId,
    priority: 0,
    affectedSopClassUid: CT,
    affectedSopInstanceUid: `1.2.${messageId}`,
  });
  const done = {
    commandField: 0x8010,
    messageIdBeingRespondedTo: 1,
    status: 0,
    numberOfCompletedSuboperations: 1,
    numberOfFailedSuboperations: 0,
    numberOfWarningSuboperations: 0,
  };
  const status = async (script: ScriptedPeer) =>
    decodeCommandSet((await script.receiveMessage()).command).status;

  test('yields an instance with its first bytes and acknowledges it after its last', async () => {
    const middle = Promise.withResolvers<void>();
    const object = messageBytes(CT_ID, subOperation(1), Buffer.alloc(40_000, 7));
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.send(object.subarray(0, 1000));
      await middle.promise;
      expect(script.unread).toBe(0);
      script.send(object.subarray(1000));
      expect(await status(script)).toBe(0);
      script.sendMessage(GET_ID, done);
      await script.expect('A-ABORT');
    });
    const instances = peer.association.cGet(options);
    const { value } = await instances.next();
    const taken = value as DicomInstance;
    expect(taken).toMatchObject({ sopClassUid: CT, sopInstanceUid: '1.2.1', transferSyntaxUid: EXPLICIT });
    middle.resolve();
    let length = 0;
    for await (const piece of taken.dataset) length += piece.length;
    expect(length).toBe(40_000);
    const end = await instances.next();
    expect(end).toMatchObject({
      done: true,
      value: { status: 0, completed: 1, failed: 0, taken: 1, refused: [] },
    });
    peer.association.abort();
  });

  test('refuses what is left early or not read at all, with A700, and goes on', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      const statuses: unknown[] = [];
      for (const id of [1, 2, 3]) {
        script.sendMessage(CT_ID, subOperation(id), Buffer.alloc(50_000));
        statuses.push(await status(script));
      }
      expect(statuses).toEqual([0xa700, 0xa700, 0]);
      script.sendMessage(GET_ID, { ...done, status: 0xb000, numberOfFailedSuboperations: 2 });
      await script.expect('A-ABORT');
    });
    const instances = peer.association.cGet(options);
    const first = (await instances.next()).value as DicomInstance;
    for await (const _ of first.dataset) break;
    await instances.next(); // the second is not read
    const third = (await instances.next()).value as DicomInstance;
    for await (const _ of third.dataset);
    const { value } = await instances.next();
    expect(value).toMatchObject({ status: 0xb000, taken: 1, refused: ['1.2.1', '1.2.2'] });
    peer.association.abort();
  });

  test('next() waits for an instance that is still being read', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(CT_ID, subOperation(1), Buffer.alloc(1000));
      expect(await status(script)).toBe(0);
      script.sendMessage(GET_ID, done);
      await script.expect('A-ABORT');
    });
    const instances = peer.association.cGet(options);
    const { dataset } = (await instances.next()).value as DicomInstance;
    const reader = dataset[Symbol.asyncIterator]();
    await reader.next();
    let over = false;
    const next = instances.next().then((result) => {
      over = true;
      return result;
    });
    await sleep(50);
    expect(over).toBe(false);
    while (!(await reader.next()).done);
    expect(await next).toMatchObject({ done: true });
    peer.association.abort();
  });

  test('left early with an object that is not read aborts the association', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(CT_ID, subOperation(1), Buffer.alloc(1000));
      await script.expect('A-ABORT');
    });
    for await (const _ of peer.association.cGet(options)) break;
    expect(peer.association.over).toBe(true);
  });

  test('left early is cancelled, and what still comes is refused', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(CT_ID, subOperation(1), Buffer.alloc(1000));
      expect(await status(script)).toBe(0);
      expect(decodeCommandSet((await script.receiveMessage()).command)).toMatchObject({
        commandField: 0x0fff,
        messageIdBeingRespondedTo: 1,
      });
      script.sendMessage(CT_ID, subOperation(2), Buffer.alloc(100_000));
      expect(await status(script)).toBe(0xa700);
      script.sendMessage(GET_ID, { ...done, status: 0xfe00 });
      await script.receiveMessage();
      script.sendMessage(VERIFICATION_ID, { ...echoAnswer(), messageIdBeingRespondedTo: 2 });
      await script.expect('A-ABORT');
    });
    for await (const { dataset } of peer.association.cGet(options)) {
      for await (const _ of dataset);
      break;
    }
    await peer.association.cEcho();
    peer.association.abort();
  });

  test('left early is aborted when the peer ignores the cancel', async () => {
    const ignoring = async (script: ScriptedPeer) => {
      await script.receiveMessage();
      script.sendMessage(CT_ID, subOperation(1), Buffer.alloc(1000));
      expect(await status(script)).toBe(0);
      await script.receiveMessage();
      await script.expect('A-ABORT');
    };
    await using peer = await associate(ignoring, { timeouts: { cancel: 0.1 } });
    for await (const { dataset } of peer.association.cGet(options)) {
      for await (const _ of dataset);
      break;
    }
    expect(peer.association.over).toBe(true);
  });

  test('fails in the middle of an object when the peer aborts', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.send(messageBytes(CT_ID, subOperation(1), Buffer.alloc(40_000)).subarray(0, 20_000));
      await sleep(20);
      script.send({ type: 'A-ABORT', source: 0, reason: 0 });
      script.socket.end();
    });
    const instances = peer.association.cGet(options);
    const { dataset } = (await instances.next()).value as DicomInstance;
    // The A-ABORT lies where the rest of a PDU should be: the connection's end is what is understood.
    const reading = (async () => {
      for await (const _ of dataset);
    })();
    expect(await failure(reading)).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(await failure(instances.next())).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('fails between two fragments of an object when the peer aborts', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      const whole = messageBytes(CT_ID, subOperation(1), Buffer.alloc(40_000), 10_000);
      script.send(whole.subarray(0, whole.length - 10_012), { type: 'A-ABORT', source: 2, reason: 0 });
    });
    const instances = peer.association.cGet(options);
    const { dataset } = (await instances.next()).value as DicomInstance;
    const reading = (async () => {
      for await (const _ of dataset);
    })();
    const error = await failure(reading);
    expect(error).toMatchObject({ code: 'ABORTED', retryable: true });
    expect(error.message).toContain('its upper layer: no reason given');
  });

  test('pauses the connection while nobody reads, and blames nobody for it', async () => {
    const size = 32 * 1024 * 1024;
    let sent = 0;
    await using peer = await associate(
      async (script) => {
        await script.receiveMessage();
        const whole = messageBytes(CT_ID, subOperation(1), Buffer.alloc(size));
        for (let at = 0; at < whole.length; at += 65536) {
          const more = script.socket.write(whole.subarray(at, at + 65536));
          sent = at;
          if (!more) await script.drained();
        }
        expect(await status(script)).toBe(0);
        script.sendMessage(GET_ID, done);
        await script.expect('A-ABORT');
      },
      { timeouts: { response: 0.7 } },
    );
    const instances = peer.association.cGet(options);
    const { dataset } = (await instances.next()).value as DicomInstance;
    await sleep(1200);
    expect(sent).toBeLessThan(size / 2);
    let length = 0;
    for await (const piece of dataset) length += piece.length;
    expect(length).toBe(size);
    await instances.next();
    peer.association.abort();
  });

  test('reads the list of failed instances', async () => {
    const list = encodeDataset(attributesFrom({ FailedSOPInstanceUIDList: ['1.2.3', '1.2.4'] }), {
      transferSyntaxUid: EXPLICIT,
    });
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.sendMessage(GET_ID, { ...done, status: 0xa702, numberOfFailedSuboperations: 2 }, list);
      await script.expect('A-ABORT');
    });
    const { value } = await peer.association.cGet(options).next();
    expect(value).toMatchObject({ status: 0xa702, failed: 2, failedInstances: ['1.2.3', '1.2.4'] });
    peer.association.abort();
  });
});

describe('C-STORE', () => {
  test.each([
    ['deflated', TransferSyntax.DeflatedExplicitVrLittleEndian, '0102030405060700'],
    ['any other', EXPLICIT, '01020304050607'],
  ])('a data set of odd length that is %s goes out as %s %s', async (_what, transferSyntaxUid, sent) => {
    await using server = await scriptedServer(async (script) => {
      await script.accept();
      const { command, dataset } = await script.receiveMessage();
      expect(dataset.toString('hex')).toBe(sent);
      const { messageId = 0 } = decodeCommandSet(command);
      script.sendMessage(1, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
      await script.expect('A-ABORT');
      await script.untilClosed();
    });
    const association = await connect(server.node, {
      contexts: [{ abstractSyntax: CT, transferSyntaxes: [transferSyntaxUid] }],
    });
    const chunks = [Buffer.from('010203', 'hex'), Buffer.from('04050607', 'hex')];
    await association.cStore({ ...instance(chunks), transferSyntaxUid });
    association.abort();
  });

  const answer = (messageId: number, status = 0) =>
    messageBytes(CT_ID, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status });

  test('a data set that fails is never finished: the association is aborted', async () => {
    await using peer = await associate(async (script) => {
      let data = 0;
      for (;;) {
        const pdu = await script.receive();
        if (pdu?.type === 7) break;
        expect(pdu?.type).toBe(4);
        // No fragment of a data set may be marked as the last.
        if (pdu!.body[5] === 0x02) expect.unreachable();
        data += pdu!.body.length;
      }
      expect(data).toBeGreaterThan(0);
    });
    const error = new Error('the source was cut');
    const failing: DicomInstance = {
      ...instance([]),
      dataset: (async function* () {
        yield Buffer.alloc(3 * 1024 * 1024);
        throw error;
      })(),
    };
    expect(await failure(peer.association.cStore(failing))).toBe(error);
    expect(peer.association.over).toBe(true);
  });

  test('a data set that fails before anything is sent harms nobody', async () => {
    await using peer = await associate(async (script) => {
      const { command } = await script.receiveMessage();
      script.send(answer(decodeCommandSet(command).messageId!));
      await script.expect('A-ABORT');
    });
    const failing: DicomInstance = {
      ...instance([]),
      dataset: (async function* () {
        yield Buffer.alloc(100);
        throw new Error('held back');
      })(),
    };
    await expect(peer.association.cStore(failing)).rejects.toThrow('held back');
    expect((await peer.association.cStore(instance([Buffer.alloc(10)]))).state).toBe('stored');
    peer.association.abort();
  });

  test('a caller that gives up aborts the association', async () => {
    const controller = new AbortController();
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      controller.abort(new Error('enough'));
      await script.expect('A-ABORT');
    });
    const store = peer.association.cStore(instance([Buffer.alloc(10)]), { signal: controller.signal });
    await expect(store).rejects.toThrow('enough');
  });

  test('a source that waits does not hide the end of the association', async () => {
    let returned = false;
    await using peer = await associate(async (script) => {
      await script.receive();
      script.send({ type: 'A-ABORT', source: 0, reason: 0 });
    });
    const stuck: DicomInstance = {
      ...instance([]),
      dataset: {
        [Symbol.asyncIterator]: () => {
          let first = true;
          return {
            next: () => {
              if (!first) return new Promise(() => undefined);
              first = false;
              return Promise.resolve({ done: false, value: Buffer.alloc(3 * 1024 * 1024) });
            },
            return: () => {
              returned = true;
              return Promise.resolve({ done: true, value: undefined });
            },
          };
        },
      },
    };
    expect(await failure(peer.association.cStore(stuck))).toMatchObject({ code: 'ABORTED' });
    expect(returned).toBe(true);
  });

  /** Sends two objects and answers the first in two parts, with a look at what comes in between. */
  async function betweenParts(
    node: Partial<DimseNode>,
    look: (script: ScriptedPeer) => Promise<void>,
    status = 0,
  ) {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      await sleep(50);
      // Nothing of the next object before the answer has begun.
      expect(script.unread).toBe(0);
      script.send(answer(1, status).subarray(0, 12));
      await sleep(50);
      await look(script);
      script.send(answer(1, status).subarray(12));
      const { dataset } = await script.receiveMessage();
      expect(dataset.equals(Buffer.alloc(200, 2))).toBe(true);
      script.send(answer(2));
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
    }, node);
    const outcomes = await Promise.all([
      peer.association.cStore(instance([Buffer.alloc(100, 1)])),
      peer.association.cStore(instance([Buffer.alloc(200, 2)])),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([status, 0]);
    expect(outcomes[1].state).toBe('stored');
    await peer.association.release();
  }

  test('the first byte of the next object goes out when the answer begins', async () => {
    await betweenParts({}, async (script) => expect(script.unread).toBe(1));
  });

  test('unless that is switched off', async () => {
    await betweenParts({ earlyByte: false }, async (script) => expect(script.unread).toBe(0));
  });

  test('an abort after the early byte only closes the connection', async () => {
    await using peer = await associate(async (script) => {
      await script.receiveMessage();
      script.send(answer(1).subarray(0, 12));
      await script.receiveBytes(1);
      peer.association.abort();
      // An A-ABORT would be read as the rest of a data PDU.
      expect(await script.receive()).toBeUndefined();
    });
    const outcomes = await Promise.allSettled([
      peer.association.cStore(instance([Buffer.alloc(100)])),
      peer.association.cStore(instance([Buffer.alloc(100)])),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
