import { describe, expect, it } from 'vitest';
import { oneReader } from './one-reader.ts';

const late = () => new Error('too late');

function source() {
  const state = { left: false };
  let chunk = 0;
  const bytes: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => bytes,
    next: async () =>
      chunk++ < 3 ? { done: false, value: Uint8Array.of(chunk) } : { done: true, value: undefined },
    return: async () => {
      state.left = true;
      return { done: true, value: undefined };
    },
  };
  return { bytes, state };
}

const isSettled = (promise: Promise<void>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, 10, false))]);

describe('oneReader', () => {
  it('is settled when the data set was read to its end', async () => {
    const reader = oneReader(source().bytes, late);
    await reader.dataset.next();
    const settled = reader.settled();
    expect(await isSettled(settled)).toBe(false);
    const rest: number[] = [];
    for await (const chunk of reader.dataset) rest.push(...chunk);
    expect(rest).toEqual([2, 3]);
    expect(await isSettled(settled)).toBe(true);
  });

  it('is settled when the data set was left, begun or not', async () => {
    for (const begun of [true, false]) {
      const { bytes, state } = source();
      const reader = oneReader(bytes, late);
      if (begun) await reader.dataset.next();
      await reader.dataset.return?.();
      expect(state.left).toBe(true);
      expect(await isSettled(reader.settled())).toBe(true);
      expect(await reader.dataset.next()).toEqual({ done: true, value: undefined });
    }
  });

  it('refuses a data set that nobody has begun to read', async () => {
    const { bytes, state } = source();
    const reader = oneReader(bytes, late);
    await reader.settled();
    expect(state.left).toBe(true);
    await expect(reader.dataset.next()).rejects.toThrow('too late');
  });

  it('is settled when reading fails, and passes the error on', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error('cut');
    }
    const reader = oneReader(failing(), late);
    await reader.dataset.next();
    await expect(reader.dataset.next()).rejects.toThrow('cut');
    expect(await isSettled(reader.settled())).toBe(true);
  });

  it('can be given up while somebody reads', async () => {
    const reader = oneReader(source().bytes, late);
    await reader.dataset.next();
    const settled = reader.settled();
    reader.giveUp(new Error('no more'));
    expect(await isSettled(settled)).toBe(true);
    // An end would look as if this were all.
    await expect(reader.dataset.next()).rejects.toThrow('no more');
  });

  it('can be given up while somebody waits for bytes that never come', async () => {
    let left = false;
    const silent: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => silent,
      next: () => new Promise(() => {}),
      return: async () => {
        left = true;
        return { done: true, value: undefined };
      },
    };
    const reader = oneReader(silent, late);
    const reading = reader.dataset.next();
    reader.giveUp(new Error('no more'));
    await expect(reading).rejects.toThrow('no more');
    expect(await isSettled(reader.settled())).toBe(true);
    // Whoever sends learns that nobody reads any more.
    expect(left).toBe(true);
  });

  it('leaves a data set alone that was read to its end when it is given up', async () => {
    const { bytes, state } = source();
    const reader = oneReader(bytes, late);
    for await (const _ of reader.dataset);
    reader.giveUp(new Error('no more'));
    expect(state.left).toBe(false);
  });
});
