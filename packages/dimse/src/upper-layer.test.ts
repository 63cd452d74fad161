import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { AssociateAc, AssociateRq } from './pdu.ts';
import { Sta } from './state-machine.ts';
import {
  associateRequest,
  messageBytes,
  type ScriptedPeer,
  scriptedClient,
  scriptedServer,
} from './testing/scripted-peer.ts';
import { acceptedTransport, openTransport } from './transport.ts';
import { type AbortIndication, UpperLayer, type UpperLayerUser } from './upper-layer.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Takes down what the upper layer says, in order. */
function recorder() {
  const events: string[] = [];
  const aborts: AbortIndication[] = [];
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const note = (event: string) => {
    events.push(event);
    waiting.get(event)?.resolve();
  };
  const user: UpperLayerUser = {
    onAssociateRequest: () => note('associate'),
    onAssociateAnswer: (answer) => note(answer.type),
    onFragment: () => note('data'),
    onReleaseRequest: () => note('release?'),
    onReleased: () => note('released'),
    onAbort: (indication) => {
      aborts.push(indication);
      note('abort');
    },
    onActivity: () => undefined,
  };
  const until = async (event: string) => {
    if (events.includes(event)) return;
    const gate = Promise.withResolvers<void>();
    waiting.set(event, gate);
    await gate.promise;
  };
  return { user, events, aborts, until };
}

const contexts = [['1.2.840.10008.1.1', '1.2.840.10008.1.2']] as const;

