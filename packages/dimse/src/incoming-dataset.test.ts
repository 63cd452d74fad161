import { describe, expect, test, vi } from 'vitest';
import { IncomingDataset } from './incoming-dataset.ts';

function setUp() {
  const flow = { onQueued: vi.fn(), onTaken: vi.fn() };
  return { flow, dataset: new IncomingDataset(flow) };
}

function queued({ flow }: ReturnType<typeof setUp>): number {
  const sum = (calls: number[][]) => calls.reduce((total, [bytes = 0]) => total + bytes, 0);
  return sum(flow.onQueued.mock.calls) - sum(flow.onTaken.mock.calls);
}

describe('a data set that comes in', () => {
  test('is read in order, whether it waits or is waited for', async () => {
    const { dataset } = setUp();
    dataset.push(Buffer.from('a'));
    dataset.push(Buffer.from('b'));
    const read: string[] = [];
    const reading = (async () => {
      for await (const piece of dataset) read.push(Buffer.from(piece).toString());
    })();
    await Promise.resolve();
    for (const letter of 'cdefgh') {
      dataset.push(Buffer.from(letter));
      await Promise.resolve();
    }
    dataset.finish();
    await reading;
    expect(read.join('')).toBe('abcdefgh');
    expect(await dataset.settled).toBe('read');
  });

  test('keeps its order over many pieces that are taken while others come', async () => {
    const { dataset } = setUp();
    let pushed = 0;
    const read: number[] = [];
    for (let round = 0; round < 200; round++) {
      for (let at = 0; at < 3; at++) dataset.push(Buffer.from([pushed++ & 0xff]));
      for (let at = 0; at < 2; at++) read.push((await dataset.next()).value![0]!);
    }
    dataset.finish();
    for await (const piece of dataset) read.push(piece[0]!);
    expect(read).toEqual(Array.from({ length: 600 }, (_, index) => index & 0xff));
  });

  test('counts what waits for its reader', async () => {
    const all = setUp();
    all.dataset.push(Buffer.alloc(10));
    all.dataset.push(Buffer.alloc(20));
    // Each piece counts for what it holds beside its bytes.
    expect(queued(all)).toBe(10 + 128 + 20 + 128);
    await all.dataset.next();
    expect(queued(all)).toBe(20 + 128);
    await all.dataset.return();
    expect(queued(all)).toBe(0);
    all.dataset.push(Buffer.alloc(40));
    expect(queued(all)).toBe(0);
  });

  test('is refused when its reader leaves early, even at the last byte', async () => {
    const { dataset } = setUp();
    dataset.push(Buffer.from('a'));
    dataset.finish();
    for await (const _ of dataset) break;
    expect(await dataset.settled).toBe('refused');
    await dataset.arrived;
  });

  test('throws why it failed, to a reader that waits and to one that comes later', async () => {
    const { dataset } = setUp();
    const waiting = dataset.next();
    dataset.fail(new Error('lost'));
    await expect(waiting).rejects.toThrow('lost');
    await expect(dataset.next()).rejects.toThrow('lost');
    expect(await dataset.settled).toBe('failed');
    await dataset.arrived;
  });

  test('that is complete cannot fail any more', async () => {
    const { dataset } = setUp();
    dataset.push(Buffer.from('a'));
    dataset.finish();
    dataset.fail(new Error('lost'));
    expect(await dataset.next()).toMatchObject({ done: false });
    expect(await dataset.next()).toMatchObject({ done: true });
    expect(await dataset.settled).toBe('read');
  });

  test('has one reader', async () => {
    const { dataset } = setUp();
    void dataset.next();
    await expect(dataset.next()).rejects.toThrow(TypeError);
  });
});
