import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attributesFrom, SopClass, TransferSyntax, writePart10 } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import fc from 'fast-check';
import { expect } from 'vitest';
import { connect } from '../connect.ts';
import { DimseError } from '../dimse-error.ts';
import type { DimseNode } from '../node.ts';
import { type DimseServer, listen } from '../scp/listen.ts';
import { runDcmtk, startDcmqrscp } from './dcmtk.ts';
import { anyMutation, type Mutation, mutate } from './mutation.ts';
import { type Conversation, recordConversations } from './recorded-conversation.ts';
import { scriptedServer } from './scripted-peer.ts';

/** How long a run of the fuzzers takes, whichever comes first. */
export interface FuzzEffort {
  /** Rounds of conversations. */
  runs: number;
  seconds: number;
}

/** Conversations of one round, held at once. */
const AT_ONCE = 20;
/** Timers of the software under test, in seconds. */
const TIMER = 0.3;
/** Longer, for the association that is not to be disturbed: a busy machine may keep it from asking for something. */
const IDLE = 1;
/** An association must be over by then, in milliseconds: timers, the time a peer has to close after an A-ABORT, and a busy machine. */
const OVER_BY = 10_000;
const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;

const instance = syntheticInstance({ kind: 'CT', rows: 64 });

function startServer(): Promise<DimseServer> {
  return listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    timeouts: { artim: TIMER, response: TIMER, idle: IDLE },
    handlers: {
      store: async ({ dataset }) => {
        for await (const _ of dataset);
        return 0;
      },
      async *find() {
        for (const id of ['1', '2', '3']) yield attributesFrom({ PatientID: id });
      },
      get: () => ({
        count: 1,
        instances: (async function* () {
          yield instance;
        })(),
      }),
    },
  });
}

/** What DCMTK's clients say to our server. */
async function recordClients(port: number): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-fuzz-'));
  await using recorder = await recordConversations({ aeTitle: 'ADIT', host: '127.0.0.1', port });
  try {
    const file = join(folder, 'ct.dcm');
    await writeFile(file, writePart10(instance));
    const peer = ['-aec', 'ADIT', '127.0.0.1', String(recorder.node.port)];
    const keys = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=1.2.3'];
    for (const [program, ...more] of [
      ['echoscu'],
      ['storescu', file, file],
      ['findscu', ...keys],
      ['getscu', '-od', folder, ...keys],
    ] as const) {
      const { exitCode, output } = await runDcmtk(program, [...peer, ...more]);
      expect(exitCode, output).toBe(0);
    }
    return recorder.conversations.map((conversation) =>
      Buffer.concat(conversation.filter(({ from }) => from === 'client').map(({ bytes }) => bytes)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface HostileClient {
  recording: number;
  mutations: Mutation[];
  junk: Uint8Array;
  /** Bytes in one write. */
  piece: number;
  /** Closes its half at the end, or leaves the server to its timers. */
  closes: boolean;
}

const anyClient: fc.Arbitrary<HostileClient> = fc.record({
  recording: fc.nat({ max: 100 }),
  mutations: fc.array(anyMutation, { maxLength: 4 }),
  junk: fc.oneof({ weight: 6, arbitrary: fc.constant(new Uint8Array()) }, fc.uint8Array({ maxLength: 300 })),
  piece: fc.constantFrom(1, 7, 1000, 1_000_000),
  closes: fc.boolean(),
});

/** Holds one conversation and gives what the server said. Throws when the server does not end it. */
async function beHostile(port: number, bytes: Buffer, { piece, closes }: HostileClient): Promise<Buffer> {
  const socket = connectTcp({ host: '127.0.0.1', port, noDelay: true });
  const received: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (data) => received.push(data));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  // Single bytes matter where headers are: the rest goes in one.
  const small = piece < 100 ? 400 : bytes.length;
  for (let at = 0; at < Math.min(small, bytes.length) && socket.writable; at += piece) {
    socket.write(bytes.subarray(at, Math.min(at + piece, small)));
    if (piece < 100 && at % 50 === 0) await sleep(1);
  }
  if (small < bytes.length && socket.writable) socket.write(bytes.subarray(small));
  if (closes) socket.end();
  const inTime = await Promise.race([closed.then(() => true), sleep(OVER_BY, false, { ref: false })]);
  socket.destroy();
  expect(inTime, 'the server ends the connection').toBe(true);
  return Buffer.concat(received);
}

/** What a server says are whole PDUs, and an A-ABORT is its last word. */
function checkAnswer(answer: Buffer): void {
  for (let at = 0; at < answer.length; ) {
    const type = answer[at]!;
    expect([2, 3, 4, 5, 6, 7]).toContain(type);
    const end = at + 6 + answer.readUInt32BE(at + 2);
    // What was sent when the peer closed the connection may be cut.
    if (end > answer.length) return;
    if (type === 7) expect(end, 'nothing follows an A-ABORT').toBe(answer.length);
    at = end;
  }
}

/** Lets hostile clients loose on a server, while another association wants to be served. */
export async function fuzzServer(effort: FuzzEffort): Promise<void> {
  await using server = await startServer();
  const recordings = await recordClients(server.port);
  const node: DimseNode = { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port, connectAttempts: 1 };
  const contexts = [{ abstractSyntax: SopClass.Verification, transferSyntaxes: [EXPLICIT] }];
  const undisturbed = await connect(node, { contexts });
  let going = true;
  const echoes = (async () => {
    for (; going; await sleep(TIMER * 300)) await undisturbed.cEcho();
  })();
  echoes.catch(() => undefined);
  const before = process.memoryUsage();
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyClient, { minLength: AT_ONCE, maxLength: AT_ONCE, size: 'max' }),
        async (clients) => {
          const answers = clients.map(async (client) => {
            const recording = recordings[client.recording % recordings.length]!;
            const bytes = Buffer.concat([mutate(recording, client.mutations), client.junk]);
            return beHostile(server.port, bytes, client);
          });
          for (const answer of await Promise.all(answers)) checkAnswer(answer);
          expect(undisturbed.over, 'the other association lives on').toBe(false);
        },
      ),
      { numRuns: effort.runs, interruptAfterTimeLimit: effort.seconds * 1000, endOnFailure: true },
    );
  } finally {
    going = false;
  }
  await echoes;
  await undisturbed.release();
  checkMemory(before);
}

