import { describe, expect, it } from 'vitest';
import { DicomError } from '../errors.ts';
import { type FirstOfferedOptions, firstOffered, type RetrievalWay } from './first-offered.ts';
import type { DicomInstance, RetrieveFailure, RetrieveOptions } from './types.ts';

const selection = { studyInstanceUid: '1.2' };

function instance(sopInstanceUid: string): DicomInstance {
  return { sopClassUid: '1.3', sopInstanceUid, transferSyntaxUid: '1.2', dataset: (async function* () {})() };
}

const notOffered = (message: string, retryable = false) =>
  new DicomError('NO_SERVICE', message, { retryable });

/** A way that does what the script says, one function for each retrieval. */
function way(
  name: string,
  ...scripts: ((options: RetrieveOptions) => AsyncIterable<DicomInstance> | Iterable<DicomInstance>)[]
) {
  const state = { asked: 0, left: 0, disposed: 0 };
  const source: RetrievalWay['source'] = {
    isNotOffered: (error) => error instanceof DicomError && error.code === 'NO_SERVICE',
    async *retrieve(_, options = {}) {
      const script = scripts[Math.min(state.asked, scripts.length - 1)]!;
      state.asked += 1;
      let over = false;
      try {
        yield* script(options);
        over = true;
      } finally {
        if (!over) state.left += 1;
      }
    },
    async [Symbol.asyncDispose]() {
      state.disposed += 1;
    },
  };
  return { name, source, state };
}

function* fails(error: unknown): Generator<DicomInstance> {
  yield* [];
  throw error;
}

const gives = (...uids: string[]) => uids.map(instance);

async function take(ways: readonly RetrievalWay[], options: FirstOfferedOptions = {}, times = 1) {
  const source = firstOffered(ways, options);
  const taken: string[] = [];
  const failures: RetrieveFailure[] = [];
  let error: unknown;
  for (let i = 0; i < times; i++) {
    try {
      for await (const one of source.retrieve(selection, { onFailure: (failure) => failures.push(failure) }))
        taken.push(one.sopInstanceUid);
    } catch (thrown) {
      error = thrown;
    }
  }
  return { taken, failures, error };
}

describe('the first way that is offered', () => {
  it('is the only one that is asked', async () => {
    const ways = [way('A', () => gives('1', '2')), way('B', () => gives('9'))];
    const said: string[] = [];
    expect(await take(ways, { onWay: (name) => said.push(name) }, 2)).toMatchObject({
      taken: ['1', '2', '1', '2'],
      error: undefined,
    });
    expect(ways.map(({ state }) => state.asked)).toEqual([2, 0]);
    expect(said).toEqual(['A', 'A']);
  });

  it('follows one that is not, which is not asked again', async () => {
    const ways = [
      way('A', () => fails(notOffered('no A'))),
      way('B', () => gives('1')),
      way('C', () => gives('9')),
    ];
    const said: string[] = [];
    const result = await take(
      ways,
      {
        onWay: (name, passedOver) =>
          said.push(name, ...passedOver.map((one) => `not ${one.name}: ${one.error.message}`)),
      },
      2,
    );
    expect(result).toMatchObject({ taken: ['1', '1'], error: undefined });
    expect(ways.map(({ state }) => state.asked)).toEqual([1, 2, 0]);
    expect(said).toEqual(['B', 'not A: no A', 'B', 'not A: no A']);
  });

  it('is found where `retrieve` itself throws', async () => {
    const throwing: RetrievalWay = {
      name: 'A',
      source: {
        isNotOffered: () => true,
        retrieve() {
          throw notOffered('no A');
        },
      },
    };
    expect(await take([throwing, way('B', () => gives('1'))])).toMatchObject({ taken: ['1'] });
  });

  it('may have nothing to give, and is asked all the same', async () => {
    const ways = [way('A', () => gives()), way('B', () => gives('9'))];
    expect(await take(ways)).toEqual({ taken: [], failures: [], error: undefined });
  });
});

describe('another way is no answer', () => {
  it.each([
    ['to a failure', new DicomError('NOT_FOUND', 'no such study')],
    ['to an error of nobody', new Error('a mistake')],
  ])('%s', async (_, error) => {
    const ways = [way('A', () => fails(error)), way('B', () => gives('9'))];
    expect(await take(ways, {}, 2)).toEqual({ taken: [], failures: [], error });
    expect(ways.map(({ state }) => state.asked)).toEqual([2, 0]);
  });

  it('to what happens in the middle, whatever it is', async () => {
    const error = notOffered('suddenly');
    const broken = way('A', function* () {
      yield instance('1');
      throw error;
    });
    const other = way('B', () => gives('1', '2'));
    expect(await take([broken, other])).toEqual({ taken: ['1'], failures: [], error });
    expect(other.state.asked).toBe(0);
  });

  it('to a caller who has given up', async () => {
    const controller = new AbortController();
    const error = notOffered('no A');
    const first = way('A', () => {
      controller.abort();
      return fails(error);
    });
    const other = way('B', () => gives('9'));
    const { signal } = controller;
    const next = firstOffered([first, other]).retrieve(selection, { signal })[Symbol.asyncIterator]().next();
    await expect(next).rejects.toBe(error);
    expect(other.state.asked).toBe(0);
  });
});

describe('failures of single instances', () => {
  const failure = (message: string) => ({ message, retryable: false });

  it('are those of the way that is used', async () => {
    const ways = [
      way('A', function* ({ onFailure }) {
        onFailure?.(failure('of A'));
        yield* fails(notOffered('no A'));
      }),
      way('B', function* ({ onFailure }) {
        onFailure?.(failure('first'));
        yield instance('1');
        onFailure?.(failure('second'));
      }),
    ];
    const { taken, failures } = await take(ways);
    expect(taken).toEqual(['1']);
    expect(failures.map(({ message }) => message)).toEqual(['first', 'second']);
  });

  it('are told before the error that ends it', async () => {
    const ways = [
      way('A', function* ({ onFailure }) {
        onFailure?.(failure('of A'));
        yield* fails(new DicomError('BUSY', 'later'));
      }),
      way('B', () => gives('9')),
    ];
    expect(await take(ways)).toMatchObject({ failures: [failure('of A')], error: { code: 'BUSY' } });
  });
});

describe('where no way is left', () => {
  it('one error says what each said, again and again', async () => {
    const ways = [
      way('WADO-RS', () => fails(notOffered('Nothing there.', true))),
      way('C-GET', () => fails(notOffered('Not allowed.'))),
    ];
    const { error } = await take(ways, {}, 2);
    expect(error).toMatchObject({
      code: 'NOT_OFFERED',
      message: 'No way to retrieve is left. WADO-RS: Nothing there. C-GET: Not allowed.',
      retryable: true,
    });
    expect(ways.map(({ state }) => state.asked)).toEqual([1, 1]);
  });

  it('the error of the only one is its own', async () => {
    const error = notOffered('no A');
    expect((await take([way('A', () => fails(error))])).error).toBe(error);
  });
});

it('a retrieval that is left is left at its source', async () => {
  const ways = [way('A', () => fails(notOffered('no A'))), way('B', () => gives('1', '2'))];
  for await (const _ of firstOffered(ways).retrieve(selection)) break;
  expect(ways[1]!.state.left).toBe(1);
});

it('disposes of all ways', async () => {
  const ways = [way('A', () => gives()), way('B', () => gives())];
  await firstOffered(ways)[Symbol.asyncDispose]();
  expect(ways.map(({ state }) => state.disposed)).toEqual([1, 1]);
});
