import { describe, expect, it } from 'vitest';
import { oneReader } from './one-reader.ts';
import { retrieval } from './retrieval.ts';
import type { DicomInstance } from './types.ts';

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Uint8Array.of(0);
}

/** A source of instances whose data sets never end. */
function source(signal?: AbortSignal) {
  const state = { ended: false };
  const instances = retrieval(signal ? { signal } : {}, async function* (context) {
    try {
      for (let i = 1; ; i++) {
        context.signal.throwIfAborted();
        const reader = oneReader(endless(), () => new Error('late'));
        context.onReader(reader);
        yield {
          sopClassUid: '1.2',
          sopInstanceUid: `1.${i}`,
          transferSyntaxUid: '1.2',
          dataset: reader.dataset,
        } satisfies DicomInstance;
        await reader.settled();
      }
    } finally {
      state.ended = true;
    }
  });
  return { instances, state };
}

describe('retrieval', () => {
  it('goes on when an instance was left', async () => {
    const { instances, state } = source();
    const uids: string[] = [];
    for await (const instance of instances) {
      for await (const _ of instance.dataset) break;
      uids.push(instance.sopInstanceUid);
      if (uids.length === 3) break;
    }
    expect(uids).toEqual(['1.1', '1.2', '1.3']);
    expect(state.ended).toBe(true);
  });

  it('can be left while the next instance waits for a reader', async () => {
    const { instances, state } = source();
    const iterator = instances[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    await value.dataset[Symbol.asyncIterator]().next();
    const pending = iterator.next();
    pending.catch(() => {});
    await iterator.return?.();
    expect(state.ended).toBe(true);
    await expect(value.dataset[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'AbortError' });
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('ends with the reason of its signal, whatever a reader does', async () => {
    const controller = new AbortController();
    const { instances, state } = source(controller.signal);
    const iterator = instances[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    await value.dataset[Symbol.asyncIterator]().next();
    const pending = iterator.next();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(state.ended).toBe(true);
  });
});
