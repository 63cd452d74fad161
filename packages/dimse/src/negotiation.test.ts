import { setTimeout as sleep } from 'node:timers/promises';
import { attributesFrom, type DicomInstance, encodeDataset, SopClass, TransferSyntax } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { connect } from './connect.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { type AssociateRq, encodePdu } from './pdu.ts';
import { type ListenOptions, listen } from './scp/listen.ts';
import {
  associateRequest,
  messageBytes,
  type ScriptedPeer,
  scriptedClient,
  scriptedServer,
} from './testing/scripted-peer.ts';
import { useServer } from './testing/use-server.ts';
import type { UserIdentity } from './user-identity.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;

const server = useServer();
const { start } = server;

/** The answer of the server to an association request with this user information. */
async function answerTo(
  userInformation: Partial<AssociateRq['userInformation']>,
  contexts: readonly string[] = [CT],
) {
  const peer = await scriptedClient(server.running.port);
  const request = associateRequest(contexts.map((abstractSyntax) => [abstractSyntax, EXPLICIT] as const));
  peer.send({ ...request, userInformation: { ...request.userInformation, ...userInformation } });
  const { userInformation: answered } = await peer.expect('A-ASSOCIATE-AC');
  return { peer, answered };
}

const echoContexts = [{ abstractSyntax: SopClass.Verification, transferSyntaxes: [EXPLICIT] }];

describe('user identity', () => {
  const identities: UserIdentity[] = [
    { kind: 'username', username: 'Åke Ångström' },
    { kind: 'passcode', username: '山田', passcode: 'пароль 🔑' },
    { kind: 'kerberos', ticket: Uint8Array.of(0, 1, 2, 255) },
    { kind: 'saml', assertion: '<Assertion>ä</Assertion>' },
    { kind: 'jwt', token: 'eyJhbGciOiJub25lIn0.e30.' },
  ];

  test.each(identities)('$kind goes as it is to `authenticate` and to handlers', async (userIdentity) => {
    const seen: unknown[] = [];
    const node = await start({
      authenticate: async (identity, { callingAeTitle }) => {
        seen.push(identity, callingAeTitle);
        return { response: Buffer.from('granted') };
      },
      handlers: {
        echo: ({ userIdentity: accepted }) => {
          seen.push(accepted);
          return 0;
        },
      },
    });
    await using association = await connect({ ...node, userIdentity }, { contexts: echoContexts });
    await association.cEcho();
    const plain = (identity: unknown) => JSON.parse(JSON.stringify(identity));
    expect(plain(seen)).toEqual(plain([userIdentity, 'ADIT', userIdentity]));
    expect(Buffer.from(association.userIdentityResponse!).toString()).toBe('granted');
  });

  test('that is refused rejects the association', async () => {
    const node = await start({
      authenticate: (identity) => identity?.kind === 'passcode' && identity.passcode === 'right',
    });
    const user = (passcode: string) => ({ kind: 'passcode', username: 'u', passcode }) as const;
    await echo({ ...node, userIdentity: user('right') });
    for (const one of [{ ...node, userIdentity: user('wrong') }, node]) {
      await expect(echo(one)).rejects.toMatchObject({
        code: 'REJECTED',
        retryable: false,
        message: expect.stringContaining('no reason given'),
      });
    }
  });

  test('is not answered unless the peer wants an answer', async () => {
    await start({ authenticate: () => true });
    const item = { type: 1, primary: Buffer.from('u'), secondary: Buffer.alloc(0) };
    const { answered } = await answerTo({ userIdentity: { ...item, responseRequested: false } });
    expect(answered.userIdentityResponse).toBeUndefined();
    const { answered: wanted } = await answerTo({ userIdentity: { ...item, responseRequested: true } });
    expect(wanted.userIdentityResponse).toEqual(new Uint8Array(0));
  });

  test('of an unknown kind counts as none; without `authenticate` none is looked at', async () => {
    const seen: unknown[] = [];
    const authenticate = (identity: UserIdentity | undefined) => {
      seen.push(identity);
      return true;
    };
    await start({ authenticate });
    const userIdentity = {
      type: 99,
      responseRequested: true,
      primary: Buffer.from('x'),
      secondary: Buffer.alloc(0),
    };
    await answerTo({ userIdentity });
    expect(seen).toEqual([undefined]);
    await server.running.close();
    await start();
    expect((await answerTo({ userIdentity })).answered.userIdentityResponse).toBeUndefined();
  });

  test('a hook that throws lets nobody in, and is told of', async () => {
    const errors: unknown[] = [];
    const node = await start({
      authenticate: () => Promise.reject(new Error('no directory')),
      onError: (error) => errors.push(error),
    });
    await expect(echo(node)).rejects.toMatchObject({ code: 'REJECTED' });
    expect(errors).toMatchObject([{ message: 'no directory' }]);
  });

  test('a peer that goes while it is judged harms nobody', async () => {
    const verdict = Promise.withResolvers<boolean>();
    const asked = Promise.withResolvers<void>();
    const node = await start({
      authenticate: (identity) => {
        if (!identity) return true;
        asked.resolve();
        return verdict.promise;
      },
    });
    const peer = await scriptedClient(server.running.port);
    const request = associateRequest([[CT, EXPLICIT]]);
    const userIdentity = {
      type: 1,
      responseRequested: false,
      primary: Buffer.from('u'),
      secondary: Buffer.alloc(0),
    };
    peer.send({ ...request, userInformation: { ...request.userInformation, userIdentity } });
    await asked.promise;
    peer.socket.destroy();
    await sleep(20);
    verdict.resolve(true);
    await echo(node);
  });

  test('goes to a node that takes no notice of it', async () => {
    await using peer = await scriptedServer(async (script) => {
      const { userInformation } = await script.accept((answer) => {
        answer.userInformation = { maximumLength: 16384, implementationClassUid: '1.2', roles: [] };
      });
      expect(userInformation.userIdentity).toMatchObject({ type: 2, responseRequested: true });
      expect(Buffer.from(userInformation.userIdentity!.primary).toString()).toBe('Åke');
      await script.expect('A-ABORT');
    });
    const userIdentity = { kind: 'passcode', username: 'Åke', passcode: 'p' } as const;
    const association = await connect({ ...peer.node, userIdentity }, { contexts: echoContexts });
    expect(association.userIdentityResponse).toBeUndefined();
    association.abort();
  });

  test.each([
    ['is empty', { kind: 'username', username: '' }],
    ['is too long', { kind: 'jwt', token: 'x'.repeat(70_000) }],
  ] as const)('that %s cannot be sent', async (message, userIdentity) => {
    const node = { aeTitle: 'A', host: '127.0.0.1', port: 104, userIdentity };
    await expect(echo(node)).rejects.toMatchObject({
      code: 'INVALID_NODE',
      message: expect.stringContaining(message),
    });
  });
});

