import type { AbortableOptions } from '../query/types.ts';
import type { OneReader } from './one-reader.ts';
import type { DicomInstance } from './types.ts';

/** What a retrieval under way gets. */
export interface RetrievalContext {
  /** Aborted by the caller, or because the iteration was left. */
  signal: AbortSignal;
  /** Is told each reader that instances are held back for. */
  onReader: (reader: OneReader) => void;
}

/**
 * Makes what `InstanceSource.retrieve` returns of a generator whose `next` may wait for the reader of a data set. A
 * generator alone would let `return` wait as well: here, leaving the iteration or aborting it ends that.
 */
export function retrieval(
  options: AbortableOptions,
  run: (context: RetrievalContext) => AsyncGenerator<DicomInstance, void, undefined>,
): AsyncIterable<DicomInstance> {
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
      let current: OneReader | undefined;
      signal.addEventListener('abort', () => current?.giveUp(signal.reason), { once: true });
      const instances = run({
        signal,
        onReader: (reader) => {
          current = reader;
        },
      });
      return {
        next: () => instances.next(),
        return() {
          left.abort();
          return instances.return();
        },
      };
    },
  };
}