function acceptOf(request: AssociateRq): AssociateAc {
  return {
    ...request,
    type: 'A-ASSOCIATE-AC',
    contexts: [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' }],
  };
}

/** An upper layer as acceptor, and the scripted peer that has connected to it. */
async function accepting(artimSeconds = 30) {
  const server = createServer().listen(0, '127.0.0.1');
  cleanUps.push(() => server.close());
  const connection = once(server, 'connection') as Promise<[Socket]>;
  await once(server, 'listening');
  const peer = await scriptedClient((server.address() as AddressInfo).port);
  cleanUps.push(() => peer.socket.destroy());
  const record = recorder();
  const [socket] = await connection;
  const upper = new UpperLayer(acceptedTransport(socket), record.user, {
    requestor: false,
    maximumLength: 65536,
    artimSeconds,
  });
  return { peer, upper, ...record };
}

async function acceptor() {
  const all = await accepting();
  const request = associateRequest(contexts);
  all.peer.send(request);
  await all.until('associate');
  all.upper.accept(acceptOf(request));
  await all.peer.expect('A-ASSOCIATE-AC');
  return all;
}

/** An upper layer as requestor, and the script its peer follows. */
async function requestor(script: (peer: ScriptedPeer) => Promise<void>) {
  const server = await scriptedServer(script);
  cleanUps.push(() => server[Symbol.asyncDispose]());
  const record = recorder();
  const transport = openTransport({ host: '127.0.0.1', port: server.node.port });
  const upper = new UpperLayer(transport, record.user, {
    requestor: true,
    maximumLength: 65536,
    artimSeconds: 30,
  });
  upper.associate(associateRequest(contexts));
  return { upper, ...record };
}

describe('the requestor', () => {
  test('goes through connection, association and release', async () => {
    const { upper, until, events } = await requestor(async (peer) => {
      await peer.accept();
      await peer.expect('A-RELEASE-RQ');
      peer.send({ type: 'A-RELEASE-RP' });
      await peer.untilClosed();
    });
    expect(upper.state).toBe(Sta.awaitingTransport);
    await until('A-ASSOCIATE-AC');
    expect(upper.state).toBe(Sta.established);
    upper.release();
    expect(upper.state).toBe(Sta.awaitingReleaseRp);
    await until('released');
    expect(upper.state).toBe(Sta.idle);
    expect(events).toEqual(['A-ASSOCIATE-AC', 'released']);
  });

  test('still takes data between its release request and the answer (AR-6)', async () => {
    const { upper, until, events } = await requestor(async (peer) => {
      await peer.accept();
      await peer.expect('A-RELEASE-RQ');
      peer.send(messageBytes(1, { commandField: 0x8030, messageIdBeingRespondedTo: 1 }), {
        type: 'A-RELEASE-RP',
      });
      await peer.untilClosed();
    });
    await until('A-ASSOCIATE-AC');
    upper.release();
    await until('released');
    expect(events).toEqual(['A-ASSOCIATE-AC', 'data', 'released']);
  });

  test('answers first in a release collision, then is answered (Sta9, Sta11)', async () => {
    const { upper, until, events } = await requestor(async (peer) => {
      await peer.accept();
      await peer.expect('A-RELEASE-RQ');
      peer.send({ type: 'A-RELEASE-RQ' });
      await peer.expect('A-RELEASE-RP');
      peer.send({ type: 'A-RELEASE-RP' });
      await peer.untilClosed();
    });
    await until('A-ASSOCIATE-AC');
    upper.release();
    await until('release?');
    expect(upper.state).toBe(Sta.collisionRequestorAwaitingLocalResponse);
    upper.respondToRelease();
    expect(upper.state).toBe(Sta.collisionRequestorAwaitingReleaseRp);
    await until('released');
    expect(events).toEqual(['A-ASSOCIATE-AC', 'release?', 'released']);
  });

  test('may abort before the connection stands', async () => {
    const { upper, events } = await requestor(async (peer) => peer.untilClosed());
    upper.abort();
    expect(upper.state).toBe(Sta.idle);
    expect(events).toEqual([]);
  });
});

describe('the acceptor', () => {
  test('goes through association and release', async () => {
    const { peer, upper, until, events } = await acceptor();
    peer.send({ type: 'A-RELEASE-RQ' });
    await until('release?');
    expect(upper.state).toBe(Sta.awaitingLocalReleaseResponse);
    upper.respondToRelease();
    await peer.expect('A-RELEASE-RP');
    expect(upper.state).toBe(Sta.awaitingTransportClose);
    peer.socket.end();
    await peer.untilClosed();
    expect(events).toEqual(['associate', 'release?']);
  });

  test('is answered first in a release collision, then answers (Sta10, Sta12)', async () => {
    const { peer, upper, until, events } = await acceptor();
    upper.release();
    await peer.expect('A-RELEASE-RQ');
    peer.send({ type: 'A-RELEASE-RQ' });
    await until('release?');
    expect(upper.state).toBe(Sta.collisionAcceptorAwaitingReleaseRp);
    peer.send({ type: 'A-RELEASE-RP' });
    await until('released');
    expect(upper.state).toBe(Sta.collisionAcceptorAwaitingLocalResponse);
    upper.respondToRelease();
    await peer.expect('A-RELEASE-RP');
    peer.socket.end();
    await peer.untilClosed();
    expect(events).toEqual(['associate', 'release?', 'released']);
  });

  test('closes a connection on which nothing is asked for (ARTIM)', async () => {
    const { peer, upper, events } = await accepting(0.05);
    await peer.untilClosed();
    expect(upper.state).toBe(Sta.idle);
    expect(events).toEqual([]);
  });

  test('closes a rejected connection that the peer leaves open (ARTIM)', async () => {
    const { peer, upper, until } = await accepting(0.05);
    peer.send(associateRequest(contexts));
    await until('associate');
    upper.reject({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 1 });
    await peer.expect('A-ASSOCIATE-RJ');
    await peer.untilClosed();
  });

  test('rejects another protocol version by itself (AE-6)', async () => {
    const { peer, upper, events } = await accepting();
    peer.send(associateRequest(contexts, { protocolVersion: 6 }));
    expect(await peer.expect('A-ASSOCIATE-RJ')).toMatchObject({ source: 2, reason: 2 });
    expect(upper.state).toBe(Sta.awaitingTransportClose);
    expect(events).toEqual([]);
  });

  test('aborts a second association request (AA-8), then ignores what comes (AA-6)', async () => {
    const { peer, upper, until, aborts } = await acceptor();
    peer.send(associateRequest(contexts), { type: 'A-RELEASE-RQ' });
    expect(await peer.expect('A-ABORT')).toEqual({ type: 'A-ABORT', source: 2, reason: 2 });
    await until('abort');
    expect(aborts).toEqual([{ by: 'protocol', message: 'an unexpected A-ASSOCIATE-RQ PDU came' }]);
    expect(upper.state).toBe(Sta.awaitingTransportClose);
  });

  test('tells who aborted and why', async () => {
    const { peer, until, aborts } = await acceptor();
    peer.send({ type: 'A-ABORT', source: 2, reason: 6 });
    await until('abort');
    expect(aborts).toEqual([{ by: 'peer', source: 2, reason: 6 }]);
  });

  test('tells of a connection that ends in the middle of a PDU', async () => {
    const { peer, until, aborts } = await acceptor();
    peer.send(Buffer.from('0400000001000000', 'hex'));
    peer.socket.end();
    await until('abort');
    expect(aborts).toEqual([{ by: 'transport', error: undefined }]);
  });
});
