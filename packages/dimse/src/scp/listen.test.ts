import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  encodeDataset,
  SopClass,
  TransferSyntax,
} from '@adit/core';
import { describe, expect, test, vi } from 'vitest';
import { decodeCommandSet } from '../command-set.ts';
import { connect } from '../connect.ts';
import { DimseError } from '../dimse-error.ts';
import { echo } from '../echo.ts';
import type { DimseNode } from '../node.ts';
import {
  associateRequest,
  messageBytes,
  type ScriptedPeer,
  scriptedClient,
} from '../testing/scripted-peer.ts';
import { useServer } from '../testing/use-server.ts';
import type { StoreRequest } from './handlers.ts';
import { listen } from './listen.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;

const server = useServer();
const { start } = server;

/** Connects a scripted peer and takes it through the association request. */
async function associate(
  contexts: Parameters<typeof associateRequest>[0],
  change: Parameters<typeof associateRequest>[1] = {},
): Promise<ScriptedPeer> {
  const peer = await scriptedClient(server.running.port);
  peer.send(associateRequest(contexts, change));
  await peer.expect('A-ASSOCIATE-AC');
  return peer;
}

async function answerOf(peer: ScriptedPeer) {
  const { command, dataset } = await peer.receiveMessage();
  return { ...decodeCommandSet(command), dataset };
}

const storeRequest = (messageId: number, sopInstanceUid = '1.2.3') => ({
  commandField: 1,
  messageId,
  priority: 0,
  affectedSopClassUid: CT,
  affectedSopInstanceUid: sopInstanceUid,
});

function instance(length: number, sopInstanceUid = '1.2.3', sopClassUid: string = CT): DicomInstance {
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid: EXPLICIT,
    dataset: (async function* () {
      yield Buffer.alloc(length, 1);
    })(),
  };
}

async function lengthOf(dataset: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const piece of dataset) length += piece.length;
  return length;
}

describe('listening', () => {
  test('a port in use is said plainly', async () => {
    const { port } = await start();
    await expect(listen({ aeTitle: 'B', host: '127.0.0.1', port, handlers: {} })).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringMatching(/Cannot listen on 127\.0\.0\.1, port \d+: the port is in use; .*\.$/),
    });
  });

  test('an AE title that is none is refused', async () => {
    const options = { port: 0, handlers: {}, aeTitle: 'NO\\TITLE' };
    await expect(listen(options)).rejects.toMatchObject({ code: 'INVALID_NODE' });
  });

  test('closing ends associations', async () => {
    await start();
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    await server.running.close();
    await peer.expect('A-ABORT');
  });
});

