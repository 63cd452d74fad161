import { setTimeout as sleep } from 'node:timers/promises';
import { SopClass, TransferSyntax } from '@adit/core';
import { afterEach, describe, expect, test } from 'vitest';
import { AssociationPool, type AssociationPoolOptions } from './association-pool.ts';
import { createDimseClient } from './dimse-client.ts';
import { DimseError } from './dimse-error.ts';
import type { ContextRequest } from './presentation-context.ts';
import { type DimseServer, type ListenOptions, listen } from './scp/listen.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;

let server: DimseServer | undefined;
let pool: AssociationPool | undefined;
afterEach(async () => {
  await pool?.[Symbol.asyncDispose]();
  await server?.close();
  pool = undefined;
  server = undefined;
});

function context(abstractSyntax: string, transferSyntax: string = EXPLICIT): ContextRequest {
  return { abstractSyntax, transferSyntaxes: [transferSyntax] };
}
const CT = context(SopClass.CtImageStorage);
const MR = context(SopClass.MrImageStorage);

/** A node that counts the associations it takes. */
async function start(options: Partial<AssociationPoolOptions> = {}, listening: Partial<ListenOptions> = {}) {
  const seen = { ever: 0 };
  server = await listen({
    aeTitle: 'NODE',
    host: '127.0.0.1',
    port: 0,
    allow: () => {
      seen.ever += 1;
      return true;
    },
    handlers: { store: async () => 0 },
    ...listening,
  });
  const node = { aeTitle: 'NODE', host: '127.0.0.1', port: server.port, connectAttempts: 1 };
  pool = new AssociationPool(node, { idleSeconds: 10, ...options });
  return { pool, node, seen };
}

describe('with a limit', () => {
  test('who comes late waits for a place, in the order of coming', async () => {
    const { pool, seen } = await start({ limit: 2 });
    const [first, second] = await Promise.all([pool.take([CT]), pool.take([CT])]);
    expect(first.association).not.toBe(second.association);
    const order: string[] = [];
    const third = pool.take([CT]).then((place) => {
      order.push('third');
      return place;
    });
    const fourth = pool.take([CT]).then((place) => {
      order.push('fourth');
      return place;
    });
    await sleep(30);
    expect(order).toEqual([]);
    first.giveBack();
    expect((await third).association).toBe(first.association);
    expect((await third).reused).toBe(true);
    second.giveBack();
    await fourth;
    expect(order).toEqual(['third', 'fourth']);
    expect(seen.ever).toBe(2);
  });

  test('a place given back twice is free once', async () => {
    const { pool } = await start({ limit: 1 });
    const place = await pool.take([CT]);
    place.giveBack();
    place.giveBack();
    const next = await pool.take([CT]);
    const waiting = pool.take([CT], AbortSignal.timeout(30));
    await expect(waiting).rejects.toThrow('timeout');
    next.giveBack();
  });

  test('who gives up waiting leaves the place to others', async () => {
    const { pool } = await start({ limit: 1 });
    const place = await pool.take([CT]);
    const controller = new AbortController();
    const leaving = pool.take([CT], controller.signal);
    const staying = pool.take([CT]);
    controller.abort(new Error('enough'));
    await expect(leaving).rejects.toThrow('enough');
    place.giveBack();
    (await staying).giveBack();
  });

  test('one without work makes room for other contexts, and is gone before the next one comes', async () => {
    // The node takes one association at a time.
    const { pool, seen } = await start({ limit: 3 }, { maxAssociations: 1 });
    (await pool.take([CT])).giveBack();
    const place = await pool.take([MR]);
    expect(place.association.findContext(MR.abstractSyntax)).toBeDefined();
    // It asks for what was needed before, too.
    expect(place.association.findContext(CT.abstractSyntax)).toBeDefined();
    place.giveBack();
    const again = await pool.take([CT]);
    expect(again.association).toBe(place.association);
    expect(seen.ever).toBe(2);
  });

  test('a context the node refuses is seen at the association, and not asked for by later ones', async () => {
    const { pool } = await start();
    const odd = context(SopClass.StudyRootMove);
    const place = await pool.take([odd, CT]);
    expect(place.association.findContext(odd.abstractSyntax)).toBeUndefined();
    const other = await pool.take([MR]);
    expect(other.association.contexts.map(({ abstractSyntax }) => abstractSyntax)).toEqual([
      MR.abstractSyntax,
      CT.abstractSyntax,
    ]);
    const more = pool.take([odd]);
    expect((await more).association.findContext(odd.abstractSyntax)).toBeUndefined();
  });
});