function checkMemory(before: NodeJS.MemoryUsage): void {
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(128 * 1024 * 1024);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(128 * 1024 * 1024);
}

/** Everything a client does on one association. */
async function beClient(node: DimseNode): Promise<void> {
  const syntaxes = [EXPLICIT];
  const association = await connect(
    { ...node, timeouts: { connect: 5, associate: TIMER, response: TIMER, release: TIMER } },
    {
      contexts: [
        { abstractSyntax: SopClass.Verification, transferSyntaxes: syntaxes },
        { abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: syntaxes },
        { abstractSyntax: SopClass.StudyRootGet, transferSyntaxes: syntaxes },
        { abstractSyntax: SopClass.CtImageStorage, transferSyntaxes: syntaxes, role: 'both' },
      ],
    },
  );
  try {
    await association.cEcho();
    await association.cStore(instance);
    const find = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '' });
    let studyInstanceUid = '1.2.3';
    for await (const match of association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier: find })) {
      studyInstanceUid = String(match['0020000D']?.Value?.[0]);
    }
    const get = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: studyInstanceUid });
    for await (const object of association.cGet({ sopClassUid: SopClass.StudyRootGet, identifier: get })) {
      for await (const _ of object.dataset);
    }
    await association.release();
  } finally {
    association.abort();
    await association.ended;
  }
}

/** What dcmqrscp says to our client, in turns. */
async function recordServer(): Promise<Conversation> {
  await using dcmqrscp = await startDcmqrscp();
  await using recorder = await recordConversations(dcmqrscp.node);
  await beClient(recorder.node);
  return recorder.conversations[0]!;
}

interface HostileServer {
  /** Which of its turns is spoiled, and how. */
  turn: number;
  mutations: Mutation[];
  closes: boolean;
}

const anyServer: fc.Arbitrary<HostileServer> = fc.record({
  turn: fc.nat({ max: 100 }),
  mutations: fc.array(anyMutation, { minLength: 1, maxLength: 4 }),
  closes: fc.boolean(),
});

/** Lets our client talk to hostile servers. */
export async function fuzzClient(effort: FuzzEffort): Promise<void> {
  const recording = await recordServer();
  const turns = recording.filter(({ from }) => from === 'server').map(({ bytes }) => bytes);
  expect(turns.length).toBeGreaterThan(5);
  const before = process.memoryUsage();
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyServer, { minLength: AT_ONCE, maxLength: AT_ONCE, size: 'max' }),
      async (servers) => {
        const runs = servers.map(async ({ turn, mutations, closes }) => {
          await using server = await scriptedServer(async (peer) => {
            for (const [index, bytes] of turns.entries()) {
              // Its turn comes when the client has said something, or nothing for a while.
              await Promise.race([peer.receiveBytes(1), sleep(TIMER * 400)]);
              await peer.receiveBytes(peer.unread);
              peer.send(index === turn % turns.length ? mutate(bytes, mutations) : bytes);
            }
            if (closes) peer.socket.end();
            await peer.untilClosed();
          });
          const outcome = beClient(server.node).catch((error: unknown) => {
            expect(error).toBeInstanceOf(DimseError);
          });
          const inTime = await Promise.race([
            outcome.then(() => true),
            sleep(OVER_BY, false, { ref: false }),
          ]);
          expect(inTime, 'the client comes to an end').toBe(true);
        });
        await Promise.all(runs);
      },
    ),
    { numRuns: effort.runs, interruptAfterTimeLimit: effort.seconds * 1000, endOnFailure: true },
  );
  checkMemory(before);
}
