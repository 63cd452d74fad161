import { DicomError } from '../errors.ts';
import { isRetryable } from './problem.ts';
import type { DicomInstance, InstanceSource, RetrieveFailure, RetrieveOptions, Selection } from './types.ts';

/** One of several ways to retrieve from the same node. */
export interface RetrievalWay {
  /** As people call it: `WADO-RS`. */
  name: string;
  source: InstanceSource & Partial<AsyncDisposable>;
}

/** A way that turned out not to be offered. */
export interface PassedOverWay {
  name: string;
  /** What it said. */
  error: DicomError;
}

export interface FirstOfferedOptions {
  /** Told of each retrieval that has begun by which way it goes, and which ones before that are not offered. */
  onWay?: ((name: string, passedOver: readonly PassedOverWay[]) => void) | undefined;
}

/**
 * Makes one source of several ways to retrieve from a node: each retrieval goes by the first way that the node offers.
 *
 * The next way is tried only when one ends before its first instance with an error that its `isNotOffered` knows. Whatever
 * fails otherwise, before or in the middle, ends the retrieval with its own error: the next attempt asks for what is missing.
 * What was found not to be offered is not tried again in the life of this source.
 *
 * When no way is left, throws `DicomError` with code `NOT_OFFERED`, whose message repeats what each of them said; the error of
 * a single way as it is. Disposing of this source disposes of all.
 *
 * @param ways in the order they are to be tried
 *
 * @example
 * await using source = firstOffered([
 *   { name: 'WADO-RS', source: createDicomWebClient({ url }) },
 *   { name: 'C-GET', source: createDimseClient(node) },
 * ]);
 */
export function firstOffered(
  ways: readonly RetrievalWay[],
  options: FirstOfferedOptions = {},
): InstanceSource & AsyncDisposable {
  /** What each way said that is not offered. */
  const passedOver = new Map<RetrievalWay, DicomError>();
  const passedOverNow = (): PassedOverWay[] => [...passedOver].map(([{ name }, error]) => ({ name, error }));

  function retrieve(
    selection: Selection,
    retrieving: RetrieveOptions = {},
  ): AsyncIterator<DicomInstance, undefined> {
    let instances: AsyncIterator<DicomInstance> | undefined;
    let begun = false;
    let left = false;

    /** Tries one way; undefined where it is not offered. */
    async function tryWay(way: RetrievalWay): Promise<IteratorResult<DicomInstance> | undefined> {
      // What a way said that is passed over is nobody's failure.
      const held: RetrieveFailure[] = [];
      const onFailure = (failure: RetrieveFailure) =>
        begun ? retrieving.onFailure?.(failure) : held.push(failure);
      const begin = () => {
        begun = true;
        for (const failure of held) retrieving.onFailure?.(failure);
      };
      try {
        instances = way.source.retrieve(selection, { ...retrieving, onFailure })[Symbol.asyncIterator]();
        const first = await instances.next();
        options.onWay?.(way.name, passedOverNow());
        begin();
        return first;
      } catch (error) {
        const next = !left && !retrieving.signal?.aborted && error instanceof DicomError;
        if (begun || !next || !way.source.isNotOffered?.(error)) {
          if (!begun) begin();
          throw error;
        }
        passedOver.set(way, error);
        return undefined;
      }
    }

    return {
      async next() {
        if (instances && begun) return instances.next();
        for (const way of ways) {
          const first = passedOver.has(way) ? undefined : await tryWay(way);
          if (first) return first;
        }
        throw noneOffered(passedOverNow());
      },
      async return() {
        left = true;
        await instances?.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  return {
    retrieve: (selection, retrieving) => ({
      [Symbol.asyncIterator]: () => retrieve(selection, retrieving),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all(ways.map(({ source }) => source[Symbol.asyncDispose]?.()));
    },
  };
}

function noneOffered(passedOver: readonly PassedOverWay[]): DicomError {
  const errors = passedOver.map(({ error }) => error);
  if (errors.length === 1) return errors[0]!;
  const said = passedOver.map(({ name, error }) => `${name}: ${error.message}`);
  return new DicomError('NOT_OFFERED', `No way to retrieve is left. ${said.join(' ')}`, {
    cause: new AggregateError(errors),
    retryable: errors.some(isRetryable),
  });
}
