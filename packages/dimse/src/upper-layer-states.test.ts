import { afterEach, describe, expect, test } from 'vitest';
import type { ControlPdu } from './pdu.ts';
import type { State } from './state-machine.ts';
import { bytes } from './testing/bytes.ts';
import {
  acceptingUpperLayer,
  acceptOf,
  type RecordedUpperLayer,
  requestingUpperLayer,
  verificationRequest,
} from './testing/recorded-upper-layer.ts';
import type { ScriptedPeer } from './testing/scripted-peer.ts';

/** What a peer may do at any time. */
const STIMULI: Readonly<Record<string, Uint8Array | ControlPdu | 'close'>> = {
  'A-ASSOCIATE-AC': acceptOf(verificationRequest),
  'A-ASSOCIATE-RJ': { type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 1 },
  'A-ASSOCIATE-RQ': verificationRequest,
  // One command fragment that is not the last.
  'P-DATA-TF': bytes('04 00 00000008  00000004 01 01 0000'),
  'A-RELEASE-RQ': { type: 'A-RELEASE-RQ' },
  'A-RELEASE-RP': { type: 'A-RELEASE-RP' },
  'A-ABORT': { type: 'A-ABORT', source: 0, reason: 0 },
  'an unknown PDU': bytes('99 00 00000000'),
  'a PDU of 4 GB': bytes('04 00 ffffffff'),
  'an A-RELEASE-RQ of 4 GB': bytes('05 00 ffffffff'),
  'an A-ASSOCIATE-RQ that is none': bytes('01 00 00000004 00000000'),
  'the end of the connection': 'close',
};

/**
 * What the peer and the user see of it, state by state (PS3.8 Table 9-10 and the actions it names), written by hand:
 *
 * - `user`: A-ABORT of the service user; `prov 2` and so on: of the service provider with that reason (Table 9-26)
 * - `told`: the connection is closed without a word, and the user is told of the abort
 * - `shut`: the connection is closed without a word, and nobody is told
 * - `skip`: nothing happens; a number: nothing is said, and the association goes on in that state
 */
const EXPECTED = `
  state                           2      3      5      6      7      8      9      10     11     12     13
  A-ASSOCIATE-AC                  user   prov-2 6      prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 skip
  A-ASSOCIATE-RJ                  user   prov-2 shut   prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 skip
  A-ASSOCIATE-RQ                  3      prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 prov-2 quiet-2
  P-DATA-TF                       user   prov-2 prov-2 6      7      prov-2 prov-2 prov-2 prov-2 prov-2 skip
  A-RELEASE-RQ                    user   prov-2 prov-2 8      9/10   prov-2 prov-2 prov-2 prov-2 prov-2 skip
  A-RELEASE-RP                    user   prov-2 prov-2 prov-2 shut   prov-2 prov-2 12     shut   prov-2 skip
  A-ABORT                         shut   told   told   told   told   told   told   told   told   told   shut
  an_unknown_PDU                  user   prov-1 prov-1 prov-1 prov-1 prov-1 prov-1 prov-1 prov-1 prov-1 quiet-1
  a_PDU_of_4_GB                   user   prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 quiet-6
  an_A-RELEASE-RQ_of_4_GB         user   prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 quiet-6
  an_A-ASSOCIATE-RQ_that_is_none  user   prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 prov-6 quiet-6
  the_end_of_the_connection       shut   told   told   told   told   told   told   told   told   told   shut
`;

