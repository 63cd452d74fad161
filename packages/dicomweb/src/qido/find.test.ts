import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { type Attributes, attributesFrom, type Query, textOf } from '@adit/core';
import { describe, expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import { toArray } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';

const study = (number: number, more: Record<string, string> = {}): Attributes =>
  attributesFrom({ StudyInstanceUID: `1.${number}`, PatientID: `P${number}`, ...more });

const studies = (count: number): Attributes[] => Array.from({ length: count }, (_, i) => study(i + 1));

/** A server of studies that pages as the standard says, but never gives more than `most`. */
function pagingServer(all: readonly Attributes[], most = Number.POSITIVE_INFINITY): RequestListener {
  return (request, response) => {
    const { searchParams } = new URL(request.url!, 'http://server');
    const offset = Number(searchParams.get('offset') ?? 0);
    const limit = Math.min(most, Number(searchParams.get('limit') ?? Number.POSITIVE_INFINITY));
    const found = all.slice(offset, offset + limit);
    if (found.length === 0) response.writeHead(204).end();
    else json(response, found);
  };
}

const json = (response: Parameters<RequestListener>[1], body: unknown) =>
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(body));

async function findAt(
  listener: RequestListener,
  query: Partial<Query>,
): Promise<{ found: Attributes[]; requests: string[] }> {
  await using server = await serve(listener);
  await using client = createDicomWebClient({ url: server.url });
  const found = await toArray(client.find({ level: 'STUDY', keys: {}, ...query }));
  return { found, requests: server.requests };
}

const uids = (found: readonly Attributes[]) => found.map((match) => textOf(match, 'StudyInstanceUID'));
const paging = (requests: readonly string[]) =>
  requests.map((request) => request.replace(/^.*?(&limit=\d+)?(&offset=\d+)?$/, '$1$2'));

