/**
 * Chunks that were read already and, after them, what is left of where they came from. Has one reader; leaving it early
 * ends the source, even before the first chunk was asked for.
 */
export function replay(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const pending = [...head];
  // A generator that nobody has begun would not pass its `return()` on.
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      const chunk = pending.shift();
      return chunk === undefined ? rest.next() : { done: false, value: chunk };
    },
    async return(value) {
      pending.length = 0;
      await rest.return?.();
      return { done: true, value };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
