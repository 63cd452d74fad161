/**
 * The body of an answer whose errors are translated, and which is given up when it is left: also before it was begun,
 * which neither a Node stream nor an async generator notices by itself.
 */
export function guardBody(
  body: AsyncIterable<Uint8Array>,
  options: { translate: (error: unknown) => unknown; discard: () => Promise<void> },
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            return await iterator.next();
          } catch (error) {
            throw options.translate(error);
          }
        },
        async return() {
          await options.discard();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
