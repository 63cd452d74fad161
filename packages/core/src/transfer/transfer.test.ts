import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Attributes } from '../data/attributes.ts';
import { DicomError } from '../errors.ts';
import type { Query, Queryable } from '../query/types.ts';
import { HeldBackError } from './held-back-error.ts';
import { Ledger } from './ledger.ts';
import { transfer } from './transfer.ts';
import type {
  DicomInstance,
  InstanceSink,
  InstanceSource,
  RetrieveOptions,
  Selection,
  StoreOutcome,
} from './types.ts';
import { verifyByQuery } from './verify.ts';

const STUDY = '1.2.3';
const SERIES = '1.2.3.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const selection = { studyInstanceUid: STUDY };

/** SOP Class UID and SOP Instance UID in explicit VR little endian, then pixel data of a given size. */
function datasetOf(sop: string, size = 100): Uint8Array[] {
  const ascii = new TextEncoder();
  const element = (group: number, number: number, text: string) => {
    const value = ascii.encode(text.length % 2 ? `${text}\0` : text);
    return new Uint8Array([group, 0, number, 0, 0x55, 0x49, value.length, 0, ...value]);
  };
  // (7FE0,0010) OW with a 32-bit length.
  const pixelHead = new Uint8Array([0xe0, 0x7f, 0x10, 0, 0x4f, 0x57, 0, 0, 0, 0, 0, 0]);
  new DataView(pixelHead.buffer).setUint32(8, size, true);
  const chunks = [element(8, 0x16, CT), element(8, 0x18, sop), pixelHead];
  for (let left = size; left > 0; left -= 64 * 1024) chunks.push(new Uint8Array(Math.min(left, 64 * 1024)));
  return chunks;
}

function instance(
  sop: string,
  options: { size?: number; failAfter?: number; error?: Error } = {},
): DicomInstance {
  async function* read() {
    for (const [index, chunk] of datasetOf(sop, options.size).entries()) {
      if (index === options.failAfter) throw options.error;
      yield chunk;
    }
  }
  return { sopClassUid: CT, sopInstanceUid: sop, transferSyntaxUid: '1.2.840.10008.1.2.1', dataset: read() };
}

/** A source that announces `announced` and delivers what `deliver` makes. */
function sourceOf(
  deliver: (options: RetrieveOptions) => Iterable<DicomInstance> | AsyncIterable<DicomInstance>,
  announced?: readonly string[],
): InstanceSource & Partial<Queryable> {
  return {
    async *retrieve(_selection, options = {}) {
      yield* deliver(options);
    },
    ...(announced ? archiveOf(new Set(announced)) : {}),
  };
}

/** Answers C-FIND for one study with one series and these instances. */
function archiveOf(sops: ReadonlySet<string>): Queryable {
  const text = (value: string) => ({ vr: 'UI' as const, Value: [value] });
  return {
    async *find(query: Query): AsyncGenerator<Attributes> {
      const study = { '0020000D': text(STUDY), '00201208': { vr: 'IS' as const, Value: [sops.size] } };
      if (query.keys.StudyInstanceUID !== STUDY || sops.size === 0) return;
      if (query.level === 'STUDY') yield study;
      else if (query.level === 'SERIES') {
        const count = { vr: 'IS' as const, Value: [sops.size] };
        yield { ...study, '0020000E': text(SERIES), '00201209': count };
      } else for (const sop of sops) yield { '00080016': text(CT), '00080018': text(sop) };
    },
  };
}

/** A sink that reads everything and answers as told. */
function sinkOf(
  answer: (sop: string, attempt: number) => StoreOutcome = () => ({ state: 'stored' }),
  concurrency = 4,
) {
  const stored = new Map<string, number>();
  const attempts = new Map<string, number>();
  const sink: InstanceSink = {
    concurrency,
    async store(incoming) {
      let bytes = 0;
      for await (const chunk of incoming.dataset) bytes += chunk.length;
      const attempt = (attempts.get(incoming.sopInstanceUid) ?? 0) + 1;
      attempts.set(incoming.sopInstanceUid, attempt);
      const outcome = answer(incoming.sopInstanceUid, attempt);
      if (outcome.state !== 'failed') stored.set(incoming.sopInstanceUid, bytes);
      return outcome;
    },
  };
  return { sink, stored, attempts };
}

const sops = (count: number) => Array.from({ length: count }, (_, index) => `1.2.3.1.${index + 1}`);