describe('association requests', () => {
  test('are answered for each of several AE titles, case and inner spaces counting', async () => {
    const node = await start({ aeTitle: ['ADIT', 'MY STATION_1'] });
    await echo(node);
    await echo({ ...node, aeTitle: ' MY STATION_1 ' });
    await expect(echo({ ...node, aeTitle: 'adit' })).rejects.toThrow('called AE title not recognised');
  });

  test('are answered for any title with *', async () => {
    const node = await start({ aeTitle: '*' });
    await echo({ ...node, aeTitle: 'WHATEVER' });
  });

  test('are judged by `allow`', async () => {
    const allow = vi.fn(({ callingAeTitle }) => callingAeTitle === 'FRIEND');
    const node = await start({ allow });
    await echo({ ...node, callingAeTitle: 'FRIEND' });
    await expect(echo({ ...node, callingAeTitle: 'FOE' })).rejects.toThrow('calling AE title not recognised');
    expect(allow).toHaveBeenCalledWith({
      callingAeTitle: 'FRIEND',
      calledAeTitle: 'ADIT',
      remoteAddress: '127.0.0.1',
    });
  });

  test('are rejected when `allow` fails, and the server lives on', async () => {
    const onError = vi.fn();
    const node = await start({
      onError,
      allow: () => {
        throw new Error('database');
      },
    });
    for (let count = 0; count < 2; count++) {
      await expect(echo(node)).rejects.toThrow('calling AE title not recognised');
    }
    expect(onError).toHaveBeenCalledTimes(2);
  });

  test('are rejected for now above the limit, and taken again below it', async () => {
    const node = await start({ maxAssociations: 1 });
    const contexts = [{ abstractSyntax: SopClass.Verification, transferSyntaxes: [EXPLICIT] }];
    const first = await connect(node, { contexts });
    await expect(connect(node, { contexts })).rejects.toMatchObject({ code: 'REJECTED', retryable: true });
    await first.release();
    await echo({ ...node, connectAttempts: 3 });
  });

  test.each([
    ['another application context', { applicationContext: '1.2.3' }, { result: 1, source: 1, reason: 2 }],
    ['another protocol version', { protocolVersion: 2 }, { result: 1, source: 2, reason: 2 }],
    [
      'PDUs that hold nothing',
      { userInformation: { maximumLength: 6, implementationClassUid: '1.2', roles: [] } },
      { result: 1, source: 1, reason: 1 },
    ],
  ])('with %s are rejected', async (_what, change, rejection) => {
    await start();
    const peer = await scriptedClient(server.running.port);
    peer.send(associateRequest([], change));
    expect(await peer.expect('A-ASSOCIATE-RJ')).toMatchObject(rejection);
    peer.socket.end();
  });

  test('accept any storage class in any transfer syntax, and no service without its handler', async () => {
    await start({ handlers: { store: async () => 0 } });
    const peer = await scriptedClient(server.running.port);
    peer.send(
      associateRequest([
        [CT, TransferSyntax.JpegBaseline8Bit, EXPLICIT],
        ['1.3.12.2.1107.5.9.1', '1.2.840.113619.5.2'], // private class, private syntax
        [SopClass.StudyRootFind, EXPLICIT],
        [SopClass.StudyRootGet, EXPLICIT],
        [SopClass.ModalityWorklistFind, EXPLICIT],
        [SopClass.Verification, TransferSyntax.ExplicitVrBigEndian],
      ]),
    );
    const { contexts } = await peer.expect('A-ASSOCIATE-AC');
    expect(contexts.map(({ result }) => result)).toEqual([0, 0, 3, 3, 3, 4]);
    expect(contexts[0]?.transferSyntax).toBe(EXPLICIT);
    expect(contexts[1]?.transferSyntax).toBe('1.2.840.113619.5.2');
    peer.socket.end();
  });

  test('may carry an identity of the user in any script', async () => {
    await start();
    const peer = await associate([[SopClass.Verification, EXPLICIT]], {
      userInformation: {
        maximumLength: 0,
        implementationClassUid: '1.2',
        roles: [],
        userIdentity: {
          type: 2,
          responseRequested: true,
          primary: new TextEncoder().encode('山田太郎'),
          secondary: new TextEncoder().encode('päss'),
        },
      },
    });
    peer.send({ type: 'A-RELEASE-RQ' });
    await peer.expect('A-RELEASE-RP');
    peer.socket.end();
  });
});

describe('peers that are none', () => {
  test('are sent an A-ABORT of the service user before an association (AA-1)', async () => {
    await start();
    const peer = await scriptedClient(server.running.port);
    peer.send({ type: 'A-RELEASE-RQ' });
    expect(await peer.expect('A-ABORT')).toEqual({ type: 'A-ABORT', source: 0, reason: 0 });
    peer.socket.end();
  });

  test('may send 64 MiB of junk without being heard', async () => {
    const onError = vi.fn();
    const node = await start({ onError });
    const peer = await scriptedClient(node.port);
    const before = process.memoryUsage().arrayBuffers;
    const junk = Buffer.alloc(1024 * 1024, 0x58);
    for (let count = 0; count < 64 && !peer.socket.destroyed; count++) {
      if (!peer.socket.write(junk)) await sleep(5);
    }
    await peer.untilClosed();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(96 * 1024 * 1024);
    await echo(node);
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: 'PROTOCOL' });
  });

  test('are disconnected when they say nothing (ARTIM)', async () => {
    await start({ timeouts: { artim: 0.05 } });
    const peer = await scriptedClient(server.running.port);
    await peer.untilClosed();
  });

  test('are aborted when they ask for nothing (idle)', async () => {
    await start({ timeouts: { idle: 0.1 } });
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    await peer.expect('A-ABORT');
    peer.socket.end();
  });

  test('stop in the middle of an object and are aborted', async () => {
    const failed = Promise.withResolvers<unknown>();
    await start({
      timeouts: { response: 0.1 },
      handlers: {
        store: async ({ dataset }) => {
          await lengthOf(dataset).catch(failed.resolve);
          return 0;
        },
      },
    });
    const peer = await associate([[CT, EXPLICIT]]);
    peer.send(messageBytes(1, storeRequest(1), Buffer.alloc(10_000)).subarray(0, 5000));
    expect(await failed.promise).toMatchObject({ code: 'TIMEOUT' });
    await peer.expect('A-ABORT');
    peer.socket.end();
  });

  test('send requests without waiting for answers', async () => {
    await start({ handlers: { echo: () => new Promise(() => undefined) } });
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    for (const messageId of [1, 1]) peer.sendMessage(1, { commandField: 0x0030, messageId });
    expect(await peer.expect('A-ABORT')).toMatchObject({ source: 2, reason: 5 });
    peer.socket.end();
  });
});

