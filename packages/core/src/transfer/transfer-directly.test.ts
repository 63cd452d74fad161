import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { attributesFrom } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { DicomError } from '../errors.ts';
import { matches } from '../query/matching.ts';
import type { Queryable } from '../query/types.ts';
import { Ledger } from './ledger.ts';
import { type DirectMove, type DirectMoveResult, transferDirectly } from './transfer-directly.ts';
import type { Selection } from './types.ts';
import { verifyByQuery } from './verify.ts';

const selection = { studyInstanceUid: '1.2' };
const everything = ['1.2.1.1', '1.2.1.2', '1.2.2.1'];

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Without the waits. */
async function hurry<T>(work: Promise<T>): Promise<T> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) await vi.advanceTimersByTimeAsync(1_000);
  return done;
}

/** A server of one study: series 1.2.1 and 1.2.2, of which it has these instances. */
function server(has: Set<string>, options: { levels?: readonly string[] } = {}): Queryable {
  const { levels = ['STUDY', 'SERIES', 'IMAGE'] } = options;
  return {
    async *find(query) {
      if (!levels.includes(query.level)) throw new DicomError('STATUS', 'I do not answer at this level.');
      const all = [...has].map((sop) => ({ series: sop.slice(0, 5), sop }));
      const candidates: Attributes[] = {
        PATIENT: () => [],
        STUDY: () => [attributesFrom({ StudyInstanceUID: '1.2', NumberOfStudyRelatedInstances: all.length })],
        SERIES: () =>
          [...Map.groupBy(all, ({ series }) => series)].map(([series, some]) =>
            attributesFrom({
              StudyInstanceUID: '1.2',
              SeriesInstanceUID: series,
              Modality: series === '1.2.1' ? 'CT' : 'SR',
              NumberOfSeriesRelatedInstances: some.length,
            }),
          ),
        IMAGE: () =>
          all.map(({ series, sop }) =>
            attributesFrom({ StudyInstanceUID: '1.2', SeriesInstanceUID: series, SOPInstanceUID: sop }),
          ),
      }[query.level]();
      for (const candidate of candidates) if (matches(candidate, query)) yield candidate;
    },
  };
}

/** What one C-MOVE does, and what the source says of it. */
type Round = (asked: Selection, destination: Set<string>) => Partial<DirectMoveResult> | DicomError;

/** A source that does in each C-MOVE what the script says. */
function mover(rounds: readonly Round[], destination: Set<string>) {
  const asked: Selection[] = [];
  const move: DirectMove = async function* (what) {
    asked.push(what);
    const result = rounds[asked.length - 1]!(what, destination);
    if (result instanceof Error) throw result;
    const whole = { completed: 0, failed: 0, warning: 0, failedInstances: [], counted: true, ...result };
    yield whole;
    return whole;
  };
  return { move, asked };
}

const sends =
  (sops: readonly string[], says: Partial<DirectMoveResult>): Round =>
  (_, destination) => {
    for (const sop of sops) destination.add(sop);
    return says;
  };

interface Setup {
  rounds: readonly Round[];
  destination?: Set<string>;
  verify?: 'image' | 'count' | 'none';
  sourceLevels?: readonly string[];
  ledger?: Ledger;
  source?: Set<string>;
  excludeModalities?: string[];
}

async function run({
  rounds,
  destination = new Set(),
  verify = 'image',
  sourceLevels,
  ledger = new Ledger(),
  source = new Set(everything),
  excludeModalities,
}: Setup) {
  const { move, asked } = mover(rounds, destination);
  const work = transferDirectly({
    source: server(source, sourceLevels ? { levels: sourceLevels } : {}),
    move,
    selection: { ...selection, ...(excludeModalities && { excludeModalities }) },
    ...(verify === 'none' ? {} : { verify: verifyByQuery(server(destination), { by: verify }) }),
    ledger,
  });
  const result = await hurry(work);
  const states = Object.fromEntries([...ledger.records()].map(({ sop, state }) => [sop, state]));
  return { result, asked, states };
}

