import type { RequestBody } from './transport.ts';

/** The body of one request under way. */
export interface WatchedBody {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** What reading it threw: an error of the body rather than of the connection. */
  readonly failure: { error: unknown } | undefined;
  /** The request is over: whoever still waits for bytes waits in vain, and where they come from is told. */
  stop(): void;
}

/** Opens a body for one request, and tells errors of the body from those of the connection. */
export function watchBody(body: RequestBody): WatchedBody {
  const iterator = body.open()[Symbol.asyncIterator]();
  // An error, for a body that merely ended would make the half message a whole one.
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {});
  let failure: { error: unknown } | undefined;
  let over = false;
  const stop = () => {
    if (over) return;
    over = true;
    stopped.reject(new Error('The request is over.'));
    // It may be in the middle of something: it is told, not waited for.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  };
  return {
    bytes: {
      [Symbol.asyncIterator]: () => ({
        async next() {
          if (over) return stopped.promise;
          const next = iterator.next().catch((error: unknown) => {
            if (!over) failure = { error };
            throw error;
          });
          const result = await Promise.race([next, stopped.promise]);
          if (result.done) over = true;
          return result;
        },
        async return() {
          stop();
          return { done: true, value: undefined };
        },
      }),
    },
    get failure() {
      return failure;
    },
    stop,
  };
}