interface Situation extends RecordedUpperLayer {
  peer: ScriptedPeer;
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function asAcceptor(): Promise<Situation> {
  const all = await acceptingUpperLayer();
  open.push(all);
  return all;
}

/** The acceptor's Sta6. */
async function acceptorEstablished(): Promise<Situation> {
  const all = await asAcceptor();
  all.peer.send(verificationRequest);
  await all.until('associate');
  all.upper.accept(acceptOf(verificationRequest));
  await all.peer.expect('A-ASSOCIATE-AC');
  return all;
}

/** The requestor's Sta5. */
async function asRequestor(): Promise<Situation> {
  const connected = Promise.withResolvers<ScriptedPeer>();
  const done = Promise.withResolvers<void>();
  const all = await requestingUpperLayer(async (peer) => {
    connected.resolve(peer);
    await done.promise;
    peer.socket.destroy();
  });
  open.push(all, { [Symbol.asyncDispose]: async () => done.resolve() });
  const peer = await connected.promise;
  await peer.expect('A-ASSOCIATE-RQ');
  return { ...all, peer };
}

/** The requestor's Sta6. */
async function requestorEstablished(): Promise<Situation> {
  const all = await asRequestor();
  all.peer.send(acceptOf(verificationRequest));
  await all.until('A-ASSOCIATE-AC');
  return all;
}

async function releasing(situation: Promise<Situation>): Promise<Situation> {
  const all = await situation;
  all.upper.release();
  await all.peer.expect('A-RELEASE-RQ');
  return all;
}

async function askedToRelease(situation: Promise<Situation>): Promise<Situation> {
  const all = await situation;
  all.peer.send({ type: 'A-RELEASE-RQ' });
  await all.until('release?');
  return all;
}

/** How each state that a peer can meet comes about. */
const SITUATIONS: readonly (readonly [what: string, state: State, reach: () => Promise<Situation>])[] = [
  ['Sta2, connected', 2, asAcceptor],
  [
    'Sta3, asked for an association',
    3,
    async () => {
      const all = await asAcceptor();
      all.peer.send(verificationRequest);
      await all.until('associate');
      return all;
    },
  ],
  ['Sta5, awaiting the answer', 5, asRequestor],
  ['Sta6 of the acceptor', 6, acceptorEstablished],
  ['Sta6 of the requestor', 6, requestorEstablished],
  ['Sta7 of the acceptor', 7, () => releasing(acceptorEstablished())],
  ['Sta7 of the requestor', 7, () => releasing(requestorEstablished())],
  ['Sta8 of the acceptor', 8, () => askedToRelease(acceptorEstablished())],
  ['Sta8 of the requestor', 8, () => askedToRelease(requestorEstablished())],
  ['Sta9, a collision of releases', 9, () => askedToRelease(releasing(requestorEstablished()))],
  ['Sta10, a collision of releases', 10, () => askedToRelease(releasing(acceptorEstablished()))],
  [
    'Sta11, a collision answered',
    11,
    async () => {
      const all = await askedToRelease(releasing(requestorEstablished()));
      all.upper.respondToRelease();
      await all.peer.expect('A-RELEASE-RP');
      return all;
    },
  ],
  [
    'Sta12, a collision answered by the peer',
    12,
    async () => {
      const all = await askedToRelease(releasing(acceptorEstablished()));
      all.peer.send({ type: 'A-RELEASE-RP' });
      await all.until('released');
      return all;
    },
  ],
  [
    'Sta13 after a rejection',
    13,
    async () => {
      const all = await asAcceptor();
      all.peer.send(verificationRequest);
      await all.until('associate');
      all.upper.reject({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 1 });
      await all.peer.expect('A-ASSOCIATE-RJ');
      return all;
    },
  ],
  [
    'Sta13 after a release',
    13,
    async () => {
      const all = await askedToRelease(acceptorEstablished());
      all.upper.respondToRelease();
      await all.peer.expect('A-RELEASE-RP');
      return all;
    },
  ],
];

function expectedCells(): Map<string, string> {
  const [header, ...rows] = EXPECTED.trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return new Map(
    rows.flatMap(([stimulus, ...cells]) =>
      cells.map(
        (cell, index) => [`${stimulus!.replaceAll('_', ' ')} in ${header![index + 1]}`, cell] as const,
      ),
    ),
  );
}

const cells = expectedCells();

describe.each(SITUATIONS)('%s', (what, state, reach) => {
  test.each(Object.keys(STIMULI))('%s', async (name) => {
    const cell = cells.get(`${name} in ${state}`)!;
    const { upper, peer, aborts, events } = await reach();
    expect(upper.state).toBe(state);
    const before = { aborts: aborts.length, events: events.length };

    const stimulus = STIMULI[name]!;
    if (stimulus === 'close') peer.socket.end();
    else peer.send(stimulus);

    const [outcome, reason] = cell.split('-');
    switch (outcome) {
      case 'user':
      case 'prov':
      case 'quiet': {
        const expected =
          outcome === 'user' ? { source: 0, reason: 0 } : { source: 2, reason: Number(reason) };
        expect(await peer.expect('A-ABORT')).toEqual({ type: 'A-ABORT', ...expected });
        expect(upper.state).toBe(13);
        // In Sta13 the user knows already.
        expect(aborts.slice(before.aborts).map(({ by }) => by)).toEqual(
          outcome === 'quiet' ? [] : ['protocol'],
        );
        peer.socket.end();
        await peer.untilClosed();
        break;
      }
      case 'told':
      case 'shut':
        expect(await peer.receive()).toBeUndefined();
        expect(upper.state).toBe(1);
        expect(aborts.slice(before.aborts).map(({ by }) => by)).toEqual(
          outcome === 'shut' ? [] : [stimulus === 'close' ? 'transport' : 'peer'],
        );
        break;
      default: {
        // A collision of releases leads each side to a state of its own.
        const [ofRequestor, ofAcceptor = ofRequestor] = cell.split('/');
        const next = outcome === 'skip' ? 13 : Number(what.includes('requestor') ? ofRequestor : ofAcceptor);
        await expect.poll(() => upper.state).toBe(next);
        expect(aborts.length).toBe(before.aborts);
        if (outcome === 'skip') expect(events.length).toBe(before.events);
        peer.send({ type: 'A-ABORT', source: 0, reason: 0 });
        expect(await peer.receive()).toBeUndefined();
        expect(upper.state).toBe(1);
      }
    }
  });
});

test('after an abort nothing the peer says matters, until it closes the connection', async () => {
  const { peer, upper, aborts } = await acceptorEstablished();
  peer.send(bytes('99 00 00000000'));
  await peer.expect('A-ABORT');
  for (const stimulus of Object.values(STIMULI)) if (stimulus !== 'close') peer.send(stimulus);
  peer.socket.end();
  await peer.untilClosed();
  await expect.poll(() => upper.state).toBe(1);
  expect(aborts.length).toBe(1);
});