describe('adapts', () => {
  test('to what the node has room for, and tries more when time has passed', async () => {
    const { pool, seen } = await start({ limit: 4, recoverySeconds: 0.6 }, { maxAssociations: 4 });
    const places = [await pool.take([CT])];
    const taken = await Promise.all([pool.take([CT]), pool.take([CT]), pool.take([CT])]);
    places.push(...taken);
    expect(new Set(places.map(({ association }) => association)).size).toBe(4);
    // A7xx: half of them go when their users are done.
    pool.shrink();
    pool.shrink();
    for (const place of places) place.giveBack();
    const associations = () =>
      Promise.all(
        Array.from({ length: 8 }, () => pool.take([CT], AbortSignal.timeout(100)).catch(() => undefined)),
      );
    const afterShrinking = (await associations()).filter((place) => place !== undefined);
    expect(afterShrinking.length).toBe(2);
    await sleep(700);
    const third = await pool.take([CT]);
    expect(afterShrinking.map(({ association }) => association)).not.toContain(third.association);
    expect(seen.ever).toBe(5);
  });

  test('to a rejection while others work, and tries more when time has passed', async () => {
    await using peer = await scriptedServer(async (script, index) => {
      // The second one is rejected as by a node that is full: transient, local limit exceeded (PS3.8 Table 9-21).
      if (index === 1) {
        await script.expect('A-ASSOCIATE-RQ');
        script.send({ type: 'A-ASSOCIATE-RJ', result: 2, source: 3, reason: 2 });
        await script.untilClosed();
        return;
      }
      await script.accept();
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
      await script.untilClosed();
    });
    await using pool = new AssociationPool(peer.node, { limit: 4, idleSeconds: 10, recoverySeconds: 0.6 });
    const first = await pool.take([CT]);
    const second = pool.take([CT]);
    await sleep(50);
    expect(peer.connections()).toBe(2);
    // Nothing is tried before its time.
    const third = pool.take([CT]);
    await sleep(50);
    expect(peer.connections()).toBe(2);
    await sleep(700);
    const fourth = pool.take([CT]);
    expect((await second).association).not.toBe(first.association);
    expect(peer.connections()).toBe(3);
    (await second).giveBack();
    first.giveBack();
    for (const place of [await third, await fourth]) place.giveBack();
  });
});

describe('without a limit', () => {
  test('nobody waits', async () => {
    const { pool, seen } = await start();
    const places = await Promise.all(Array.from({ length: 12 }, () => pool.take([CT])));
    expect(seen.ever).toBe(12);
    for (const place of places) place.giveBack();
  });

  test('who cannot have one learns why, while others work', async () => {
    const { pool } = await start({}, { maxAssociations: 1 });
    const place = await pool.take([CT]);
    await expect(pool.take([CT])).rejects.toMatchObject({ code: 'REJECTED', retryable: true });
    place.giveBack();
  });
});

describe('health', () => {
  test('what is idle is released in time', async () => {
    const { pool, seen } = await start({ idleSeconds: 0.05 });
    const place = await pool.take([CT]);
    place.giveBack();
    await place.association.ended;
    expect((await pool.take([CT])).reused).toBe(false);
    expect(seen.ever).toBe(2);
  });

  test('what the peer ended while it was idle is noticed', async () => {
    const { pool, seen } = await start({}, { timeouts: { idle: 0.1 } });
    const place = await pool.take([CT]);
    place.giveBack();
    await place.association.ended;
    await pool.take([CT]);
    expect(seen.ever).toBe(2);
  });

  test('a search on an association that dies of it begins anew on another one', async () => {
    await using peer = await scriptedServer(async (script, index) => {
      await script.accept();
      for (let messageId = 1; ; messageId++) {
        await script.receiveMessage();
        if (index === 0 && messageId === 2) {
          script.socket.destroy();
          return;
        }
        const answer = { commandField: 0x8020, messageIdBeingRespondedTo: messageId };
        script.sendMessage(1, { ...answer, status: 0 });
        if (index === 1) break;
      }
      await script.expect('A-RELEASE-RQ');
      script.send({ type: 'A-RELEASE-RP' });
      await script.untilClosed();
    });
    await using client = createDimseClient(peer.node);
    for (let count = 0; count < 2; count++) {
      for await (const _ of client.find({ level: 'STUDY', keys: {} }));
    }
    expect(peer.connections()).toBe(2);
  });
});

test('nothing is opened after the end', async () => {
  const { pool } = await start();
  await pool[Symbol.asyncDispose]();
  await expect(pool.take([CT])).rejects.toBeInstanceOf(DimseError);
});

test('who waits for a place when all ends is told so', async () => {
  const { pool } = await start({ limit: 1 });
  const opening = pool.take([CT]);
  const waiting = pool.take([MR]);
  const results = Promise.allSettled([opening, waiting]);
  await pool[Symbol.asyncDispose]();
  expect((await results).map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
    'CLOSED',
    'CLOSED',
  ]);
});
