// Objects that come in at a receiver and are handed over to a task elsewhere. Receiver and task share nothing here but the
// database and the connection between them; whole processes are in roles.long.test.ts.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type DicomInstance, SopClass, type StoreOutcome, TransferSyntax, textOf } from '@adit/core';
import { type SyntheticInstance, syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import {
  archiveHandlers,
  connect,
  createDimseClient,
  createDimseSink,
  createReceiver,
  type Delivery,
  type Expectation,
  listen,
  type MoveDestination,
  openArchive,
  type Receiver,
} from '@adit/dimse';
import { type Logger, pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listenTo, type Notifications } from '../db/notifications.ts';
import { announce } from '../db/presence.ts';
import { createSecrets, type Secrets } from '../runtime/secrets.ts';
import { selfSigned } from '../testing/self-signed.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { Frame } from './hand-over-channel.ts';
import { claimRemotely } from './hand-over-client.ts';
import { type HandOverServer, startHandOver } from './hand-over-server.ts';
import { handOverClientTls } from './hand-over-tls.ts';
import { insertReceiver, RECEIVERS_CHANNEL, selectReceivers } from './store.ts';
import { waitAtReceivers } from './wait-at-receivers.ts';

const postgres = testPostgres();
const secrets = createSecrets(new Uint8Array(32).fill(7));
const one = syntheticInstance({ kind: 'CT', rows: 64 });

let database: TestDatabase;
let notifications: Notifications;
let log: string[];
let logger: Logger;
let tasks: MoveDestination;
let started: AsyncDisposableStack;
beforeAll(async () => {
  database = await postgres.openDatabase();
});
afterAll(() => database?.close());
beforeEach(async () => {
  log = [];
  logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  started = new AsyncDisposableStack();
  const { db, pool } = database;
  notifications = started.use(await listenTo({ pool, logger, channels: [RECEIVERS_CHANNEL] }));
  tasks = waitAtReceivers({ db, notifications, secrets, logger, aeTitle: 'ADIT_RECV', own: undefined });
});
afterEach(() => started.disposeAsync());

interface TestReceiver extends AsyncDisposable {
  receiver: Receiver;
  handOver: HandOverServer;
}

let count = 0;
async function startReceiver(options: { secrets?: Secrets } = {}): Promise<TestReceiver> {
  count += 1;
  const process = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
  await using stack = new AsyncDisposableStack();
  const host = '127.0.0.1';
  const receiver = stack.use(await createReceiver({ aeTitle: 'ADIT_RECV', host, port: 0 }));
  const handOver = stack.use(
    await startHandOver({ receiver, host, port: 0, secrets: options.secrets ?? secrets, logger }),
  );
  const { aeTitle, port } = receiver;
  const present = { process, aeTitle, port, addresses: [host], handOver: { host, port: handOver.port } };
  stack.use(
    await announce({
      ...{ pool: database.pool, logger, kind: 'receiver' },
      insert: (connection) => insertReceiver(connection, present),
    }),
  );
  const running = started.use(stack.move());
  return { receiver, handOver, [Symbol.asyncDispose]: async () => running.disposeAsync() };
}

function sinkTo({ receiver }: TestReceiver, moveOriginator?: { aeTitle: string; messageId: number }) {
  const node = { aeTitle: 'ADIT_RECV', host: '127.0.0.1', port: receiver.port, connectAttempts: 1 };
  return createDimseSink(node, { ...(moveOriginator && { moveOriginator }) });
}

function waitFor(instance: SyntheticInstance, change: Partial<Expectation> = {}): Expectation {
  const studyInstanceUid = textOf(instance.attributes, 'StudyInstanceUID')!;
  return { callingAeTitle: 'ADIT', nodeAeTitle: 'PACS', studyInstanceUid, ...change };
}

async function bytesOf(dataset: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function readNext(delivery: Delivery): Promise<Buffer> {
  return bytesOf((await delivery.next())!.instance.dataset);
}

describe('an object', () => {
  test('comes byte for byte, by its study or its C-MOVE, and is answered when all of it is taken', async () => {
    const receiver = await startReceiver();
    using delivery = await tasks.expect(waitFor(one));
    await using byStudy = sinkTo(receiver);
    // Of another study: it has nothing but the C-MOVE to go by.
    await using byMove = sinkTo(receiver, { aeTitle: 'ADIT', messageId: delivery.messageId });
    const other = syntheticInstance({ kind: 'CT', rows: 64, seed: 'other' });
    for (const [sink, instance] of [[byStudy, one] as const, [byMove, other] as const]) {
      let answered = false;
      const store = sink.store(instance).then((outcome) => {
        answered = true;
        return outcome;
      });
      const arrival = (await delivery.next())!;
      expect(arrival.instance).toMatchObject({
        sopClassUid: instance.sopClassUid,
        sopInstanceUid: instance.sopInstanceUid,
        transferSyntaxUid: instance.transferSyntaxUid,
      });
      const iterator = arrival.instance.dataset[Symbol.asyncIterator]();
      const first = await iterator.next();
      await sleep(50);
      expect(answered).toBe(false);
      const rest = await bytesOf({ [Symbol.asyncIterator]: () => iterator });
      expect(Buffer.concat([first.value!, rest]).equals(await bytesOf(instance.dataset))).toBe(true);
      expect(await store).toEqual({ state: 'stored', status: 0 });
    }
    expect(delivery).toMatchObject({ acknowledged: 2, refused: 0 });
  });

  test('that a task leaves, or never begins, is refused, and the next one comes', async () => {
    const receiver = await startReceiver();
    const big = syntheticInstance({ kind: 'CT', rows: 1024 });
    using delivery = await tasks.expect(waitFor(big));
    await using sink = sinkTo(receiver);
    for (const way of ['leave', 'settle']) {
      const store = sink.store(big);
      const { instance, reader } = (await delivery.next())!;
      if (way === 'leave') for await (const _ of instance.dataset) break;
      await reader.settled();
      expect(await store, way).toMatchObject({ state: 'failed', status: 0xa700 });
    }
    const store = sink.store(big);
    expect((await readNext(delivery)).equals(await bytesOf(big.dataset))).toBe(true);
    expect((await store).state).toBe('stored');
    expect(delivery).toMatchObject({ acknowledged: 1, refused: 2 });
  });

  test('that nobody waits for, or nobody any more, is refused', async () => {
    const receiver = await startReceiver();
    await using sink = sinkTo(receiver);
    const delivery = await tasks.expect(waitFor(one));
    const waiting = sink.store(one);
    while (!delivery.hasSeen(one.sopInstanceUid)) await sleep(5);
    delivery[Symbol.dispose]();
    expect(await waiting).toMatchObject({ state: 'failed', status: 0xa700 });
    // The receiver hears of it a moment later.
    let status: number | undefined = 0xa700;
    while (status === 0xa700) ({ status } = await sink.store(one));
    expect(status).toBe(0x0124);
  });

  test('whose association breaks fails its reader, and the next one comes', async () => {
    const { receiver } = await startReceiver();
    const big = syntheticInstance({ kind: 'CT', rows: 1024 });
    using delivery = await tasks.expect(waitFor(big));
    const node = { aeTitle: 'ADIT_RECV', host: '127.0.0.1', port: receiver.port };
    const { CtImageStorage: abstractSyntax } = SopClass;
    const { ExplicitVrLittleEndian } = TransferSyntax;
    const association = await connect(node, {
      contexts: [{ abstractSyntax, transferSyntaxes: [ExplicitVrLittleEndian] }],
    });
    const half: DicomInstance = {
      ...big,
      dataset: (async function* () {
        yield (await bytesOf(big.dataset)).subarray(0, 1_500_000);
        await sleep(10_000);
      })(),
    };
    association.cStore(half).catch(() => {});
    const { instance, reader } = (await delivery.next())!;
    const read = bytesOf(instance.dataset);
    read.catch(() => {});
    await sleep(20);
    association.abort();
    await expect(read).rejects.toMatchObject({ retryable: true });
    await reader.settled();
    await using sink = createDimseSink(node);
    const next = sink.store(big);
    expect((await readNext(delivery)).length).toBe((await bytesOf(big.dataset)).length);
    expect((await next).state).toBe('stored');
  });

  test('that nobody reads keeps its sender waiting, and memory small', async () => {
    const receiver = await startReceiver();
    using delivery = await tasks.expect(waitFor(one));
    await using sink = sinkTo(receiver, { aeTitle: 'ADIT', messageId: delivery.messageId });
    const total = 256 * 1024 * 1024;
    const piece = new Uint8Array(256 * 1024);
    let sent = 0;
    const large: DicomInstance = {
      ...one,
      dataset: (async function* () {
        for (; sent < total; sent += piece.length) yield piece;
      })(),
    };
    const store = sink.store(large);
    const arrival = (await delivery.next())!;
    const iterator = arrival.instance.dataset[Symbol.asyncIterator]();
    let read = (await iterator.next()).value!.length;
    // Until nothing moves any more.
    for (let before = -1; before !== sent; await sleep(200)) before = sent;
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) read += chunk.length;
    expect(read).toBe(total);
    expect((await store).state).toBe('stored');
  });
});

describe('tasks', () => {
  const study = syntheticStudy({ seed: 'study', series: [{ kind: 'CT', instances: 8, rows: 64 }] });

  test('that wait for the same study get every object each', async () => {
    const receiver = await startReceiver();
    await using sink = sinkTo(receiver);
    const received = async (delivery: Delivery) => {
      for (let number = 0; number < study.length; number++) await readNext(delivery);
    };
    using first = await tasks.expect(waitFor(study[0]!));
    using second = await tasks.expect(waitFor(study[0]!));
    expect(second.messageId).not.toBe(first.messageId);
    const reading = Promise.all([received(first), received(second)]);
    for (const instance of [...study, ...study]) expect((await sink.store(instance)).state).toBe('stored');
    await reading;
    for (const delivery of [first, second]) {
      expect(delivery.acknowledged).toBe(study.length);
      for (const { sopInstanceUid } of study) expect(delivery.hasSeen(sopInstanceUid)).toBe(true);
    }
  });

  test('do not hold each other up', async () => {
    const receiver = await startReceiver();
    using slow = await tasks.expect(waitFor(one));
    using quick = await tasks.expect(waitFor(study[0]!));
    await using toSlow = sinkTo(receiver);
    await using toQuick = sinkTo(receiver);
    const waiting = toSlow.store(one);
    while (!slow.hasSeen(one.sopInstanceUid)) await sleep(5);
    for (const instance of study) {
      const store = toQuick.store(instance);
      await readNext(quick);
      expect((await store).state).toBe('stored');
    }
    await readNext(slow);
    expect((await waiting).state).toBe('stored');
  });

  test('never share a Message ID, even when the numbers begin again', async () => {
    await startReceiver();
    using first = await tasks.expect(waitFor(one));
    await database.pool.query("select setval('move_message_ids', $1, false)", [first.messageId]);
    using second = await tasks.expect(waitFor(one));
    expect(second.messageId).toBe(first.messageId + 1);
    await database.pool.query("select setval('move_message_ids', 65535, false)");
    using last = await tasks.expect(waitFor(one));
    using next = await tasks.expect(waitFor(one));
    expect([last.messageId, next.messageId]).toEqual([65535, 1000]);
  });

  test('wait at every receiver, also at one that comes later, or comes back', async () => {
    const first = await startReceiver();
    using delivery = await tasks.expect(waitFor(study[0]!));
    const second = await startReceiver();
    let next = 0;
    /** Until the task is known there: it is told at once, but not before the receiver listens. */
    const sendTo = async (receiver: TestReceiver) => {
      const instance = study[next++]!;
      await using sink = sinkTo(receiver);
      for (;;) {
        const store = sink.store(instance);
        const arrival = await Promise.race([delivery.next({ seconds: 5 }), store.then(() => undefined)]);
        if (arrival) await bytesOf(arrival.instance.dataset);
        delivery.wake();
        if ((await store).state === 'stored') return;
        await sleep(20);
      }
    };
    await sendTo(second);
    await sendTo(first);
    await first[Symbol.asyncDispose]();
    await sendTo(await startReceiver());
    await sendTo(second);
    expect(delivery.acknowledged).toBe(4);
  });

  test('are told what to do when there is no receiver, and try again', async () => {
    await (await startReceiver())[Symbol.asyncDispose]();
    await expect(tasks.expect(waitFor(one))).rejects.toMatchObject({
      code: 'NO_RECEIVER',
      retryable: true,
      message: expect.stringContaining('start "adit receiver"'),
    });
    expect(await selectReceivers(database.db, 'ADIT_RECV')).toEqual([]);
  });

  test('do not wait at a receiver that is gone without a word', async () => {
    const { handOver } = await startReceiver();
    await database.pool.query(
      "insert into receivers (process, ae_title, port, addresses) values (gen_random_uuid(), 'ADIT_RECV', 1, '{}')",
    );
    const present = await selectReceivers(database.db, 'ADIT_RECV');
    expect(present.map((receiver) => receiver.handOver?.port)).toEqual([handOver.port]);
  });
});

test('a node that sends after its C-MOVE has ended loses nothing', async () => {
  const receiver = await startReceiver();
  const late = syntheticStudy({ seed: 'late', series: [{ kind: 'CT', instances: 5, rows: 64 }] });
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  started.defer(() => rmSync(folder, { recursive: true }));
  const archive = await openArchive(folder);
  for (const instance of late) await archive.store(instance);
  const peers = [{ aeTitle: 'ADIT_RECV', host: '127.0.0.1', port: receiver.receiver.port }];
  const { get: _, move, ...others } = archiveHandlers(archive, 'LATE', { peers });
  const sending: Promise<StoreOutcome>[] = [];
  await using pacs = await listen({
    ...{ aeTitle: 'LATE', host: '127.0.0.1', port: 0 },
    handlers: {
      ...others,
      // Says of each object at once that it was sent, and sends it when the C-MOVE is over.
      async move(request) {
        const { count, instances } = await move!(request);
        const { callingAeTitle: aeTitle, messageId } = request;
        const store = async (instance: DicomInstance): Promise<StoreOutcome> => {
          const bytes = await bytesOf(instance.dataset);
          const send = async () => {
            await sleep(200 + 50 * sending.length);
            await using sink = sinkTo(receiver, { aeTitle, messageId });
            return await sink.store({ ...instance, dataset: only(bytes) });
          };
          sending.push(send());
          return { state: 'stored', status: 0 };
        };
        return { count, instances, sink: { store } };
      },
    },
  });
  const node = { aeTitle: 'LATE', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' } as const;
  await using client = createDimseClient(node, { receiver: tasks });
  const came: string[] = [];
  const { studyInstanceUid } = waitFor(late[0]!);
  for await (const { sopInstanceUid, dataset } of client.retrieve({ studyInstanceUid })) {
    for await (const _chunk of dataset);
    came.push(sopInstanceUid);
  }
  expect(came.sort()).toEqual(late.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const outcome of await Promise.all(sending)) expect(outcome.state).toBe('stored');
});

describe('a stranger', () => {
  const address = ({ handOver }: TestReceiver) => ({ host: '127.0.0.1', port: handOver.port });
  const claim = {
    ...waitFor(one),
    messageId: 5,
    take: async () => 0,
  };

  test('with another secret key is refused on either side, and the log keeps both keys', async () => {
    const key = new Uint8Array(32).fill(9);
    const others = createSecrets(key);
    const receiver = await startReceiver();
    await expect(claimRemotely(address(receiver), claim, others)).rejects.toMatchObject({
      code: 'HAND_OVER',
      message: expect.stringContaining('give all processes the same ADIT_SECRET_KEY'),
    });
    while (!log.join().includes('was refused')) await sleep(10);
    expect(log.join()).toContain('did not prove that it has our ADIT_SECRET_KEY');
    for (const secret of [secrets, others]) {
      for (const encoding of ['hex', 'base64'] as const)
        expect(log.join()).not.toContain(Buffer.from(secret.derive('hand-over')).toString(encoding));
    }
    // A task finds it so as well.
    await receiver[Symbol.asyncDispose]();
    await startReceiver({ secrets: others });
    await expect(tasks.expect(waitFor(one))).rejects.toMatchObject({ code: 'HAND_OVER', retryable: true });
  });

  test('without any key is refused, TLS or not', async () => {
    const receiver = await startReceiver();
    const { port } = receiver.handOver;
    const overTls = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await expect(once(overTls, 'secureConnect')).rejects.toMatchObject({ code: /^ERR_SSL/ });
    const plain = connectTcp(port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\n\r\n');
    plain.resume();
    await once(plain, 'close');
  });

  test('that has a certificate instead of the key is no receiver, whoever vouches for it', async () => {
    const { cert, key } = selfSigned();
    await using server = createTlsServer({ cert, key }, (socket) => socket.on('error', () => {})).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (const trust of [{}, { ca: cert }]) {
      const socket = connectTls({ host: '127.0.0.1', port, ...handOverClientTls(secrets), ...trust });
      await expect(once(socket, 'secureConnect')).rejects.toThrow();
    }
    await expect(claimRemotely({ host: '127.0.0.1', port }, claim, secrets)).rejects.toMatchObject({
      code: 'HAND_OVER',
    });
  });

  test.each([
    ['nonsense', Buffer.from('nonsense that is longer than a header')],
    ['a frame without end', Buffer.from([Frame.claim, 0xff, 0xff, 0xff, 0xff])],
    ['a claim that is none', Buffer.concat([Buffer.from([Frame.claim, 0, 0, 0, 2]), Buffer.from('{}')])],
    ['an answer to nothing', Buffer.from([Frame.answer, 0, 0, 0, 2, 0, 0])],
  ])('that has the key and says %s is cut off', async (_, bytes) => {
    const receiver = await startReceiver();
    const socket = connectTls({ ...address(receiver), ...handOverClientTls(secrets) });
    await once(socket, 'secureConnect');
    socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
    expect(log.join()).toContain('was lost');
    using delivery = await tasks.expect(waitFor(one));
    expect(delivery.messageId).toBeGreaterThan(0);
  });
});
