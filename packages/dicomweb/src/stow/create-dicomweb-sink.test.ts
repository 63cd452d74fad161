import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  readPart10,
  type StoreOutcome,
} from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { describe, expect, it } from 'vitest';
import { parseMediaType } from '../multipart/media-type.ts';
import { parseMultipart } from '../multipart/parse-multipart.ts';
import type { DicomWebServiceOptions } from '../service.ts';
import { collect } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';
import { createDicomWebSink, type DicomWebSinkOptions } from './create-dicomweb-sink.ts';

const slices = Array.from({ length: 6 }, (_, i) =>
  syntheticInstance({ kind: 'CT', rows: 64, instances: 6, instanceNumber: i + 1 }),
);
const uids = slices.map(({ sopInstanceUid }) => sopInstanceUid);

interface Arrived {
  sopInstanceUid: string;
  bytes: Uint8Array;
  /** Its part said how long it is. */
  announced: boolean;
}

/** Reads the instances of one request. */
async function instancesOf(request: IncomingMessage): Promise<Arrived[]> {
  const { type, parameters } = parseMediaType(request.headers['content-type']);
  expect(type).toBe('multipart/related');
  expect(parameters.get('type')).toBe('application/dicom');
  const arrived: Arrived[] = [];
  for await (const part of parseMultipart(request, parameters.get('boundary')!)) {
    expect(part.headers.get('content-type')).toBe('application/dicom');
    const file = await collect(part.body);
    const length = part.headers.get('content-length');
    if (length !== undefined) expect(Number(length)).toBe(file.length);
    const { sopInstanceUid, dataset } = await readPart10(ReadableStream.from([file]));
    arrived.push({ sopInstanceUid, bytes: await collect(dataset), announced: length !== undefined });
  }
  return arrived;
}

const stored = (sopInstanceUid: string, warning?: number) => ({
  ReferencedSOPInstanceUID: sopInstanceUid,
  WarningReason: warning,
});
const refused = (sopInstanceUid: string, reason?: number) => ({
  ReferencedSOPInstanceUID: sopInstanceUid,
  FailureReason: reason,
});

function reply(response: ServerResponse, status: number, answer: Attributes | Attributes[]): void {
  response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(answer));
}

/** A service that stores everything, and how many instances came in each request. */
function takesAll(arrived: Arrived[][]): RequestListener {
  return async (request, response) => {
    const instances = await instancesOf(request);
    arrived.push(instances);
    const list = instances.map(({ sopInstanceUid }) => stored(sopInstanceUid));
    reply(response, 200, attributesFrom({ ReferencedSOPSequence: list }));
  };
}

type Outcome = StoreOutcome | { error: unknown };

/** Stores all at once at a server that answers as told. */
async function storeAt(
  listener: RequestListener,
  instances: readonly DicomInstance[],
  options: Partial<DicomWebServiceOptions> = {},
  sinkOptions: DicomWebSinkOptions = {},
): Promise<{ outcomes: Outcome[]; requests: string[] }> {
  await using server = await serve(listener);
  await using sink = createDicomWebSink({ url: `${server.url}/dicom-web`, ...options }, sinkOptions);
  const outcomes = await Promise.all(
    instances.map((one) => sink.store(one).catch((error: unknown) => ({ error }))),
  );
  return { outcomes, requests: server.requests };
}

/** Of unknown length, so that it goes alone and in chunks. */
function streamed(instance: DicomInstance, dataset = instance.dataset): DicomInstance {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = instance;
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset };
}

