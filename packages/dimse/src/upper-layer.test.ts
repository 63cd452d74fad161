import { afterEach, describe, expect, test } from 'vitest';
import { Sta } from './state-machine.ts';
import {
  acceptingUpperLayer,
  acceptOf,
  requestingUpperLayer,
  verificationRequest,
} from './testing/recorded-upper-layer.ts';
import { messageBytes, type ScriptedPeer } from './testing/scripted-peer.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function accepting(artimSeconds?: number) {
  const all = await acceptingUpperLayer(artimSeconds);
  open.push(all);
  return all;
}

async function acceptor() {
  const all = await accepting();
  all.peer.send(verificationRequest);
  await all.until('associate');
  all.upper.accept(acceptOf(verificationRequest));
  await all.peer.expect('A-ASSOCIATE-AC');
  return all;
}

async function requestor(script: (peer: ScriptedPeer) => Promise<void>) {
  const all = await requestingUpperLayer(script);
  open.push(all);
  return all;
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
    peer.send(verificationRequest);
    await until('associate');
    upper.reject({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 1 });
    await peer.expect('A-ASSOCIATE-RJ');
    await peer.untilClosed();
  });

  test('rejects another protocol version by itself (AE-6)', async () => {
    const { peer, upper, events } = await accepting();
    peer.send({ ...verificationRequest, protocolVersion: 6 });
    expect(await peer.expect('A-ASSOCIATE-RJ')).toMatchObject({ source: 2, reason: 2 });
    expect(upper.state).toBe(Sta.awaitingTransportClose);
    expect(events).toEqual([]);
  });

  test('aborts a second association request (AA-8), then ignores what comes (AA-6)', async () => {
    const { peer, upper, until, aborts } = await acceptor();
    peer.send(verificationRequest, { type: 'A-RELEASE-RQ' });
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