describe('a release', () => {
  test('is answered', async () => {
    await start();
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    peer.send({ type: 'A-RELEASE-RQ' });
    await peer.expect('A-RELEASE-RP');
    peer.socket.end();
  });

  test('may be followed by nothing but the end', async () => {
    await start();
    const peer = await associate([[SopClass.Verification, EXPLICIT]]);
    peer.send({ type: 'A-RELEASE-RQ' }, messageBytes(1, { commandField: 0x0030, messageId: 1 }));
    await peer.expect('A-RELEASE-RP');
    peer.socket.end();
    await peer.untilClosed();
  });
});

describe('C-ECHO', () => {
  test('is answered without a handler, and by one', async () => {
    const node = await start({
      handlers: { echo: ({ callingAeTitle }) => (callingAeTitle === 'A' ? 0 : 0x0124) },
    });
    await echo({ ...node, callingAeTitle: 'A' });
    await expect(echo({ ...node, callingAeTitle: 'B' })).rejects.toMatchObject({ status: 0x0124 });
  });
});

describe('C-STORE', () => {
  const contexts = [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }];

  test('hands over what the request says', async () => {
    let request: StoreRequest | undefined;
    await start({
      handlers: {
        store: async (given) => {
          request = given;
          expect(await lengthOf(given.dataset)).toBe(1000);
          return 0;
        },
      },
    });
    const peer = await associate([[CT, EXPLICIT]]);
    peer.sendMessage(
      1,
      {
        ...storeRequest(7),
        moveOriginatorApplicationEntityTitle: 'MOVER',
        moveOriginatorMessageId: 99,
      },
      Buffer.alloc(1000),
      100,
    );
    expect(await answerOf(peer)).toMatchObject({
      commandField: 0x8001,
      messageIdBeingRespondedTo: 7,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: '1.2.3',
      status: 0,
    });
    expect(request).toMatchObject({
      callingAeTitle: 'SCRIPT',
      calledAeTitle: 'ADIT',
      sopClassUid: CT,
      sopInstanceUid: '1.2.3',
      transferSyntaxUid: EXPLICIT,
      moveOriginator: { aeTitle: 'MOVER', messageId: 99 },
    });
    peer.socket.end();
  });

  test.each([
    ['a warning', async () => 0xb007, 0xb007],
    ['a status with a comment', async () => ({ status: 0xc123, comment: 'x'.repeat(70) }), 0xc123],
    [
      'an error with a status',
      () => Promise.reject(new DimseError('STATUS', 'no', { status: 0x0124 })),
      0x0124,
    ],
    ['a full disk', () => Promise.reject(Object.assign(new Error('disk'), { code: 'ENOSPC' })), 0xa700],
    ['any other error', () => Promise.reject(new Error('secret')), 0x0110],
  ])('%s of the handler is the answer, and the association goes on', async (_what, store, status) => {
    await start({ handlers: { store } });
    const peer = await associate([[CT, EXPLICIT]]);
    for (const messageId of [1, 2]) {
      peer.sendMessage(1, storeRequest(messageId), Buffer.alloc(3_000_000));
      const answer = await answerOf(peer);
      expect(answer.status).toBe(status);
      expect(answer.errorComment ?? '').not.toContain('secret');
      expect((answer.errorComment ?? '').length).toBeLessThanOrEqual(64);
    }
    peer.socket.end();
  });

  test.each([
    ['without a data set', storeRequest(1), undefined, 0x0212],
    [
      'of another class than its context',
      { ...storeRequest(1), affectedSopClassUid: '1.2.840.10008.5.1.4.1.1.4' },
      Buffer.alloc(10),
      0x0122,
    ],
    ['whose instance UID is no UID', storeRequest(1, '../../etc/passwd'), Buffer.alloc(10), 0xc000],
  ])('a request %s never reaches the handler', async (_what, command, dataset, status) => {
    const store = vi.fn();
    await start({ handlers: { store } });
    const peer = await associate([[CT, EXPLICIT]]);
    peer.sendMessage(1, command, dataset);
    expect((await answerOf(peer)).status).toBe(status);
    expect(store).not.toHaveBeenCalled();
    peer.socket.end();
  });

  test('many associations store at once', async () => {
    const all = Promise.withResolvers<void>();
    let waiting = 0;
    const node = await start({
      handlers: {
        store: async ({ dataset }) => {
          if (++waiting === 20) all.resolve();
          await all.promise;
          await lengthOf(dataset);
          return 0;
        },
      },
    });
    const stores = Array.from({ length: 20 }, async () => {
      const association = await connect(node, { contexts });
      const { state } = await association.cStore(instance(100_000));
      await association.release();
      return state;
    });
    expect(new Set(await Promise.all(stores))).toEqual(new Set(['stored']));
  });

  test('what the handler has released is empty, and nothing else', async () => {
    const sent = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
    const received: Buffer[] = [];
    const released: Uint8Array[] = [];
    const node = await start({
      handlers: {
        store: async ({ dataset }) => {
          const copies: Uint8Array[] = [];
          for await (const chunk of dataset) {
            copies.push(Buffer.from(chunk));
            dataset.release(chunk);
            released.push(chunk);
          }
          received.push(Buffer.concat(copies));
          return 0;
        },
      },
    });
    const association = await connect(node, { contexts });
    const dataset = {
      async *[Symbol.asyncIterator]() {
        yield sent;
      },
    };
    for (const sopInstanceUid of ['1.1', '1.2', '1.3'])
      await association.cStore({ ...instance(0, sopInstanceUid), dataset, byteLength: sent.length });
    await association.release();
    expect(received).toEqual([Buffer.from(sent), Buffer.from(sent), Buffer.from(sent)]);
    expect(released.map(({ length }) => length)).toEqual(released.map(() => 0));
  });

  test('a slow handler slows the peer down instead of filling memory', async () => {
    const node = await start({
      handlers: {
        store: async ({ dataset }) => {
          let read = 0;
          for await (const piece of dataset) {
            read += piece.length;
            if (read < 1024 * 1024) await sleep(5);
          }
          return 0;
        },
      },
    });
    const association = await connect(node, { contexts });
    let most = 0;
    let produced = 0;
    const before = process.memoryUsage().arrayBuffers;
    const big: DicomInstance = {
      ...instance(0),
      dataset: (async function* () {
        for (; produced < 256; produced++) {
          yield Buffer.alloc(1024 * 1024);
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        }
      })(),
    };
    expect((await association.cStore(big)).state).toBe('stored');
    expect(produced).toBe(256);
    expect(most).toBeLessThan(160 * 1024 * 1024);
    await association.release();
  });

  test('the handler hears of the end of the association', async () => {
    const ended = Promise.withResolvers<unknown>();
    await start({
      handlers: {
        store: async ({ dataset, signal }) => {
          signal.addEventListener('abort', () => ended.resolve(signal.reason));
          await lengthOf(dataset);
          return 0;
        },
      },
    });
    const peer = await associate([[CT, EXPLICIT]]);
    peer.send(messageBytes(1, storeRequest(1), Buffer.alloc(10_000)).subarray(0, 5000));
    await sleep(20);
    peer.socket.destroy();
    expect(await ended.promise).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

describe('C-FIND', () => {
  const identifier = attributesFrom({
    QueryRetrieveLevel: 'STUDY',
    PatientName: 'Ärz*',
    SpecificCharacterSet: 'ISO_IR 192',
  });
  const findContexts = [{ abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: [EXPLICIT] }];

  test('hands over the question and sends the matches', async () => {
    const node = await start({
      handlers: {
        async *find(request) {
          expect(request).toMatchObject({ model: 'study-root', level: 'STUDY', callingAeTitle: 'ADIT' });
          expect(request.identifier['00100010']?.Value).toEqual([{ Alphabetic: 'Ärz*' }]);
          for (const name of ['Ärzte^Anna', '山田^太郎']) yield attributesFrom({ PatientName: name });
        },
      },
    });
    await using association = await connect(node, { contexts: findContexts });
    const found: Attributes[] = [];
    for await (const match of association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier }))
      found.push(match);
    expect(found.map((match) => match['00100010']?.Value?.[0])).toMatchObject([
      { Alphabetic: 'Ärzte^Anna' },
      { Alphabetic: '山田^太郎' },
    ]);
    expect(found[0]!['00080052']?.Value).toEqual(['STUDY']);
  });

  test('is ended by C-CANCEL', async () => {
    const returned = Promise.withResolvers<void>();
    await start({
      handlers: {
        async *find() {
          try {
            for (let count = 0; ; count++) {
              yield attributesFrom({ PatientID: String(count) });
              await sleep(1);
            }
          } finally {
            returned.resolve();
          }
        },
      },
    });
    const peer = await associate([[SopClass.StudyRootFind, EXPLICIT]]);
    const query = encodeDataset(identifier, { transferSyntaxUid: EXPLICIT });
    peer.sendMessage(
      1,
      { commandField: 0x0020, messageId: 3, affectedSopClassUid: SopClass.StudyRootFind, priority: 0 },
      query,
    );
    expect((await answerOf(peer)).status).toBe(0xff00);
    peer.sendMessage(1, { commandField: 0x0fff, messageIdBeingRespondedTo: 3 });
    let status: number | undefined = 0xff00;
    while (status === 0xff00) ({ status } = await answerOf(peer));
    expect(status).toBe(0xfe00);
    await returned.promise;
    peer.socket.end();
  });

  test.each([
    ['no identifier', undefined],
    [
      'a wrong level',
      encodeDataset(attributesFrom({ QueryRetrieveLevel: 'SLICE' }), { transferSyntaxUid: EXPLICIT }),
    ],
    [
      'a level its model lacks',
      encodeDataset(attributesFrom({ QueryRetrieveLevel: 'PATIENT' }), { transferSyntaxUid: EXPLICIT }),
    ],
    ['garbage', Buffer.from('08005200ffffffff', 'hex')],
  ])('with %s is refused with A900', async (_what, dataset) => {
    const find = vi.fn();
    await start({ handlers: { find } });
    const peer = await associate([[SopClass.StudyRootFind, EXPLICIT]]);
    peer.sendMessage(
      1,
      { commandField: 0x0020, messageId: 3, affectedSopClassUid: SopClass.StudyRootFind, priority: 0 },
      dataset,
    );
    expect(await answerOf(peer)).toMatchObject({ commandField: 0x8020, status: 0xa900 });
    expect(find).not.toHaveBeenCalled();
    peer.socket.end();
  });

  test('a handler that fails in the middle is told to the peer', async () => {
    const onError = vi.fn();
    const node = await start({
      onError,
      handlers: {
        async *find() {
          yield attributesFrom({ PatientID: '1' });
          throw new Error('database');
        },
      },
    });
    await using association = await connect(node, { contexts: findContexts });
    const query = association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier });
    await query.next();
    await expect(query.next()).rejects.toMatchObject({ code: 'STATUS', status: 0x0110 });
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ message: 'database' });
  });
});

