import { setTimeout as sleep } from 'node:timers/promises';
import { type DicomInstance, SopClass, TransferSyntax } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { listen } from './scp/listen.ts';

const MEGABYTE = 1024 * 1024;
const SIZE = 300 * MEGABYTE;
const RATE = 20 * MEGABYTE;

/** An object of 300 MB that is made as it is read. */
function large(): DicomInstance {
  return {
    sopClassUid: SopClass.CtImageStorage,
    sopInstanceUid: '1.2.3',
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
    dataset: {
      async *[Symbol.asyncIterator]() {
        for (let sent = 0; sent < SIZE; sent += MEGABYTE) yield Buffer.alloc(MEGABYTE, 1);
      },
    },
  };
}

/** Takes 20 MB a second, and gives the most memory held meanwhile, in bytes above that of the beginning. */
async function drain(dataset: AsyncIterable<Uint8Array>): Promise<{ length: number; memory: number }> {
  const held = () => {
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  };
  const [start, before] = [performance.now(), held()];
  let [length, memory] = [0, 0];
  for await (const piece of dataset) {
    length += piece.length;
    const early = (length / RATE) * 1000 - (performance.now() - start);
    if (early > 5) await sleep(early);
    memory = Math.max(memory, held() - before);
  }
  return { length, memory };
}

describe('a sink of 20 MB/s', () => {
  const limit = 128 * MEGABYTE;

  test('behind a server slows the peer down', { timeout: 120_000 }, async () => {
    let taken: { length: number; memory: number } | undefined;
    await using server = await listen({
      aeTitle: 'SLOW',
      host: '127.0.0.1',
      port: 0,
      handlers: {
        store: async ({ dataset }) => {
          taken = await drain(dataset);
          return 0;
        },
      },
    });
    await using sink = createDimseSink({ aeTitle: 'SLOW', host: '127.0.0.1', port: server.port });
    expect((await sink.store(large())).state).toBe('stored');
    expect(taken!.length).toBe(SIZE);
    expect(taken!.memory).toBeLessThan(limit);
  });

  test('behind a client slows the peer down', { timeout: 120_000 }, async () => {
    await using server = await listen({
      aeTitle: 'FAST',
      host: '127.0.0.1',
      port: 0,
      handlers: {
        get: () => ({
          count: 1,
          instances: (async function* () {
            yield large();
          })(),
        }),
      },
    });
    await using client = createDimseClient({ aeTitle: 'FAST', host: '127.0.0.1', port: server.port });
    const sopClassUids = [SopClass.CtImageStorage];
    for await (const { dataset } of client.retrieve({ studyInstanceUid: '1.2' }, { sopClassUids })) {
      const { length, memory } = await drain(dataset);
      expect(length).toBe(SIZE);
      expect(memory).toBeLessThan(limit);
    }
  });
});