const all = (state: string) => Object.fromEntries(everything.map((sop) => [sop, state]));

describe('transferDirectly', () => {
  it('books every instance that is found at the destination', async () => {
    const { result, asked, states } = await run({
      rounds: [sends(everything, { completed: 2, warning: 1 })],
    });
    expect(result).toMatchObject({
      ok: true,
      verification: 'image',
      counts: { expected: 3, received: 3, stored: 3, verified: 3, warnings: 1, failed: 0, bytes: 0 },
    });
    expect(asked).toEqual([selection]);
    expect(states).toEqual(all('verified'));
  });

  it('asks again for what the source names as failed, and for nothing else', async () => {
    const { result, asked } = await run({
      rounds: [
        sends(['1.2.1.1', '1.2.2.1'], { completed: 2, failed: 1, failedInstances: ['1.2.1.2'] }),
        sends(['1.2.1.2'], { completed: 1 }),
      ],
    });
    expect(asked[1]).toEqual({ ...selection, seriesInstanceUids: ['1.2.1'], sopInstanceUids: ['1.2.1.2'] });
    expect(result).toMatchObject({ ok: true, counts: { expected: 3, stored: 3, verified: 3, failed: 0 } });
  });

  it('believes the destination, not a source that says it has sent everything', async () => {
    const lies = sends(['1.2.1.1'], { completed: 3 });
    const { result, asked, states } = await run({ rounds: [lies, lies, lies] });
    expect(asked).toHaveLength(3);
    expect(result).toMatchObject({
      ok: false,
      retryable: true,
      counts: { stored: 1, failed: 2, expected: 3 },
    });
    expect(states).toEqual({ ...all('failed'), '1.2.1.1': 'verified' });
  });

  it('says so when the destination has what the source could not send', async () => {
    const { result } = await run({ rounds: [sends(everything, { completed: 2, failed: 1 })] });
    expect(result).toMatchObject({ ok: true, counts: { stored: 3 } });
    expect(result.remarks.join()).toContain('says that 1 instances could not be sent');
  });

  it('goes on where a ledger says that something is done, and looks whether it still is', async () => {
    const ledger = new Ledger({
      records: [
        { sop: '1.2.1.1', state: 'stored' },
        { sop: '1.2.1.2', state: 'stored' },
      ],
    });
    const { result, asked, states } = await run({
      ledger,
      destination: new Set(['1.2.1.1']),
      rounds: [sends(['1.2.2.1'], { completed: 1 }), sends(['1.2.1.2'], { completed: 1 })],
    });
    expect(asked).toEqual([
      { ...selection, seriesInstanceUids: ['1.2.2'] },
      { ...selection, seriesInstanceUids: ['1.2.1'], sopInstanceUids: ['1.2.1.2'] },
    ]);
    expect(result).toMatchObject({ ok: true, counts: { stored: 2, skipped: 1, expected: 3, failed: 0 } });
    expect(states).toEqual(all('verified'));
  });

  it('verifies what an earlier attempt has done when nothing lacks', async () => {
    const ledger = new Ledger({ records: everything.map((sop) => ({ sop, state: 'stored' as const })) });
    const { result, asked } = await run({ ledger, destination: new Set(everything), rounds: [] });
    expect(asked).toEqual([]);
    expect(result).toMatchObject({ ok: true, verification: 'image', counts: { skipped: 3, stored: 0 } });
  });

  it.each<[string, Partial<Setup>, boolean]>([
    ['the source counts all', { verify: 'none', rounds: [sends(everything, { completed: 3 })] }, true],
    ['both count all', { verify: 'count', rounds: [sends(everything, { completed: 3 })] }, true],
    [
      'the destination counts, the source does not',
      { verify: 'count', rounds: [sends(everything, { counted: false })] },
      true,
    ],
    [
      'nobody counts',
      { verify: 'none', rounds: Array(3).fill(sends(everything, { counted: false })) },
      false,
    ],
    [
      'the destination has less',
      { verify: 'count', rounds: Array(3).fill(sends(everything.slice(1), { completed: 3 })) },
      false,
    ],
    [
      'one that nobody names has failed',
      { verify: 'none', rounds: Array(3).fill(sends(everything, { completed: 2, failed: 1 })) },
      false,
    ],
  ])(
    'takes numbers for an answer only when they are whole: %s',
    async (_, setup, ok) => {
      const { result, states } = await run(setup as Setup);
      expect(result).toMatchObject({ ok, counts: { expected: 3, stored: ok ? 3 : 0, failed: ok ? 0 : 3 } });
      expect(states).toEqual(all(ok ? 'stored' : 'failed'));
    },
    60_000,
  );

  it('has numbers alone of a source that does not answer at IMAGE level', async () => {
    const { result, states } = await run({
      sourceLevels: ['STUDY', 'SERIES'],
      rounds: [sends(everything, { completed: 3 })],
    });
    expect(result).toMatchObject({ ok: true, verification: 'none', counts: { expected: 3, stored: 3 } });
    expect(states).toEqual({});
  });

  it('ends with the reason of a C-MOVE that is refused as a whole, and counts everything as failed', async () => {
    const refused = new DicomError('STATUS', 'The node does not know the destination.');
    const { result, asked, states } = await run({ rounds: [() => refused] });
    expect(asked).toHaveLength(1);
    expect(result).toMatchObject({
      ok: false,
      retryable: false,
      problem: { code: 'STATUS', message: refused.message },
      counts: { expected: 3, failed: 3, stored: 0 },
    });
    expect(states).toEqual(all('failed'));
  });

  it('tries again after trouble that may pass', async () => {
    const busy = new DicomError('STATUS', 'Out of resources.', { retryable: true });
    const { result, asked } = await run({ rounds: [() => busy, sends(everything, { completed: 3 })] });
    expect(asked).toHaveLength(2);
    expect(result).toMatchObject({ ok: true, counts: { stored: 3 } });
  });

  it('leaves out modalities, and counts them', async () => {
    const { result, asked } = await run({
      excludeModalities: ['SR'],
      rounds: [sends(everything.slice(0, 2), { completed: 2 })],
    });
    expect(asked).toMatchObject([{ seriesInstanceUids: ['1.2.1'] }]);
    expect(result).toMatchObject({ ok: true, counts: { expected: 3, stored: 2, skipped: 1, excluded: 1 } });
  });

  it('asks for what has come to the source meanwhile', async () => {
    const source = new Set(everything);
    const grows: Round = (_, destination) => {
      for (const sop of everything) destination.add(sop);
      source.add('1.2.2.2');
      return { completed: 3 };
    };
    const { result, asked } = await run({ source, rounds: [grows, sends(['1.2.2.2'], { completed: 1 })] });
    expect(asked[1]).toMatchObject({ sopInstanceUids: ['1.2.2.2'] });
    expect(result).toMatchObject({ ok: true, counts: { expected: 4, stored: 4 } });
  });

  it('ends when it is canceled', async () => {
    const cancel = new AbortController();
    const result = await transferDirectly({
      source: server(new Set(everything)),
      move: async function* (_, { signal }) {
        yield { completed: 1, failed: 0, warning: 0 };
        cancel.abort();
        signal!.throwIfAborted();
        throw new Error('not reached');
      },
      selection,
      signal: cancel.signal,
    });
    expect(result).toMatchObject({ ok: false, problem: { code: 'CANCELED' }, counts: { failed: 3 } });
  });

  it('is no success with nothing', async () => {
    const { result } = await run({ source: new Set(), rounds: [sends([], {})] });
    expect(result.ok).toBe(false);
  });
});