describe('createDicomWebSink', () => {
  it('stores instances byte for byte, whether their length is known or not', async () => {
    const arrived: Arrived[][] = [];
    const lengths: (string | undefined)[] = [];
    const { outcomes, requests } = await storeAt(
      (request, response) => {
        lengths.push(request.headers['content-length']);
        takesAll(arrived)(request, response);
      },
      [slices[0]!, streamed(slices[1]!)],
    );
    expect(outcomes).toEqual([{ state: 'stored' }, { state: 'stored' }]);
    expect(requests).toEqual(['POST /dicom-web/studies', 'POST /dicom-web/studies']);
    expect(lengths.filter((length) => length !== undefined)).toHaveLength(1);
    for (const { sopInstanceUid, bytes } of arrived.flat()) {
      const slice = slices.find((one) => one.sopInstanceUid === sopInstanceUid)!;
      expect(bytes).toEqual(await collect(slice.dataset));
    }
    expect(arrived.flat()).toHaveLength(2);
    expect(arrived.flat().filter(({ announced }) => announced)).toMatchObject([{ sopInstanceUid: uids[0] }]);
  });

  it('puts several instances into a request, within bounds of number and bytes', async () => {
    const countsOf = async (options: DicomWebSinkOptions) => {
      const arrived: Arrived[][] = [];
      await storeAt(takesAll(arrived), slices, {}, { maxRequests: 1, ...options });
      return arrived.map((instances) => instances.length);
    };
    // The first is on its way before the others come.
    expect(await countsOf({})).toEqual([1, 5]);
    expect(await countsOf({ maxInstancesPerRequest: 2 })).toEqual([1, 2, 2, 1]);
    expect(await countsOf({ maxRequestBytes: slices[0]!.byteLength! * 3.5 })).toEqual([1, 3, 2]);
    expect(await countsOf({ maxRequestBytes: 1000 })).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('keeps to its number of requests at once', async () => {
    let now = 0;
    let most = 0;
    const arrived: Arrived[][] = [];
    await storeAt(
      async (request, response) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 20));
        now -= 1;
        takesAll(arrived)(request, response);
      },
      slices,
      {},
      { maxRequests: 2, maxInstancesPerRequest: 1 },
    );
    expect(most).toBe(2);
    expect(arrived.flat()).toHaveLength(6);
  });

  it('never puts two instances of one UID into a request', async () => {
    const arrived: Arrived[][] = [];
    const { outcomes } = await storeAt(
      takesAll(arrived),
      [slices[0]!, slices[1]!, slices[1]!, slices[2]!],
      {},
      { maxRequests: 1 },
    );
    expect(arrived.map((one) => one.map(({ sopInstanceUid }) => sopInstanceUid))).toEqual([
      [uids[0]],
      [uids[1], uids[2]],
      [uids[1]],
    ]);
    expect(outcomes).toEqual(Array(4).fill({ state: 'stored' }));
  });

  it('reads from the answer what became of each instance', async () => {
    const { outcomes } = await storeAt(
      async (request, response) => {
        const instances = await instancesOf(request);
        const lists: Record<string, { ReferencedSOPSequence?: object[]; FailedSOPSequence?: object[] }> = {
          [uids[0]!]: { ReferencedSOPSequence: [stored(uids[0]!)] },
          [uids[1]!]: { ReferencedSOPSequence: [stored(uids[1]!, 0xb000)] },
          [uids[2]!]: { FailedSOPSequence: [refused(uids[2]!, 0xa700)] },
          [uids[3]!]: { FailedSOPSequence: [refused(uids[3]!, 0x0122)] },
          [uids[4]!]: { FailedSOPSequence: [refused(uids[4]!, 0x0111)] },
          [uids[5]!]: {},
        };
        const own = instances.map(({ sopInstanceUid }) => lists[sopInstanceUid]!);
        const list = (key: 'ReferencedSOPSequence' | 'FailedSOPSequence') =>
          own.flatMap((one) => one[key] ?? []);
        reply(
          response,
          202,
          attributesFrom({
            ReferencedSOPSequence: list('ReferencedSOPSequence') as never,
            FailedSOPSequence: list('FailedSOPSequence') as never,
          }),
        );
      },
      slices,
      {},
      { maxRequests: 1 },
    );
    expect(outcomes).toMatchObject([
      { state: 'stored' },
      { state: 'warning', status: 0xb000, message: expect.stringContaining('B000') },
      { state: 'failed', status: 0xa700, retryable: true, message: expect.stringContaining('resources') },
      { state: 'failed', status: 0x0122, retryable: false, message: expect.stringContaining('SOP class') },
      { state: 'present', status: 0x0111 },
      { state: 'failed', status: 202, retryable: true },
    ]);
    for (const outcome of outcomes) expect(JSON.stringify(outcome)).not.toContain(uids[0]!.slice(0, 12));
  });

  it('takes a 409 that lists failures for what it says', async () => {
    const { outcomes, requests } = await storeAt(
      async (request, response) => {
        await instancesOf(request);
        reply(response, 409, attributesFrom({ FailedSOPSequence: [refused(uids[0]!, 0xa900)] }));
      },
      [slices[0]!],
    );
    expect(outcomes).toMatchObject([{ state: 'failed', status: 0xa900, retryable: false }]);
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['a list with one data set', 'application/json', (json: string) => `[${json}]`],
    [
      'XML',
      'application/dicom+xml',
      () => `<?xml version="1.0" encoding="UTF-8"?>
        <NativeDicomModel xml:space="preserve">
          <DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">
            <DicomAttribute tag="00081155" vr="UI"><Value number="1">${uids[0]}</Value></DicomAttribute>
          </Item></DicomAttribute>
        </NativeDicomModel>`,
    ],
  ])('understands %s as answer', async (_, type, body) => {
    const { outcomes } = await storeAt(
      async (request, response) => {
        await instancesOf(request);
        const json = JSON.stringify(attributesFrom({ ReferencedSOPSequence: [stored(uids[0]!)] }));
        response.writeHead(200, { 'content-type': type }).end(body(json));
      },
      [slices[0]!],
    );
    expect(outcomes).toEqual([{ state: 'stored' }]);
  });

  it.each([
    ['an answer without lists', 200, '{}', { state: 'stored', status: 200 }],
    ['no body', 200, '', { state: 'warning', status: 200 }],
    ['202 without lists', 202, '{}', { state: 'warning', status: 202 }],
    ['400', 400, 'bad', { state: 'failed', status: 400, retryable: false }],
    ['409 without lists', 409, '{}', { state: 'failed', status: 409, retryable: true }],
    ['413', 413, 'too large', { state: 'failed', status: 413, message: expect.stringContaining('large') }],
    ['415', 415, 'what?', { state: 'failed', status: 415, retryable: false }],
    ['500', 500, 'Doe^John', { state: 'failed', status: 500, retryable: true }],
    ['503', 503, 'later', { state: 'failed', status: 503, retryable: true }],
    ['broken JSON', 200, '{', { state: 'failed', message: expect.stringContaining('not DICOM JSON') }],
  ])('makes an outcome of %s', async (_, status, body, outcome) => {
    const { outcomes } = await storeAt(
      async (request, response) => {
        await instancesOf(request);
        response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(body);
      },
      [slices[0]!],
    );
    expect(outcomes).toMatchObject([outcome]);
    expect(JSON.stringify(outcomes)).not.toContain('Doe');
  });

  it.each([
    [401, 'text/html', 'UNAUTHORIZED'],
    [403, 'text/html', 'UNAUTHORIZED'],
    [404, 'text/html', 'NOT_FOUND'],
    [200, 'text/html', 'UNEXPECTED_ANSWER'],
    [301, 'text/html', 'UNEXPECTED_ANSWER'],
  ])('throws where every instance would meet the same: %i with %s', async (status, type, code) => {
    const { outcomes } = await storeAt(
      async (request, response) => {
        await instancesOf(request);
        response.writeHead(status, { 'content-type': type, location: '/elsewhere' }).end('<html>');
      },
      [slices[0]!],
    );
    expect(outcomes).toMatchObject([{ error: { code } }]);
  });

  it('throws when nobody listens', async () => {
    const dead = await serve(() => {});
    await dead[Symbol.asyncDispose]();
    await using sink = createDicomWebSink({ url: dead.url });
    await expect(sink.store(slices[0]!)).rejects.toMatchObject({ code: 'CONNECT', retryable: true });
  });

  it('keeps one bad instance from taking others with it', async () => {
    const arrived: Arrived[][] = [];
    const { outcomes } = await storeAt(
      async (request, response) => {
        const instances = await instancesOf(request);
        if (instances.some(({ sopInstanceUid }) => sopInstanceUid === uids[3])) {
          response.writeHead(400).end();
          return;
        }
        arrived.push(instances);
        const list = instances.map(({ sopInstanceUid }) => stored(sopInstanceUid));
        reply(response, 200, attributesFrom({ ReferencedSOPSequence: list }));
      },
      slices,
      {},
      { maxRequests: 1 },
    );
    expect(outcomes.map((outcome) => 'state' in outcome && outcome.state)).toEqual([
      'stored',
      'stored',
      'stored',
      'failed',
      'stored',
      'stored',
    ]);
    expect(arrived.flat()).toHaveLength(5);
  });

  it('sends again what broke before an answer had begun', async () => {
    const arrived: Arrived[][] = [];
    let times = 0;
    const { outcomes } = await storeAt(
      (request, response) => {
        if (times++ < 2) request.socket.destroy();
        else takesAll(arrived)(request, response);
      },
      [slices[0]!, streamed(slices[1]!)],
    );
    expect(outcomes).toEqual([{ state: 'stored' }, { state: 'stored' }]);
    for (const { sopInstanceUid, bytes } of arrived.flat()) {
      const slice = slices.find((one) => one.sopInstanceUid === sopInstanceUid)!;
      expect(bytes).toEqual(await collect(slice.dataset));
    }
  });

  it('makes a failure of an instance that is no longer at hand when the connection breaks', async () => {
    const large = syntheticInstance({ kind: 'CT', rows: 2048 });
    const { outcomes, requests } = await storeAt(
      (request) => {
        let bytes = 0;
        request.on('data', (chunk: Uint8Array) => {
          bytes += chunk.length;
          if (bytes > 4_000_000) request.socket.destroy();
        });
      },
      [large],
      {},
      { maxRequestBytes: 1_000_000 },
    );
    expect(outcomes).toMatchObject([{ state: 'failed', retryable: true }]);
    expect(requests).toHaveLength(1);
  });

  it('never finishes half an object, and throws what its data set throws', async () => {
    const trouble = new Error('codec failed');
    const arriving = Promise.withResolvers<void>();
    async function* breaking() {
      yield new Uint8Array(10_000);
      await arriving.promise;
      throw trouble;
    }
    let ended = 0;
    const closed = Promise.withResolvers<void>();
    await using server = await serve((request) => {
      request.on('end', () => ended++).on('close', closed.resolve);
      request.on('error', () => {}).on('data', () => arriving.resolve());
    });
    await using sink = createDicomWebSink({ url: server.url });
    await expect(sink.store(streamed(slices[0]!, breaking()))).rejects.toBe(trouble);
    await closed.promise;
    expect(ended).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it('sends again those that shared a request with one that broke', async () => {
    const trouble = new Error('codec failed');
    const broken = {
      ...slices[3]!,
      dataset: (async function* () {
        yield new Uint8Array(10);
        throw trouble;
      })(),
    };
    const arrived: Arrived[][] = [];
    const { outcomes } = await storeAt(
      async (request, response) => {
        request.on('error', () => {});
        try {
          const instances = await instancesOf(request);
          arrived.push(instances);
          const list = instances.map(({ sopInstanceUid }) => stored(sopInstanceUid));
          reply(response, 200, attributesFrom({ ReferencedSOPSequence: list }));
        } catch {
          response.destroy();
        }
      },
      [slices[0]!, slices[1]!, broken, slices[2]!],
      {},
      { maxRequests: 1 },
    );
    expect(outcomes).toEqual([
      { state: 'stored' },
      { state: 'stored' },
      { error: trouble },
      { state: 'stored' },
    ]);
    expect(
      arrived
        .flat()
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .sort(),
    ).toEqual(uids.slice(0, 3).sort());
  });

  it.each([
    ['shorter', -10],
    ['longer', 10],
  ])('refuses to send an instance that is %s than announced', async (_, difference) => {
    const [slice] = slices;
    const wrong = { ...slice!, byteLength: slice!.byteLength! + difference };
    const arrived: Arrived[][] = [];
    const { outcomes } = await storeAt(
      (request, response) => {
        request.on('error', () => {});
        void takesAll(arrived)(request, response);
      },
      [wrong],
    );
    expect(outcomes).toMatchObject([{ error: { code: 'LENGTH_MISMATCH' } }]);
    expect(arrived).toEqual([]);
  });

  it('ends the request of an instance that is aborted, throws the reason, and sends the others again', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = Promise.withResolvers<void>();
    const arrived: Arrived[][] = [];
    let answers = false;
    await using server = await serve(async (request, response) => {
      request.on('error', () => {});
      if (answers) return takesAll(arrived)(request, response);
      for await (const _ of request);
      waiting.resolve();
    });
    await using sink = createDicomWebSink({ url: server.url }, { maxRequests: 1 });
    const first = sink.store(slices[0]!, { signal: controller.signal });
    const others = [sink.store(slices[1]!), sink.store(slices[2]!)];
    await waiting.promise;
    answers = true;
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(await Promise.all(others)).toEqual([{ state: 'stored' }, { state: 'stored' }]);
    expect(arrived.flat().map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([uids[1], uids[2]]);
  });

  it('ends what is under way and what waits when it is disposed of', async () => {
    await using server = await serve((request) => void request.resume());
    const sink = createDicomWebSink({ url: server.url }, { maxRequests: 1 });
    const stores = slices.map((slice) => expect(sink.store(slice)).rejects.toMatchObject({ code: 'CLOSED' }));
    await expect.poll(() => server.requests.length).toBe(1);
    await sink[Symbol.asyncDispose]();
    await Promise.all(stores);
    await expect(sink.store(slices[0]!)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('says that a service does not answer in time, or stops in the middle of its answer', async () => {
    const never = await storeAt((request) => void request.resume(), [slices[0]!], { answerTimeout: 100 });
    expect(never.outcomes).toMatchObject([{ state: 'failed', retryable: true }]);
    expect(never.requests).toHaveLength(1);
    const half = await storeAt(
      async (request, response) => {
        await instancesOf(request);
        response.writeHead(200, { 'content-type': 'application/dicom+json' }).write('{"0008');
      },
      [slices[0]!],
      { idleTimeout: 100 },
    );
    expect(half.outcomes).toMatchObject([{ state: 'failed', retryable: true }]);
  });

  it('follows a redirect that keeps the request, on the same server', async () => {
    const arrived: Arrived[][] = [];
    const { outcomes } = await storeAt(
      (request, response) => {
        if (request.url === '/dicom-web/studies') {
          request.resume();
          response.writeHead(308, { location: '/new/studies' }).end();
        } else takesAll(arrived)(request, response);
      },
      [slices[0]!],
    );
    expect(outcomes).toEqual([{ state: 'stored' }]);
    expect(arrived.flat()).toHaveLength(1);
  });

  it('stores below a study', async () => {
    const { requests } = await storeAt(takesAll([]), [slices[0]!], {}, { studyInstanceUid: '1.2' });
    expect(requests).toEqual(['POST /dicom-web/studies/1.2']);
    expect(() => createDicomWebSink({ url: 'http://pacs' }, { studyInstanceUid: '../x' })).toThrow(
      expect.objectContaining({ code: 'INVALID_QUERY' }),
    );
  });

  it('asks for a new authorization when the old one is refused, once for all, and sends again', async () => {
    const asked: (string | undefined)[] = [];
    const arrived: Arrived[][] = [];
    let late = 0;
    const { outcomes } = await storeAt(
      (request, response) => {
        if (request.headers.authorization === 'Bearer new') return takesAll(arrived)(request, response);
        // Early, as servers do it: before the body was read.
        late += 1;
        response.writeHead(401, { connection: 'close' }).end();
        request.on('error', () => {}).resume();
      },
      [slices[0]!, slices[1]!],
      {
        authorization: async ({ refused }) => {
          asked.push(refused);
          await new Promise((resolve) => setTimeout(resolve, 20));
          return refused === undefined ? 'Bearer old' : 'Bearer new';
        },
      },
      { maxRequests: 2 },
    );
    expect(outcomes).toEqual([{ state: 'stored' }, { state: 'stored' }]);
    expect(late).toBe(2);
    expect(asked).toEqual([undefined, 'Bearer old']);
    for (const { sopInstanceUid, bytes } of arrived.flat()) {
      const slice = slices.find((one) => one.sopInstanceUid === sopInstanceUid)!;
      expect(bytes).toEqual(await collect(slice.dataset));
    }
  });

  it('holds the source back while the service is slow', async () => {
    let produced = 0;
    async function* endless() {
      for await (const chunk of slices[0]!.dataset) {
        yield chunk.subarray(0, 2_000);
        break;
      }
      for (; produced < 64 * 1024 * 1024; produced += 65_536) yield new Uint8Array(65_536);
    }
    await using server = await serve(async (request) => {
      request.on('error', () => {});
      request.pause();
      await once(request.socket, 'close').catch(() => {});
    });
    await using sink = createDicomWebSink({ url: server.url }, { maxRequestBytes: 100_000 });
    const store = sink.store(streamed(slices[0]!, endless())).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = produced;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(produced).toBe(before);
    expect(produced).toBeLessThan(32 * 1024 * 1024);
    await sink[Symbol.asyncDispose]();
    await store;
  });
});
