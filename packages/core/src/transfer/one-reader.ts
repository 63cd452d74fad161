/**
 * A data set as `InstanceSource` wants it: whoever gives the next instance waits until its reader is through, or refuses
 * the data set when nobody has begun to read it.
 */
export interface OneReader {
  /** Like an async generator: an iterator, which everybody who asks for one gets. */
  readonly dataset: AsyncIterableIterator<Uint8Array, undefined>;
  /** Resolves when the data set was read to its end, left or failed. When nobody has begun, at once: it is refused. */
  settled(): Promise<void>;
  /** Lets `settled` resolve although a reader is at work, who gets this error instead of what is left. */
  giveUp(error: unknown): void;
}

/**
 * @param bytes of the data set. Their `return` is called when the data set is left or refused.
 * @param refused makes the error for a reader who comes too late
 */
export function oneReader(bytes: AsyncIterable<Uint8Array>, refused: () => Error): OneReader {
  const iterator = bytes[Symbol.asyncIterator]();
  const gone = Promise.withResolvers<void>();
  let state: 'unread' | 'reading' | 'left' | 'refused' = 'unread';
  let refusal: unknown;
  let ended = false;
  /** Ends the reading that is under way. */
  let interrupt: ((error: unknown) => void) | undefined;

  const isRefused = () => state === 'refused';

  const dataset: OneReader['dataset'] = {
    [Symbol.asyncIterator]: () => dataset,
    async next() {
      if (isRefused()) throw refusal ?? refused();
      if (state === 'left') return { done: true, value: undefined };
      state = 'reading';
      try {
        const result = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
          interrupt = reject;
          iterator.next().then(resolve, reject);
        });
        if (!result.done) return result;
        // Given up meanwhile: the bytes did not end, they were ended.
        if (isRefused()) throw refusal;
        ended = true;
        gone.resolve();
        return { done: true, value: undefined };
      } catch (error) {
        ended = !isRefused();
        gone.resolve();
        throw error;
      }
    },
    async return() {
      ended = true;
      if (state !== 'refused') state = 'left';
      try {
        await iterator.return?.();
      } finally {
        gone.resolve();
      }
      return { done: true, value: undefined };
    },
  };

  return {
    dataset,
    async settled() {
      if (state !== 'unread') return gone.promise;
      state = 'refused';
      await iterator.return?.();
    },
    giveUp(error) {
      if (state !== 'left') state = 'refused';
      refusal ??= error;
      // The bytes it waits for may never come.
      interrupt?.(refusal);
      // Whoever sends is told, not waited for.
      if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
      gone.resolve();
    },
  };
}