describe('who may have an association', () => {
  const rejected = (reason: string) => ({
    code: 'REJECTED',
    retryable: false,
    message: expect.stringContaining(reason),
  });

  test('calling AE titles', async () => {
    const node = await start({ callingAeTitles: ['FRIEND', 'OTHER FRIEND'] });
    await echo({ ...node, callingAeTitle: 'FRIEND' });
    await echo({ ...node, callingAeTitle: ' OTHER FRIEND ' });
    const foe = echo({ ...node, callingAeTitle: 'friend' });
    await expect(foe).rejects.toMatchObject(rejected('calling AE title not recognised'));
  });

  test.each([
    [['127.0.0.1'], true],
    [['10.0.0.0/8', '127.0.0.0/8'], true],
    [['::ffff:127.0.0.1'], true],
    [['0.0.0.0/0'], true],
    [['127.0.0.2', '10.0.0.0/8', '::/0'], false],
    [[], false],
  ])('addresses %j: %s', async (addresses, allowed) => {
    const node = await start({ addresses });
    if (allowed) await echo(node);
    else await expect(echo(node)).rejects.toMatchObject(rejected('no reason given'));
  });

  test('IPv4 addresses of a dual-stack socket', async () => {
    const options = { aeTitle: 'ADIT', port: 0, handlers: {} };
    await using dualStack = await listen({ ...options, addresses: ['127.0.0.0/8'] });
    await echo({ aeTitle: 'ADIT', host: '127.0.0.1', port: dualStack.port });
  });

  test.each(['10.0.0.0/33', '10.0.0', 'host.example', '2001:db8::/129', '1.2.3.4/', '1.2.3.4/8/8', ''])(
    'what is no address is refused: "%s"',
    async (address) => {
      await expect(start({ addresses: [address] })).rejects.toMatchObject({
        code: 'LISTEN',
        message: expect.stringContaining('is no IP address nor network'),
      });
    },
  );
});

