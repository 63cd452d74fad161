import { describe, expect, test, vi } from 'vitest';
import { IncomingDataset } from './incoming-dataset.ts';
import { ReadMemory } from './read-memory.ts';

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

describe('the memory that was read into', () => {
  /** A data set whose pieces come in chunks of four bytes, each in memory of its own. */
  function setUpChunks() {
    let memory: ReadMemory | undefined;
    const dataset = new IncomingDataset({ onQueued: () => {}, onTaken: () => {}, memory: () => memory });
    /** Pushes parts of a chunk, and gives its buffer. */
    const push = (...ends: number[]): ArrayBuffer => {
      const chunk = new Uint8Array([1, 2, 3, 4]);
      memory = new ReadMemory(chunk.buffer);
      let start = 0;
      for (const end of ends) {
        dataset.push(chunk.subarray(start, end));
        start = end;
      }
      memory.letGo();
      return chunk.buffer;
    };
    const take = async (): Promise<Uint8Array> => (await dataset.next()).value!;
    return { dataset, push, take };
  }

  test('goes back when all that lies in it is released', async () => {
    const { dataset, push, take } = setUpChunks();
    const first = push(2, 4);
    const second = push(4);
    const [a, b, c] = [await take(), await take(), await take()];
    dataset.release(a);
    expect(first.byteLength).toBe(4);
    expect(b).toEqual(new Uint8Array([3, 4]));
    dataset.release(b);
    expect(first.byteLength).toBe(0);
    expect(c).toEqual(new Uint8Array([1, 2, 3, 4]));
    expect(second.byteLength).toBe(4);
  });

  test('stays for who releases a part twice, or what is no part', async () => {
    const { dataset, push, take } = setUpChunks();
    const buffer = push(2, 4);
    const [a, b] = [await take(), await take()];
    dataset.release(a);
    dataset.release(a);
    dataset.release(b.subarray());
    dataset.release(new Uint8Array(buffer));
    expect(b).toEqual(new Uint8Array([3, 4]));
  });

  test('may have been transferred to somebody else', async () => {
    const { dataset, push, take } = setUpChunks();
    const buffer = push(4);
    const chunk = await take();
    const transferred = buffer.transfer();
    dataset.release(chunk);
    expect(new Uint8Array(transferred)).toEqual(new Uint8Array([1, 2, 3, 4]));
  });

  test('goes back when nobody wants what lies in it', async () => {
    const { dataset, push, take } = setUpChunks();
    const first = push(2, 4);
    const a = await take();
    const second = push(4);
    dataset.discard();
    expect(second.byteLength).toBe(0);
    expect(a).toEqual(new Uint8Array([1, 2]));
    dataset.release(a);
    expect(first.byteLength).toBe(0);
    expect(push(4).byteLength).toBe(0);
  });
});
