import type { RequestListener } from 'node:http';
import { type DicomInstance, type RetrieveFailure, type Selection, writePart10 } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { describe, expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import type { DicomWebServiceOptions } from '../service.ts';
import { bytesOf, collect } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';
import { BOUNDARY, multipartMessage } from '../testing/multipart-message.ts';

const slices = [1, 2, 3].map((instanceNumber) =>
  syntheticInstance({ kind: 'CT', rows: 64, instances: 3, instanceNumber }),
);
const message = await multipartMessage(slices);
const TYPE = `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`;

interface Received {
  sopInstanceUid: string;
  bytes: Uint8Array;
}

interface Retrieval {
  received: Received[];
  failures: RetrieveFailure[];
  requests: string[];
  error?: unknown;
}

/** Retrieves from a server that answers as told. */
async function retrieveFrom(
  listener: RequestListener,
  selection: Partial<Selection> = {},
  options: Partial<DicomWebServiceOptions> = {},
): Promise<Retrieval> {
  await using server = await serve(listener);
  await using client = createDicomWebClient({ url: `${server.url}/dicom-web`, ...options });
  const result: Retrieval = { received: [], failures: [], requests: server.requests };
  try {
    const onFailure = (failure: RetrieveFailure) => result.failures.push(failure);
    for await (const instance of client.retrieve({ studyInstanceUid: '1.2', ...selection }, { onFailure })) {
      const { sopInstanceUid, dataset } = instance;
      result.received.push({ sopInstanceUid, bytes: await collect(dataset) });
    }
  } catch (error) {
    result.error = error;
  }
  return result;
}

const answer =
  (body: Uint8Array, type = TYPE): RequestListener =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': type }).end(body);

const expected = (instances: DicomInstance[]): Promise<Received[]> =>
  Promise.all(
    instances.map(async ({ sopInstanceUid, dataset }) => ({ sopInstanceUid, bytes: await collect(dataset) })),
  );

describe('retrieve', () => {
  it('gives the instances of a study, byte for byte', async () => {
    await using server = await serve(answer(message));
    await using client = createDicomWebClient({ url: server.url });
    let i = 0;
    for await (const instance of client.retrieve({ studyInstanceUid: '1.2' })) {
      const { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength } = slices[i]!;
      expect(instance).toMatchObject({ sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength });
      expect(await collect(instance.dataset)).toEqual(await collect(slices[i]!.dataset));
      i += 1;
    }
    expect(i).toBe(3);
    expect(server.requests).toEqual(['GET /studies/1.2']);
  });

  it('asks for instances as they are stored, with the headers given', async () => {
    let headers: Record<string, unknown> = {};
    await retrieveFrom(
      (request, response) => {
        headers = request.headers;
        answer(message)(request, response);
      },
      {},
      { headers: { Authorization: 'Bearer x' } },
    );
    expect(headers).toMatchObject({
      accept: 'multipart/related; type="application/dicom"; transfer-syntax=*',
      'accept-encoding': 'identity',
      authorization: 'Bearer x',
    });
  });

  it('asks for each series that was chosen', async () => {
    const { received, requests } = await retrieveFrom(answer(message), {
      seriesInstanceUids: ['1.3', '1.4'],
    });
    expect(requests).toEqual([
      'GET /dicom-web/studies/1.2/series/1.3',
      'GET /dicom-web/studies/1.2/series/1.4',
    ]);
    expect(received).toHaveLength(6);
  });

  it('asks for each instance that was chosen, and goes on when one is missing', async () => {
    const uids = slices.map(({ sopInstanceUid }) => sopInstanceUid);
    const result = await retrieveFrom(
      async (request, response) => {
        const uid = request.url!.split('/').at(-1);
        const slice = slices.find(({ sopInstanceUid }) => sopInstanceUid === uid);
        if (!slice || slice === slices[1]) response.writeHead(404).end('no such instance');
        else answer(await multipartMessage([slice]))(request, response);
      },
      { seriesInstanceUids: ['1.3'], sopInstanceUids: uids },
    );
    expect(result.error).toBeUndefined();
    expect(result.requests).toHaveLength(3);
    expect(result.requests[0]).toBe(`GET /dicom-web/studies/1.2/series/1.3/instances/${uids[0]}`);
    expect(result.received).toEqual(await expected([slices[0]!, slices[2]!]));
    expect(result.failures).toMatchObject([{ sopInstanceUid: uids[1], status: 404, retryable: false }]);
  });

  it.each([
    ['a type without quotes', `multipart/related; type=application/dicom; boundary=${BOUNDARY}`],
    ['a quoted boundary', `multipart/related; boundary="${BOUNDARY}"; type="application/dicom"`],
    ['another multipart type', `multipart/mixed; boundary=${BOUNDARY}`],
  ])('accepts %s', async (_, type) => {
    expect((await retrieveFrom(answer(message, type))).received).toHaveLength(3);
  });

  it('accepts a single instance that is no multipart message', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of writePart10(slices[0]!)) chunks.push(chunk);
    const file = Buffer.concat(chunks);
    for (const type of ['application/dicom', 'application/octet-stream']) {
      const { received, error } = await retrieveFrom(answer(file, type));
      expect(error).toBeUndefined();
      expect(received).toEqual(await expected([slices[0]!]));
    }
  });

  it('gives what came whole before the answer was cut, then says so', async () => {
    const cut = message.subarray(0, message.length - 3_000);
    const { received, error } = await retrieveFrom(answer(cut));
    expect(received).toEqual(await expected(slices.slice(0, 2)));
    expect(error).toMatchObject({ code: 'TRUNCATED', retryable: true });
  });

  it('calls an answer truncated that lacks only its closing boundary', async () => {
    const { error } = await retrieveFrom(answer(await multipartMessage(slices, { close: false })));
    expect(error).toMatchObject({ code: 'TRUNCATED', retryable: true });
  });

  it('says that the connection broke', async () => {
    const { received, error } = await retrieveFrom((_request, response) => {
      response.writeHead(200, { 'content-type': TYPE, 'content-length': message.length });
      response.write(message.subarray(0, message.length - 3_000), () => response.destroy());
    });
    expect(received).toHaveLength(2);
    expect(error).toMatchObject({ code: 'NETWORK', retryable: true });
  });

  it('reports a part that is no instance, and goes on with the next', async () => {
    const noise = bytesOf(
      `--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n${'noise'.repeat(100)}\r\n`,
    );
    const json = bytesOf(`--${BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{}\r\n`);
    const { received, failures, error } = await retrieveFrom(answer(Buffer.concat([noise, json, message])));
    expect(error).toBeUndefined();
    expect(received).toHaveLength(3);
    expect(failures).toHaveLength(2);
  });

  it('refuses a part of another length than announced', async () => {
    const text = Buffer.from(message).toString('latin1');
    const wrong = bytesOf(text.replace(/Content-Length: \d+/, 'Content-Length: 99999999'));
    const { error } = await retrieveFrom(answer(wrong));
    expect(error).toMatchObject({ code: 'MALFORMED', retryable: true });
  });

  it('bounds the size of an instance', async () => {
    const { error } = await retrieveFrom(answer(message), {}, { maxInstanceBytes: 5_000 });
    expect(error).toMatchObject({ code: 'LIMIT' });
  });

  it.each([
    [200, 'text/html', 'UNEXPECTED_ANSWER', false],
    [204, 'text/plain', 'NOT_FOUND', false],
    [200, 'application/dicom+json', 'UNEXPECTED_ANSWER', false],
    [200, 'multipart/related; type="application/dicom"', 'MALFORMED', false],
    [401, 'text/html', 'UNAUTHORIZED', false],
    [404, 'text/plain', 'NOT_OFFERED', false],
    [405, 'text/plain', 'NOT_OFFERED', false],
    [501, 'text/plain', 'NOT_OFFERED', false],
    [406, 'text/plain', 'NOT_ACCEPTABLE', false],
    [500, 'text/plain', 'SERVER', true],
    [503, 'text/plain', 'BUSY', true],
  ])('takes status %i with %s for %s', async (status, type, code, retryable) => {
    const { error, received } = await retrieveFrom((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end('Patient Doe^John is secret');
    });
    expect(received).toEqual([]);
    expect(error).toMatchObject({ code, retryable });
    expect((error as Error).message).not.toContain('Doe');
    expect((error as Error).message).toContain('/dicom-web');
  });

  describe('where something is not there', () => {
    /** Answers searches so, and retrievals with another status. */
    const both =
      (searches: number, retrieves: number): RequestListener =>
      (request, response) =>
        void response.writeHead(request.url!.includes('?') ? searches : retrieves).end();
    const series = { seriesInstanceUids: ['1.3', '1.4', '1.5'] };
    const notOffered = (error: unknown) => createDicomWebClient({ url: 'http://x' }).isNotOffered?.(error);

    it.each([200, 204, 400, 401, 500])(
      'a service that answers a search with %i lacks the study alone',
      async (searches) => {
        const { error, requests } = await retrieveFrom(both(searches, 404));
        expect(requests).toEqual([
          'GET /dicom-web/studies/1.2',
          'GET /dicom-web/studies?StudyInstanceUID=1.2&limit=1',
        ]);
        expect(error).toMatchObject({ code: 'NOT_FOUND', status: 404 });
        expect(notOffered(error)).toBe(false);
      },
    );

    it.each([404, 405, 410, 501])('one that answers with %i is none', async (searches) => {
      const { error, failures, requests } = await retrieveFrom(both(searches, 404), series);
      expect(error).toMatchObject({ code: 'NOT_OFFERED', message: expect.stringContaining('/dicom-web') });
      expect(notOffered(error)).toBe(true);
      expect(failures).toEqual([]);
      expect(requests).toHaveLength(2);
    });

    it('asks once, and goes on with what may be there', async () => {
      const { error, failures, requests } = await retrieveFrom(both(200, 404), series);
      expect(error).toBeUndefined();
      expect(failures).toHaveLength(3);
      expect(requests).toHaveLength(4);
    });

    it('takes 404 for a missing object after the first that came', async () => {
      const { error, failures, received } = await retrieveFrom((request, response) => {
        if (request.url!.endsWith('1.3')) answer(message)(request, response);
        else response.writeHead(404).end();
      }, series);
      expect(error).toBeUndefined();
      expect(received).toHaveLength(3);
      expect(failures).toHaveLength(2);
    });

    it('gives up where nothing can be sent as files', async () => {
      const { error } = await retrieveFrom(both(200, 406), series);
      expect(error).toMatchObject({ code: 'NOT_ACCEPTABLE' });
      expect(notOffered(error)).toBe(true);
    });

    it('says that a search on the way is not offered', async () => {
      const { error } = await retrieveFrom(both(404, 200), { sopInstanceUids: ['1.9'] });
      expect(error).toMatchObject({ code: 'NOT_OFFERED' });
    });

    it.each([401, 403, 500, 503])('does not take %i for a service that is not there', async (status) => {
      const { error } = await retrieveFrom(both(status, status));
      expect(error).toMatchObject({ status });
      expect(notOffered(error)).toBe(false);
    });

    it('takes an address where nobody listens for one', async () => {
      await using server = await serve(answer(message));
      await server[Symbol.asyncDispose]();
      await using client = createDicomWebClient({ url: server.url });
      const error = await client
        .retrieve({ studyInstanceUid: '1.2' })
        [Symbol.asyncIterator]()
        .next()
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'CONNECT' });
      expect(client.isNotOffered?.(error)).toBe(true);
    });
  });

  it('never puts credentials into its errors', async () => {
    const headers = { Authorization: 'Bearer secret-token' };
    const { error } = await retrieveFrom(
      (_request, response) => void response.writeHead(401).end(),
      {},
      { headers },
    );
    const { error: broken } = await retrieveFrom((request) => void request.socket.destroy(), {}, { headers });
    for (const one of [error, broken]) {
      expect(JSON.stringify([String(one), one, (one as Error).cause])).not.toContain('secret');
    }
  });

  it('asks for nothing but UIDs', async () => {
    for (const selection of [
      { studyInstanceUid: '..' },
      { seriesInstanceUids: ['1.2/../..'] },
      { seriesInstanceUids: ['1.2'], sopInstanceUids: ['1.2?x'] },
    ]) {
      const { error, requests } = await retrieveFrom(answer(message), selection);
      expect(error).toMatchObject({ code: 'INVALID_QUERY' });
      expect(requests).toEqual([]);
    }
    // Against the rules of UIDs, but there are some.
    expect((await retrieveFrom(answer(message), { seriesInstanceUids: ['1.02.3'] })).received).toHaveLength(
      3,
    );
  });

  it('says that only a part could be sent', async () => {
    const { failures, received } = await retrieveFrom((_request, response) => {
      response.writeHead(206, { 'content-type': TYPE }).end(message);
    });
    expect(received).toHaveLength(3);
    expect(failures).toMatchObject([{ status: 206 }]);
  });

  it('refuses what nobody reads, and goes on after what was left early', async () => {
    await using server = await serve(answer(message));
    await using client = createDicomWebClient({ url: server.url });
    const seen: string[] = [];
    let unread: DicomInstance | undefined;
    for await (const instance of client.retrieve({ studyInstanceUid: '1.2' })) {
      seen.push(instance.sopInstanceUid);
      if (seen.length === 1) unread = instance;
      if (seen.length === 2) for await (const _ of instance.dataset) break;
      if (seen.length === 3) {
        expect(await collect(instance.dataset)).toEqual(await collect(slices[2]!.dataset));
      }
    }
    expect(seen).toEqual(slices.map(({ sopInstanceUid }) => sopInstanceUid));
    await expect(collect(unread!.dataset)).rejects.toMatchObject({ code: 'REJECTED' });
  });

  it('waits with the next instance until this one is read, and holds the server back meanwhile', async () => {
    const large = syntheticInstance({ kind: 'CT', rows: 4096 });
    const body = await multipartMessage([large, slices[0]!]);
    let sent = 0;
    await using server = await serve(async (_request, response) => {
      response.writeHead(200, { 'content-type': TYPE });
      for (let at = 0; at < body.length; at += 65_536) {
        if (!response.write(body.subarray(at, at + 65_536))) {
          await new Promise((resolve) => response.once('drain', resolve));
        }
        sent = at;
      }
      response.end();
    });
    await using client = createDicomWebClient({ url: server.url });
    const instances = client.retrieve({ studyInstanceUid: '1.2' })[Symbol.asyncIterator]();
    const first = (await instances.next()).value as DicomInstance;
    const reader = first.dataset[Symbol.asyncIterator]();
    await reader.next();
    let came = false;
    const second = instances.next().then((result) => {
      came = true;
      return result.value as DicomInstance;
    });
    // What fits between the two is what sockets and streams hold: a few MB of 33.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(came).toBe(false);
    expect(sent).toBeLessThan(body.length / 2);
    while (!(await reader.next()).done);
    expect((await second).sopInstanceUid).toBe(slices[0]!.sopInstanceUid);
    await instances.return?.();
  });

  it('ends the request when it is left or aborted', async () => {
    let closed = 0;
    await using server = await serve((_request, response) => {
      response.on('close', () => closed++);
      response.writeHead(200, { 'content-type': TYPE });
      response.write(message.subarray(0, message.length - 3_000));
    });
    await using client = createDicomWebClient({ url: server.url });
    for await (const _ of client.retrieve({ studyInstanceUid: '1.2' })) break;
    await expect.poll(() => closed).toBe(1);

    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      const { signal } = controller;
      for await (const instance of client.retrieve({ studyInstanceUid: '1.2' }, { signal })) {
        if (instance.sopInstanceUid === slices[2]!.sopInstanceUid)
          setTimeout(() => controller.abort(reason), 10);
        await collect(instance.dataset);
      }
    };
    await expect(read()).rejects.toBe(reason);
    await expect.poll(() => closed).toBe(2);
  });

  it('uses connections again when answers were read to their ends', async () => {
    const sockets = new Set<unknown>();
    await using server = await serve((request, response) => {
      sockets.add(request.socket);
      answer(message)(request, response);
    });
    await using client = createDicomWebClient({ url: server.url });
    for (let i = 0; i < 6; i++) {
      for await (const instance of client.retrieve({ studyInstanceUid: '1.2' }))
        await collect(instance.dataset);
    }
    // A request may come a moment before the connection is free again.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });
});