describe('items this side does not need', () => {
  test('are passed over: SOP class common extended negotiation, and what nobody knows', async () => {
    await start();
    const peer = await scriptedClient(server.running.port);
    const request = associateRequest([[SopClass.Verification, EXPLICIT]]);
    // Item 57H (PS3.7 Table D.3-12): version 0, CT Image Storage, Storage Service Class, no related general classes;
    // then an item F0H of three bytes.
    const serviceClass = '1.2.840.10008.4.2';
    const common = Buffer.concat([
      Buffer.from([0, CT.length]),
      Buffer.from(CT),
      Buffer.from([0, serviceClass.length]),
      Buffer.from(serviceClass),
      Buffer.from([0, 0]),
    ]);
    const items = Buffer.concat([
      Buffer.from([0x57, 0, 0, common.length]),
      common,
      Buffer.from([0xf0, 0, 0, 3, 1, 2, 3]),
    ]);
    peer.send(withUserItems(request, items));
    await peer.expect('A-ASSOCIATE-AC');
    peer.send({ type: 'A-RELEASE-RQ' });
    await peer.expect('A-RELEASE-RP');
  });

  test('are answered with no: extensions of queries that are not supported', async () => {
    await start({ handlers: { async *find() {} }, queryExtensions: { combinedDateTime: true } });
    const find = SopClass.StudyRootFind;
    const asked = [
      { sopClassUid: find, information: Uint8Array.of(1, 1, 1) },
      { sopClassUid: CT, information: Uint8Array.of(2, 0, 3) },
    ];
    const { answered } = await answerTo({ extendedNegotiation: asked }, [find]);
    expect(answered.extendedNegotiation).toEqual([
      { sopClassUid: find, information: Uint8Array.of(0, 1, 0) },
    ]);
  });
});

/** An association request with more bytes at the end of its user information. */
function withUserItems(request: AssociateRq, items: Uint8Array): Buffer {
  const bytes = Buffer.concat([encodePdu(request), items]);
  const at = bytes.lastIndexOf(Buffer.from([0x50, 0x00]), bytes.length - items.length - 1);
  bytes.writeUInt16BE(bytes.readUInt16BE(at + 2) + items.length, at + 2);
  bytes.writeUInt32BE(bytes.length - 6, 2);
  return bytes;
}

test("the longest PDU of each direction is its receiver's affair", async () => {
  const patientComments = 'x'.repeat(10_000);
  let stored = 0;
  await start({
    handlers: {
      async *find() {
        yield attributesFrom({ PatientComments: patientComments });
      },
      store: async ({ dataset }) => {
        for await (const chunk of dataset) stored += chunk.length;
        return 0;
      },
    },
  });
  const { peer, answered } = await answerTo({ maximumLength: 4096 }, [CT, SopClass.StudyRootFind]);
  expect(answered.maximumLength).toBe(1024 * 1024);
  // One PDU of 600,000 bytes in, none of more than 4096 out.
  const store = {
    commandField: 1,
    messageId: 1,
    priority: 0,
    affectedSopClassUid: CT,
    affectedSopInstanceUid: '1.2.3',
  };
  peer.sendMessage(1, store, Buffer.alloc(600_000), 700_000);
  expect(decodeCommandSet((await peer.receiveMessage()).command)).toMatchObject({ status: 0 });
  expect(stored).toBe(600_000);
  const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', PatientComments: '' });
  peer.sendMessage(
    3,
    { commandField: 0x0020, messageId: 2, priority: 0, affectedSopClassUid: SopClass.StudyRootFind },
    encodeDataset(identifier, { transferSyntaxUid: EXPLICIT }),
  );
  let pdus = 0;
  for (let bytes = 0; bytes < 10_000; pdus++) {
    const { body } = (await peer.receive())!;
    expect(body.length).toBeLessThanOrEqual(4096);
    bytes += body.length;
  }
  expect(pdus).toBeGreaterThanOrEqual(3);
  peer.socket.destroy();
});

