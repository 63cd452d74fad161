/**
 * Chunks that were read already and, after them, what is left of where they came from. Has one reader; leaving it early
 * ends the source, even before the first chunk was asked for.
 */
export function replay(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const pending = [...head];
  let left = false;
  // A generator that nobody has begun would not pass its `return()` on.
  const iterator: AsyncIterator<Uint8Array> = {
    // Not `async`, which would make every chunk of an object wait for three more turns.
    next() {
      if (left) return Promise.resolve({ done: true, value: undefined });
      const chunk = pending.shift();
      return chunk === undefined ? rest.next() : Promise.resolve({ done: false, value: chunk });
    },
    async return(value) {
      left = true;
      pending.length = 0;
      await rest.return?.();
      return { done: true, value };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