describe('C-GET', () => {
  const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2' });
  const contexts = [
    { abstractSyntax: SopClass.StudyRootGet, transferSyntaxes: [EXPLICIT] },
    { abstractSyntax: CT, transferSyntaxes: [EXPLICIT], role: 'scp' as const },
  ];
  const options = { sopClassUid: SopClass.StudyRootGet, identifier };

  async function run(node: DimseNode) {
    await using association = await connect(node, { contexts });
    const lengths: number[] = [];
    const instances = association.cGet(options);
    for (;;) {
      const next = await instances.next();
      if (next.done) return { lengths, result: next.value };
      lengths.push(await lengthOf(next.value.dataset));
    }
  }

  test('sends the objects of the handler on the same association', async () => {
    const node = await start({
      handlers: {
        get(request) {
          expect(request).toMatchObject({ level: 'STUDY', model: 'study-root' });
          expect(request.accepts(CT, EXPLICIT)).toBe(true);
          expect(request.accepts(CT, TransferSyntax.JpegBaseline8Bit)).toBe(false);
          const lengths = [10, 3_000_000, 500];
          return {
            count: lengths.length,
            instances: (async function* () {
              for (const [index, length] of lengths.entries()) yield instance(length, `1.2.${index}`);
            })(),
          };
        },
      },
    });
    const { lengths, result } = await run(node);
    expect(lengths).toEqual([10, 3_000_000, 500]);
    expect(result).toMatchObject({ status: 0, completed: 3, failed: 0, warning: 0, failedInstances: [] });
  });

  test('counts what the peer does not accept as failed, by name', async () => {
    const node = await start({
      handlers: {
        get: () => ({
          count: 2,
          instances: (async function* () {
            yield instance(10, '1.2.1', SopClass.MrImageStorage);
            yield instance(10, '1.2.2');
          })(),
        }),
      },
    });
    const { lengths, result } = await run(node);
    expect(lengths).toEqual([10]);
    expect(result).toMatchObject({ status: 0xb000, completed: 1, failed: 1, failedInstances: ['1.2.1'] });
  });

  test('fails when nothing could be sent', async () => {
    const node = await start({
      handlers: {
        get: () => ({
          count: 1,
          instances: (async function* () {
            yield instance(10, '1.2.1', SopClass.MrImageStorage);
          })(),
        }),
      },
    });
    expect((await run(node)).result).toMatchObject({ status: 0xa702, completed: 0, failed: 1 });
  });

  test('never finishes an object whose source fails', async () => {
    const node = await start({
      handlers: {
        get: () => ({
          count: 1,
          instances: (async function* () {
            yield {
              ...instance(0),
              dataset: (async function* () {
                yield Buffer.alloc(3_000_000);
                throw new Error('disk');
              })(),
            };
          })(),
        }),
      },
    });
    await expect(run(node)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('is ended by C-CANCEL', async () => {
    await start({
      handlers: {
        get: () => ({
          count: 1000,
          instances: (async function* () {
            for (let index = 0; index < 1000; index++) yield instance(10, `1.2.${index}`);
          })(),
        }),
      },
    });
    const peer = await associate(
      [
        [SopClass.StudyRootGet, EXPLICIT],
        [CT, EXPLICIT],
      ],
      {
        userInformation: {
          maximumLength: 0,
          implementationClassUid: '1.2',
          roles: [{ sopClassUid: CT, scu: false, scp: true }],
        },
      },
    );
    const query = encodeDataset(identifier, { transferSyntaxUid: EXPLICIT });
    peer.sendMessage(
      1,
      { commandField: 0x0010, messageId: 3, affectedSopClassUid: SopClass.StudyRootGet, priority: 0 },
      query,
    );
    for (let stores = 0; ; ) {
      const { command } = await peer.receiveMessage();
      const {
        commandField,
        messageId = 0,
        status,
        numberOfRemainingSuboperations = 0,
      } = decodeCommandSet(command);
      if (commandField === 0x0001) {
        if (++stores === 6) peer.sendMessage(1, { commandField: 0x0fff, messageIdBeingRespondedTo: 3 });
        peer.sendMessage(3, { commandField: 0x8001, messageIdBeingRespondedTo: messageId, status: 0 });
      } else if (status !== 0xff00) {
        expect(status).toBe(0xfe00);
        expect(numberOfRemainingSuboperations).toBeGreaterThan(900);
        break;
      }
    }
    peer.socket.end();
  });
});