describe('the asynchronous operations window', () => {
  const object = (index: number, length = 1000): DicomInstance => ({
    sopClassUid: CT,
    sopInstanceUid: `1.2.${index}`,
    transferSyntaxUid: EXPLICIT,
    dataset: (async function* () {
      yield Buffer.alloc(length, index);
    })(),
  });
  const contexts = [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }];
  const answer = (messageId: number) => ({
    commandField: 0x8001,
    messageIdBeingRespondedTo: messageId,
    status: 0,
  });
  const messageIdOf = async (script: ScriptedPeer) =>
    decodeCommandSet((await script.receiveMessage()).command).messageId!;

  test.each([
    ['as much as the peer allows', { invoked: 3, performed: 1 }, 3],
    ['as much as it asked for where the peer has no limit', { invoked: 0, performed: 0 }, 4],
    ['one where the peer takes no notice', undefined, 1],
  ])('of the requestor is %s', async (_, answered, expected) => {
    await using peer = await scriptedServer(async (script) => {
      const { userInformation } = await script.accept(({ userInformation: mine }) => {
        if (answered) mine.asynchronousOperations = answered;
        else delete mine.asynchronousOperations;
      });
      expect(userInformation.asynchronousOperations).toEqual({ invoked: 4, performed: 1 });
      const unanswered: number[] = [];
      let received = 0;
      for (; received < expected; received++) unanswered.push(await messageIdOf(script));
      await sleep(50);
      // No more before an answer.
      expect(script.unread).toBe(0);
      // Answers come in whatever order.
      for (let id = unanswered.pop(); id !== undefined; id = unanswered.pop()) {
        script.sendMessage(1, answer(id));
        if (received++ < 6) unanswered.unshift(await messageIdOf(script));
      }
      await script.untilClosed();
    });
    const association = await connect({ ...peer.node, operationsWindow: 4, earlyByte: false }, { contexts });
    expect(association.operationsWindow).toBe(expected);
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (__, index) => association.cStore(object(index))),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
    association.abort();
  });

  test('is not asked for by default', async () => {
    await using peer = await scriptedServer(async (script) => {
      const { userInformation } = await script.accept();
      expect(userInformation.asynchronousOperations).toBeUndefined();
      await script.expect('A-ABORT');
    });
    (await connect(peer.node, { contexts })).abort();
  });

  test('of the acceptor is answered, bounded, and kept to', async () => {
    let now = 0;
    let most = 0;
    const store: NonNullable<ListenOptions['handlers']['store']> = async ({ dataset }) => {
      now += 1;
      most = Math.max(most, now);
      for await (const __ of dataset);
      await sleep(30);
      now -= 1;
      return 0;
    };
    await start({ operationsWindow: 3, handlers: { store } });
    const { peer, answered } = await answerTo({ asynchronousOperations: { invoked: 10, performed: 0 } });
    expect(answered.asynchronousOperations).toEqual({ invoked: 3, performed: 3 });
    const request = (messageId: number) => ({
      commandField: 1,
      messageId,
      priority: 0,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: `1.2.${messageId}`,
    });
    for (let id = 1; id <= 8; id++) peer.send(messageBytes(1, request(id), Buffer.alloc(100)));
    const ids = new Set<number>();
    while (ids.size < 8) {
      const { command } = await peer.receiveMessage();
      ids.add(decodeCommandSet(command).messageIdBeingRespondedTo!);
    }
    expect(most).toBe(3);
  });

  test('of the acceptor is one by default, and not spoken of unless asked', async () => {
    await start({ handlers: { store: async () => 0 } });
    const { answered } = await answerTo({ asynchronousOperations: { invoked: 0, performed: 0 } });
    expect(answered.asynchronousOperations).toEqual({ invoked: 1, performed: 1 });
    expect((await answerTo({})).answered.asynchronousOperations).toBeUndefined();
  });

  test('serves both sides of ours, byte for byte', async () => {
    const received = new Map<string, number>();
    const node = await start({
      operationsWindow: 8,
      handlers: {
        store: async ({ dataset, sopInstanceUid }) => {
          let sum = 0;
          for await (const chunk of dataset) sum += chunk.length * (chunk[0] ?? 0);
          await sleep(Math.random() * 10);
          received.set(sopInstanceUid, sum);
          return 0;
        },
      },
    });
    await using sink = createDimseSink({ ...node, operationsWindow: 8, maxAssociations: 1 });
    expect(sink.concurrency).toBe(9);
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => sink.store(object(index, 1000 + 5000 * (index % 40)))),
    );
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
    for (let index = 0; index < 60; index++) {
      expect(received.get(`1.2.${index}`)).toBe(index * (1000 + 5000 * (index % 40)));
    }
  });

  test.each([0, 1.5, 5000])('of %d is refused', async (operationsWindow) => {
    const node = { aeTitle: 'A', host: '127.0.0.1', port: 104, operationsWindow };
    await expect(echo(node)).rejects.toMatchObject({ code: 'INVALID_NODE' });
  });
});