describe('transfer', () => {
  test('tells how many instances the destination got in another transfer syntax', async () => {
    const { sink } = sinkOf((sop) => ({
      state: 'stored',
      ...(sop === '1.1' ? {} : { transcodedTo: '1.2.840.10008.1.2' }),
    }));
    const uids = ['1.1', '1.2', '1.3'];
    const source = sourceOf(() => uids.map((sop) => instance(sop)), uids);
    const ledger = new Ledger();
    const { remarks } = await transfer({
      ...{ source, sink, selection, ledger },
      createPixelHash: () => createHash('sha256'),
    });
    expect(remarks).toContainEqual(
      expect.stringMatching(/^2 instances were sent in another transfer syntax/),
    );
    // The hash is of the pixels as they came, which are not those that are stored.
    expect(uids.map((sop) => ledger.get(sop)?.pixelSha256 !== undefined)).toEqual([true, false, false]);
  });

  describe('from a source that can be searched meanwhile', () => {
    /** Tells its instances when `told` resolves, and delivers them one by one. */
    function slowToTell(options: {
      told: Promise<unknown>;
      announced?: readonly string[];
      delivered: readonly string[];
      onAsked?: (asked: Selection) => void;
    }): InstanceSource & Queryable {
      const announced = options.announced ?? options.delivered;
      const archive = archiveOf(new Set(announced));
      return {
        findsWhileRetrieving: true,
        async *retrieve(asked) {
          options.onAsked?.(asked);
          for (const sop of options.delivered) yield instance(sop);
        },
        async *find(query) {
          if (query.level === 'IMAGE') await options.told;
          yield* archive.find(query);
        },
      };
    }

    test('does not wait for the list of instances', async () => {
      const told = Promise.withResolvers<void>();
      const { sink, stored } = sinkOf();
      const result = await transfer({
        source: slowToTell({ told: told.promise, delivered: sops(5) }),
        sink,
        selection,
        onProgress: ({ stored: count }) => {
          if (count === 5) told.resolve();
        },
      });
      expect(result).toMatchObject({ ok: true, counts: { expected: 5, stored: 5, failed: 0 } });
      expect(stored.size).toBe(5);
    });

    test('counts as failed what is on the list and did not come', async () => {
      const { sink } = sinkOf();
      const ledger = new Ledger();
      const result = await transfer({
        source: slowToTell({ told: Promise.resolve(), announced: sops(5), delivered: sops(4) }),
        ...{ sink, selection, ledger },
      });
      expect(result).toMatchObject({
        ok: false,
        retryable: true,
        counts: { expected: 5, stored: 4, failed: 1 },
      });
      expect(ledger.get(sops(5)[4]!)).toMatchObject({ state: 'failed' });
    });

    test('ends when the source does not tell what it has', async () => {
      const { sink } = sinkOf();
      const told = Promise.reject(new DicomError('NETWORK', 'cut while telling', { retryable: true }));
      told.catch(() => {});
      const source = slowToTell({ told, delivered: sops(5) });
      const result = await transfer({ source, sink, selection });
      expect(result).toMatchObject({ ok: false, retryable: true, problem: { message: 'cut while telling' } });
    });

    test('waits for the list when an earlier attempt has done a part, and asks for what lacks', async () => {
      const { sink, stored } = sinkOf();
      const ledger = new Ledger({ records: sops(3).map((sop) => ({ sop, state: 'stored' })) });
      const asked: Selection[] = [];
      const source = slowToTell({
        told: Promise.resolve(),
        ...{ announced: sops(5), delivered: sops(5).slice(3) },
        onAsked: (one) => asked.push(one),
      });
      const result = await transfer({ source, sink, selection, ledger });
      expect(result).toMatchObject({ ok: true, counts: { expected: 5, stored: 2, skipped: 3 } });
      expect(asked).toMatchObject([{ sopInstanceUids: sops(5).slice(3) }]);
      expect(stored.size).toBe(2);
    });
  });

  test('stores every instance and finds all of them at the destination', async () => {
    const { sink, stored } = sinkOf();
    const result = await transfer({
      source: sourceOf(() => sops(20).map((sop) => instance(sop)), sops(20)),
      sink,
      selection,
      verify: verifyByQuery({ find: (query) => archiveOf(new Set(stored.keys())).find(query) }),
    });
    expect(result).toMatchObject({ ok: true, verification: 'image', reasons: [] });
    expect(result.counts).toMatchObject({ expected: 20, received: 20, stored: 20, verified: 20, failed: 0 });
    expect(result.counts.bytes).toBe([...stored.values()].reduce((sum, bytes) => sum + bytes, 0));
  });

  test('is never a success with nothing', async () => {
    const result = await transfer({ source: sourceOf(() => []), sink: sinkOf().sink, selection });
    expect(result).toMatchObject({ ok: false, problem: { code: 'NOTHING_TO_TRANSFER' } });
  });

  test('says so when the source does not know the study', async () => {
    const result = await transfer({ source: sourceOf(() => [], []), sink: sinkOf().sink, selection });
    expect(result).toMatchObject({ ok: false, problem: { code: 'STUDY_NOT_FOUND', retryable: false } });
  });

  test('counts what the source announced and never delivered as failed', async () => {
    const { sink } = sinkOf();
    const source = sourceOf(() => sops(3).map((sop) => instance(sop)), sops(5));
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: false, counts: { expected: 5, stored: 3, failed: 2 } });
    expect(result.reasons).toEqual([{ outcome: 'failed', message: 'not delivered by the source', count: 2 }]);
  });

  test('tells the reason a source gave for an instance it could not deliver', async () => {
    const source = sourceOf(({ onFailure }) => {
      onFailure?.({ sopInstanceUid: sops(2)[1]!, message: 'cannot be read', retryable: false });
      return [instance(sops(2)[0]!)];
    }, sops(2));
    const result = await transfer({ source, sink: sinkOf().sink, selection });
    expect(result).toMatchObject({ ok: false, counts: { expected: 2, stored: 1, failed: 1 } });
    expect(result.reasons[0]?.message).toBe('not delivered by the source: cannot be read');
  });

  test('sends an instance again from memory when the destination is short of resources', async () => {
    let delivered = 0;
    const { sink, attempts } = sinkOf((_, attempt) =>
      attempt < 3 ? { state: 'failed', status: 0xa700, retryable: true } : { state: 'stored' },
    );
    const source = sourceOf(function* () {
      for (const sop of sops(2)) {
        delivered += 1;
        yield instance(sop);
      }
    });
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: true, counts: { stored: 2 } });
    expect([...attempts.values()]).toEqual([3, 3]);
    expect(delivered).toBe(2);
  });

  test('gives a destination up that takes nothing for now, instead of trying every instance', async () => {
    const busy = {
      state: 'failed',
      status: 0xa700,
      message: 'B is short of resources.',
      retryable: true,
    } as const;
    const { sink, attempts } = sinkOf(() => busy, 2);
    const result = await transfer({
      source: sourceOf(() => sops(50).map((sop) => instance(sop)), sops(50)),
      sink,
      selection,
    });
    expect(result).toMatchObject({
      ok: false,
      retryable: true,
      problem: { code: 'DESTINATION_UNAVAILABLE', message: 'B is short of resources.' },
      counts: { expected: 50, stored: 0, failed: 50 },
      reasons: [{ outcome: 'failed', message: 'B is short of resources.', count: 50 }],
    });
    expect(attempts.size).toBeLessThan(6);
    expect(attempts.get(sops(50)[0]!)).toBe(3);
  });

  test('gives up a destination that answers nothing before the first instance is through', async () => {
    const silent = { state: 'failed', message: 'B does not answer.', retryable: true } as const;
    const { sink, attempts } = sinkOf(() => silent, 1);
    const source = sourceOf(() => sops(50).map((sop) => instance(sop)), sops(50));
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ retryable: true, counts: { stored: 0, failed: 50 } });
    expect([...attempts.values()]).toEqual([3]);
  });

  test('tries the others when the first instance is the one that the destination has trouble with', async () => {
    const { sink, stored } = sinkOf((sop) =>
      sop === sops(10)[0]
        ? { state: 'failed', status: 0xa700, message: 'not now', retryable: true }
        : { state: 'stored' },
    );
    const source = sourceOf(() => sops(10).map((sop) => instance(sop)), sops(10));
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: false, retryable: true, counts: { stored: 9, failed: 1 } });
    expect(stored.size).toBe(9);
  });

  test('does not give up a destination that has trouble with one instance alone', async () => {
    const { sink, stored } = sinkOf((sop) =>
      sop === sops(10)[3] ? { state: 'failed', message: 'not now', retryable: true } : { state: 'stored' },
    );
    // Instances come all the while.
    const source = sourceOf(async function* () {
      for (const sop of sops(10)) {
        yield instance(sop);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }, sops(10));
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: false, retryable: true, counts: { stored: 9, failed: 1 } });
    expect(result.problem).toBeUndefined();
    expect(stored.size).toBe(9);
  });

  test('takes down why the destination refused an instance and goes on with the others', async () => {
    const refused = sops(3)[1];
    const { sink } = sinkOf((sop) =>
      sop === refused
        ? { state: 'failed', status: 0xc000, message: 'cannot understand' }
        : { state: 'stored' },
    );
    const ledger = new Ledger();
    const result = await transfer({
      source: sourceOf(() => sops(3).map((sop) => instance(sop))),
      sink,
      selection,
      ledger,
    });
    expect(result).toMatchObject({ ok: false, counts: { stored: 2, failed: 1 } });
    expect(ledger.get(refused!)).toEqual({ sop: refused, state: 'failed', status: 0xc000 });
  });

  test('lets the first instance of a study go alone', async () => {
    let running = 0;
    const seen: number[] = [];
    const sink: InstanceSink = {
      concurrency: 3,
      async store({ dataset }) {
        running += 1;
        seen.push(running);
        for await (const _ of dataset);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        return { state: 'stored' };
      },
    };
    await transfer({ source: sourceOf(() => sops(10).map((sop) => instance(sop))), sink, selection });
    expect(seen[0]).toBe(1);
    expect(seen[1]).toBe(1);
    expect(Math.max(...seen)).toBe(3);
  });

  test('holds an instance back that a transform refuses, also in the middle of its data', async () => {
    const { sink, stored } = sinkOf();
    const result = await transfer({
      source: sourceOf(() => sops(3).map((sop) => instance(sop, { size: 300_000 }))),
      sink,
      selection,
      transforms: [
        (incoming) => {
          if (incoming.sopInstanceUid === sops(3)[0]) throw new HeldBackError('may hold burned-in text');
          if (incoming.sopInstanceUid === sops(3)[1]) {
            return { ...incoming, dataset: failing(incoming.dataset, new HeldBackError('cannot be read')) };
          }
          return incoming;
        },
      ],
    });
    expect(result).toMatchObject({ ok: false, counts: { expected: 3, stored: 1, held: 2, failed: 0 } });
    expect([...stored.keys()]).toEqual([sops(3)[2]]);
  });

  test('never finishes an object that the source cut off, and counts the rest as failed', async () => {
    const cut = new DicomError('CONNECTION_LOST', 'The association with A was cut.', { retryable: true });
    const { sink, stored } = sinkOf();
    const source = sourceOf(function* () {
      yield instance(sops(3)[0]!);
      yield instance(sops(3)[1]!, { size: 500_000, failAfter: 5, error: cut });
    }, sops(3));
    const result = await transfer({ source, sink, selection, maxBytesInFlight: 200_000 });
    expect(result).toMatchObject({
      ok: false,
      counts: { expected: 3, stored: 1, failed: 2 },
      problem: { code: 'CONNECTION_LOST', retryable: true },
    });
    expect([...stored.keys()]).toEqual([sops(3)[0]]);
  });

  test('streams an instance above the budget without keeping it', async () => {
    const { sink, stored } = sinkOf();
    let given = 0;
    let taken = 0;
    let ahead = 0;
    const size = 8_000_000;
    const counting: InstanceSink = {
      async store(incoming) {
        return sink.store({
          ...incoming,
          dataset: (async function* () {
            for await (const chunk of incoming.dataset) {
              taken += chunk.length;
              ahead = Math.max(ahead, given - taken);
              yield chunk;
            }
          })(),
        });
      },
    };
    const source = sourceOf(function* () {
      const whole = instance('1.2.3.1.1', { size });
      yield {
        ...whole,
        dataset: (async function* () {
          for await (const chunk of whole.dataset) {
            given += chunk.length;
            yield chunk;
          }
        })(),
      };
    });
    const result = await transfer({ source, sink: counting, selection, maxBytesInFlight: 1_000_000 });
    expect(result).toMatchObject({ ok: true, counts: { stored: 1 } });
    expect(stored.get('1.2.3.1.1')).toBe(result.counts.bytes);
    expect(ahead).toBeLessThan(1_000_000);
  });

  test('reads only a few instances ahead of the sink, however small they are', async () => {
    let read = 0;
    let stored = 0;
    let ahead = 0;
    const sink: InstanceSink = {
      concurrency: 2,
      async store({ dataset }) {
        for await (const _ of dataset);
        await new Promise((resolve) => setTimeout(resolve, 1));
        stored += 1;
        return { state: 'stored' };
      },
    };
    const source = sourceOf(function* () {
      for (const sop of sops(200)) {
        yield instance(sop);
        read += 1;
        ahead = Math.max(ahead, read - stored);
      }
    });
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: true, counts: { stored: 200 } });
    expect(ahead).toBeLessThanOrEqual(8);
  });

  test('refuses a data set that is not the instance it was announced as', async () => {
    const { sink, stored } = sinkOf();
    const source = sourceOf(() => [
      { ...instance('1.2.3.1.1'), sopInstanceUid: '1.2.3.1.2' },
      instance('1.2.3.1.3'),
    ]);
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: false, counts: { stored: 1, failed: 1 } });
    expect([...stored.keys()]).toEqual(['1.2.3.1.3']);
  });

  test('does not send an instance twice', async () => {
    const { sink, attempts } = sinkOf();
    const source = sourceOf(() => [instance('1.2.3.1.1'), instance('1.2.3.1.1')]);
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: true, counts: { expected: 1, stored: 1 } });
    expect(attempts.get('1.2.3.1.1')).toBe(1);
  });

  test('does not send what the ledger knows to be stored', async () => {
    const { sink, attempts } = sinkOf();
    const ledger = new Ledger({ records: [{ sop: '1.2.3.1.1', state: 'stored' }] });
    const source = sourceOf(() => sops(2).map((sop) => instance(sop)), sops(2));
    const result = await transfer({ source, sink, selection, ledger });
    expect(result).toMatchObject({ ok: true, counts: { expected: 2, stored: 1, skipped: 1 } });
    expect([...attempts.keys()]).toEqual(['1.2.3.1.2']);
  });

  test('ends when it is canceled, with every instance accounted for', async () => {
    const controller = new AbortController();
    const sink: InstanceSink = {
      async store({ dataset }, options) {
        for await (const _ of dataset);
        controller.abort();
        options?.signal?.throwIfAborted();
        return { state: 'stored' };
      },
    };
    const result = await transfer({
      source: sourceOf(() => sops(5).map((sop) => instance(sop)), sops(5)),
      sink,
      selection,
      signal: controller.signal,
    });
    expect(result).toMatchObject({
      ok: false,
      problem: { code: 'CANCELED' },
      counts: { expected: 5, stored: 0, failed: 5 },
    });
  });

  test('ends when the destination cannot be reached, and says why', async () => {
    const unreachable = new DicomError('UNREACHABLE', 'B does not answer.');
    const sink: InstanceSink = {
      async store() {
        throw unreachable;
      },
    };
    const source = sourceOf(() => sops(5).map((sop) => instance(sop)), sops(5));
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({
      ok: false,
      problem: { code: 'UNREACHABLE', message: 'B does not answer.' },
      counts: { expected: 5, stored: 0, failed: 5 },
      reasons: [{ outcome: 'failed', message: 'B does not answer.', count: 5 }],
    });
  });

  test('is no success when the destination has lost what it accepted', async () => {
    const { sink } = sinkOf();
    const source = sourceOf(() => sops(3).map((sop) => instance(sop)), sops(3));
    const verify = async () => ({ verification: 'image' as const, verified: 2 });
    const result = await transfer({ source, sink, selection, verify });
    expect(result).toMatchObject({ ok: false, counts: { stored: 3, verified: 2 } });
    expect(result.reasons[0]?.message).toContain('not found there');
  });

  test('gives back the connections of the sink before it looks what arrived', async () => {
    const order: string[] = [];
    const { sink } = sinkOf();
    await transfer({
      source: sourceOf(() => [instance('1.2.3.1.1')]),
      sink: {
        ...sink,
        release: async () => {
          order.push('release');
        },
      },
      selection,
      verify: async () => {
        order.push('verify');
        return { verification: 'image', verified: 1 };
      },
    });
    expect(order).toEqual(['release', 'verify']);
  });

  test('looks for pseudonymized studies under their new UID', async () => {
    const { sink } = sinkOf();
    const asked: string[] = [];
    const source = sourceOf(() => [instance('1.2.3.1.1')]);
    await transfer({
      source,
      sink,
      selection,
      transforms: [Object.assign((one: DicomInstance) => one, { mapUid: (uid: string) => `${uid}.9` })],
      verify: async (study) => {
        asked.push(study.studyInstanceUid);
        return { verification: 'image', verified: 1 };
      },
    });
    expect(asked).toEqual(['1.2.3.9']);
  });
});

async function* failing(bytes: AsyncIterable<Uint8Array>, error: Error) {
  let first = true;
  for await (const chunk of bytes) {
    if (!first) throw error;
    first = false;
    yield chunk;
  }
}