describe('find', () => {
  it('gives all matches, and asks until nothing new comes', async () => {
    const { found, requests } = await findAt(pagingServer(studies(250), 100), {});
    expect(uids(found)).toEqual(uids(studies(250)));
    expect(paging(requests)).toEqual(['', '&offset=100', '&offset=200', '&offset=250']);
  });

  it('ends when a server ignores the offset', async () => {
    const { found, requests } = await findAt((_request, response) => void json(response, studies(3)), {});
    expect(found).toHaveLength(3);
    expect(requests).toHaveLength(2);
  });

  it('asks once for studies by their UIDs', async () => {
    const keys = { StudyInstanceUID: '1.1\\1.2' };
    const { found, requests } = await findAt(pagingServer(studies(2)), { keys });
    expect(found).toHaveLength(2);
    expect(requests).toHaveLength(1);
  });

  it('gives no more than the limit, and asks for no more than it needs', async () => {
    const { found, requests } = await findAt(pagingServer(studies(250)), { limit: 101 });
    expect(found).toHaveLength(101);
    expect(paging(requests)).toEqual(['&limit=101']);
    expect((await findAt(pagingServer(studies(250)), { limit: 0 })).requests).toEqual([]);
  });

  it('asks on when local filtering leaves less than the limit', async () => {
    const all = Array.from({ length: 300 }, (_, i) => study(i, { StudyDescription: i < 200 ? 'CT' : 'MR' }));
    const { found, requests } = await findAt(pagingServer(all), {
      keys: { StudyDescription: 'M?' },
      limit: 50,
    });
    expect(found).toHaveLength(50);
    expect(paging(requests)).toEqual(['&limit=100', '&limit=100&offset=100', '&limit=100&offset=200']);
  });

  it('filters what servers match too loosely, as far as their answers tell', async () => {
    const all = [
      study(1, { PatientName: 'MÜLLER^Jörg' }),
      study(2, { PatientName: 'Mueller^Jörg' }),
      study(3, { PatientName: 'Müller^Anna^Jörg' }),
      study(4),
    ];
    const { found } = await findAt(pagingServer(all), { keys: { PatientName: 'müller^j*' } });
    expect(uids(found)).toEqual(['1.1', '1.4']);
  });

  it('searches more loosely when nothing was found, and filters', async () => {
    const all = [
      study(1, { PatientName: 'Müller^Jörg' }),
      study(2, { PatientName: 'Moeller^Joerg' }),
      study(3),
    ];
    const { found, requests } = await findAt(
      (request, response) => {
        // This server does not decode what it is asked.
        if (request.url!.includes('%')) response.writeHead(204).end();
        else pagingServer(all)(request, response);
      },
      { keys: { PatientName: 'MÜLLER^J*' } },
    );
    expect(uids(found)).toEqual(['1.1']);
    expect(requests[0]).toContain('PatientName=M%C3%9CLLER%5EJ*');
    expect(requests[1]).toContain('PatientName=M*LLER*J*');
  });

  it('does not search more loosely when something was found that does not match', async () => {
    const { found, requests } = await findAt(pagingServer([study(1, { PatientName: 'Muller' })]), {
      keys: { PatientName: 'Müller' },
    });
    expect(found).toEqual([]);
    expect(requests.filter((request) => !request.includes('%'))).toEqual([]);
  });

  it('gives a match once when several searches find it', async () => {
    const { found, requests } = await findAt((_request, response) => void json(response, studies(2)), {
      keys: { ModalitiesInStudy: 'CT\\MR' },
    });
    expect(uids(found)).toEqual(['1.1', '1.2']);
    expect(requests.filter((request) => request.includes('ModalitiesInStudy=MR'))).toHaveLength(2);
  });

  it('fills in the UIDs that the path holds', async () => {
    const series = attributesFrom({ SeriesInstanceUID: '1.2.3', Modality: 'CT' });
    const { found } = await findAt(pagingServer([series]), {
      level: 'SERIES',
      keys: { StudyInstanceUID: '1.2' },
    });
    expect(found).toEqual([{ ...series, ...attributesFrom({ StudyInstanceUID: '1.2' }) }]);
  });

  it('finds each patient once, with nothing of the studies', async () => {
    const all = [
      study(1, { PatientID: 'A', PatientName: 'One', StudyDate: '20240101' }),
      study(2, { PatientID: 'A', PatientName: 'One' }),
      study(3, { PatientID: 'B', PatientName: 'Two' }),
      study(4, { PatientID: '', PatientName: 'Three' }),
      study(5, { PatientID: '', PatientName: 'Four' }),
      study(6, { PatientID: 'A', PatientName: 'One', IssuerOfPatientID: 'elsewhere' }),
    ];
    const { found } = await findAt(pagingServer(all), { level: 'PATIENT' });
    expect(found.map((match) => textOf(match, 'PatientName'))).toEqual([
      'One',
      'Two',
      'Three',
      'Four',
      'One',
    ]);
    expect(found[0]).toEqual(attributesFrom({ PatientID: 'A', PatientName: 'One' }));
    expect((await findAt(pagingServer(all), { level: 'PATIENT', limit: 2 })).found).toHaveLength(2);
  });

  it('gives matches while the answer is still coming, and ends it when it is left', async () => {
    let closed = false;
    await using server = await serve((_request, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(200, { 'content-type': 'application/dicom+json' });
      response.write(`[${JSON.stringify(study(1))},`);
    });
    await using client = createDicomWebClient({ url: server.url });
    for await (const match of client.find({ level: 'STUDY', keys: {} })) {
      expect(uids([match])).toEqual(['1.1']);
      break;
    }
    await expect.poll(() => closed).toBe(true);
  });

  it('ends with the reason of its signal', async () => {
    await using server = await serve(() => {});
    await using client = createDicomWebClient({ url: server.url });
    const reason = new Error('enough');
    const controller = new AbortController();
    const found = toArray(client.find({ level: 'STUDY', keys: {} }, { signal: controller.signal }));
    controller.abort(reason);
    await expect(found).rejects.toBe(reason);
    await expect(
      toArray(client.find({ level: 'STUDY', keys: {} }, { signal: AbortSignal.abort(reason) })),
    ).rejects.toBe(reason);
  });

  it('reads compressed answers, and those of type application/json', async () => {
    const { found } = await findAt((request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip');
      const headers = { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' };
      response.writeHead(200, headers).end(gzipSync(JSON.stringify(studies(2))));
    }, {});
    expect(found).toHaveLength(2);
  });

  it.each([
    [200, 'text/html', '<html>', 'UNEXPECTED_ANSWER', false],
    [200, 'application/dicom+json', '{"error": "Doe"}', 'MALFORMED', false],
    [200, 'application/dicom+json', '[{"00100010":', 'TRUNCATED', true],
    [400, 'text/plain', 'Doe', 'REJECTED', false],
    [401, 'text/plain', 'Doe', 'UNAUTHORIZED', false],
    [404, 'text/plain', 'Doe', 'NOT_FOUND', false],
    [429, 'text/plain', 'Doe', 'BUSY', true],
    [500, 'text/plain', 'Doe', 'SERVER', true],
  ])('takes status %i with %s %s for %s', async (status, type, body, code, retryable) => {
    const error = await findAt(
      (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body),
      {},
    ).catch((one: unknown) => one as Error);
    expect(error).toMatchObject({ code, retryable, message: expect.not.stringContaining('Doe') });
  });

  it('bounds a single match', async () => {
    const huge = study(1, { StudyDescription: 'x'.repeat(5 * 1024 * 1024) });
    await expect(findAt((_request, response) => void json(response, [huge]), {})).rejects.toMatchObject({
      code: 'LIMIT',
    });
  });
});
