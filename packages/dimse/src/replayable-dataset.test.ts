import { expect, test } from 'vitest';
import { ReplayableDataset } from './replayable-dataset.ts';

async function* letters(text: string) {
  for (const letter of text) yield Buffer.from(letter);
}

async function readAll(dataset: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of dataset) text += Buffer.from(piece).toString();
  return text;
}

test('begins anew with what was read', async () => {
  const dataset = new ReplayableDataset(letters('abcdef'));
  let count = 0;
  for await (const _ of dataset) if (++count === 3) break;
  expect(dataset.repeatable).toBe(true);
  expect(await readAll(dataset)).toBe('abcdef');
  expect(await readAll(dataset)).toBe('abcdef');
});

test('loses nothing that a given up pass was still waiting for', async () => {
  const gate = Promise.withResolvers<void>();
  const dataset = new ReplayableDataset(
    (async function* () {
      yield Buffer.from('a');
      await gate.promise;
      yield Buffer.from('b');
      yield Buffer.from('c');
    })(),
  );
  const first = dataset[Symbol.asyncIterator]();
  await first.next();
  const abandoned = first.next();
  const second = readAll(dataset);
  gate.resolve();
  expect(await second).toBe('abc');
  await abandoned;
});

test('goes on after it forgot, and cannot begin anew', async () => {
  const dataset = new ReplayableDataset(letters('abc'));
  const pass = dataset[Symbol.asyncIterator]();
  await pass.next();
  dataset.forget();
  expect(dataset.repeatable).toBe(false);
  expect(Buffer.from((await pass.next()).value!).toString()).toBe('b');
});

test.each([true, false])('throws what its source throws (forgotten: %s)', async (forgotten) => {
  const error = new Error('source');
  const dataset = new ReplayableDataset(
    // biome-ignore lint/correctness/useYield: a source that fails at once
    (async function* () {
      throw error;
    })(),
  );
  if (forgotten) dataset.forget();
  await expect(readAll(dataset)).rejects.toBe(error);
  expect(dataset.failure).toEqual({ error });
  expect(dataset.repeatable).toBe(false);
});

test('tells the source that no more is wanted, unless it has ended', async () => {
  let returned = 0;
  const source = (length: number) => ({
    [Symbol.asyncIterator]: () => ({
      next: async () =>
        length-- > 0 ? { done: false, value: Buffer.from('a') } : { done: true, value: undefined },
      return: async () => {
        returned += 1;
        return { done: true, value: undefined };
      },
    }),
  });
  const early = new ReplayableDataset(source(3) as AsyncIterable<Uint8Array>);
  await early[Symbol.asyncIterator]().next();
  await early.dispose();
  expect(returned).toBe(1);
  const whole = new ReplayableDataset(source(3) as AsyncIterable<Uint8Array>);
  await readAll(whole);
  await whole.dispose();
  expect(returned).toBe(1);
});
