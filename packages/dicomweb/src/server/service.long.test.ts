import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DicomInstance } from '@adit/core';
import { expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import { createNodeListener } from '../node/create-node-listener.ts';
import { createDicomWebSink } from '../stow/create-dicomweb-sink.ts';
import { largeInstance, PIXEL_BYTES } from '../testing/large-instance.ts';
import { createDicomWebHandler, type DicomWebHandlerOptions } from './create-dicomweb-handler.ts';

const MIB = 1024 * 1024;

async function serveHandler(options: DicomWebHandlerOptions) {
  const server = createServer({ requestTimeout: 0 }, createNodeListener(createDicomWebHandler(options)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Watches how much memory more than before is in use. */
function watchMemory() {
  const before = process.memoryUsage().rss;
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage().rss - before);
  };
  const timer = setInterval(look, 50);
  return {
    end: () => {
      clearInterval(timer);
      look();
      return peak / MIB;
    },
  };
}

async function lengthOf(dataset: AsyncIterable<Uint8Array>, pause = 0): Promise<number> {
  let bytes = 0;
  let chunks = 0;
  for await (const chunk of dataset) {
    bytes += chunk.length;
    // A slow one, every now and then.
    if (pause > 0 && ++chunks % 2_000 === 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return bytes;
}

it('stores and serves an instance of 2 GiB in constant memory, client and service together', async () => {
  let stored = 0;
  await using service = await serveHandler({
    sink: {
      async store({ dataset }) {
        stored = await lengthOf(dataset, 20);
        return { state: 'stored' };
      },
    },
    source: {
      async *retrieve() {
        yield largeInstance('1.2.3');
      },
    },
  });
  const { byteLength, ...unknown } = largeInstance('1.2.3');
  for (const instance of [largeInstance('1.2.3'), unknown] as DicomInstance[]) {
    stored = 0;
    await using sink = createDicomWebSink({ url: service.url });
    const memory = watchMemory();
    expect(await sink.store(instance)).toEqual({ state: 'stored' });
    expect(memory.end()).toBeLessThan(200);
    expect(stored).toBe(byteLength);
  }
  await using client = createDicomWebClient({ url: service.url });
  const memory = watchMemory();
  for await (const instance of client.retrieve({ studyInstanceUid: '1.2' })) {
    expect(await lengthOf(instance.dataset, 20)).toBe(byteLength);
  }
  expect(memory.end()).toBeLessThan(200);
  expect(byteLength).toBeGreaterThan(PIXEL_BYTES);
});
