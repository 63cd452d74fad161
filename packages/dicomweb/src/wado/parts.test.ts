import type { RequestListener } from 'node:http';
import { attributesFrom } from '@adit/core';
import { describe, expect, it } from 'vitest';
import { createDicomWebClient, type DicomWebClient } from '../create-dicomweb-client.ts';
import { collect, toArray } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';

const INSTANCE = { studyInstanceUid: '1.2', seriesInstanceUid: '1.3', sopInstanceUid: '1.4' };
const PATH = '/dicom-web/studies/1.2/series/1.3/instances/1.4';

interface Asked {
  requests: string[];
  accept: string[];
}

/** Runs against a server that answers as told. */
async function against(
  listener: RequestListener,
  run: (client: DicomWebClient, url: string) => Promise<void>,
): Promise<Asked> {
  const accept: string[] = [];
  await using server = await serve((request, response) => {
    accept.push(request.headers.accept ?? '');
    listener(request, response);
  });
  await using client = createDicomWebClient({ url: `${server.url}/dicom-web`, authorization: 'Bearer x' });
  await run(client, server.url);
  return { requests: server.requests, accept };
}

const answer =
  (type: string, body: string | Buffer, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': type }).end(body);

const related = (...parts: string[]) =>
  `${parts.map((part) => `\r\n--b\r\nContent-Type: ${part}`).join('')}\r\n--b--\r\n`;

describe('metadata', () => {
  it('come one by one, with absolute addresses at every depth', async () => {
    const given = {
      ...attributesFrom({ SOPInstanceUID: '1.4' }),
      '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/1' },
      '00420011': { vr: 'OB', BulkDataURI: 'https://elsewhere.test/x' },
      '00880200': { vr: 'SQ', Value: [{ '7FE00010': { vr: 'OB', BulkDataURI: '/dicom-web/bulk/2' } }] },
    };
    const { requests, accept } = await against(
      answer('application/dicom+json', JSON.stringify([given])),
      async (client, url) => {
        const [attributes, ...more] = await toArray(client.metadata(INSTANCE));
        expect(more).toEqual([]);
        expect(attributes).toEqual({
          ...given,
          '7FE00010': { vr: 'OW', BulkDataURI: `${url}${PATH}/bulkdata/1` },
          '00880200': {
            vr: 'SQ',
            Value: [{ '7FE00010': { vr: 'OB', BulkDataURI: `${url}/dicom-web/bulk/2` } }],
          },
        });
      },
    );
    expect(requests).toEqual([`GET ${PATH}/metadata`]);
    expect(accept).toEqual(['application/dicom+json']);
  });

  it('are asked for by UIDs only', async () => {
    const { requests } = await against(answer('application/dicom+json', '[]'), async (client) => {
      expect(await toArray(client.metadata({ studyInstanceUid: '1.2' }))).toEqual([]);
      for (const resource of [
        { studyInstanceUid: '../x' },
        { studyInstanceUid: '1.2', sopInstanceUid: '1.4' },
      ]) {
        await expect(toArray(client.metadata(resource))).rejects.toMatchObject({ code: 'INVALID_QUERY' });
      }
    });
    expect(requests).toEqual(['GET /dicom-web/studies/1.2/metadata']);
  });

  it.each([
    [404, 'text/plain', 'NOT_FOUND'],
    [200, 'text/html', 'UNEXPECTED_ANSWER'],
    [200, 'application/dicom+json', 'MALFORMED'],
  ])('%i with %s is %s', async (status, type, code) => {
    await against(answer(type, 'Doe^John', status), async (client) => {
      await expect(toArray(client.metadata(INSTANCE))).rejects.toMatchObject({ code });
    });
  });
});

describe('frames', () => {
  it('come in the order asked for, with what the service says of them', async () => {
    const body = related(
      'image/jls; transfer-syntax=1.2.840.10008.1.2.4.80\r\nContent-Length: 3\r\n\r\none',
      'image/jls\r\n\r\ntwo',
    );
    const { requests, accept } = await against(
      answer('multipart/related; type="image/jls"; boundary=b', body),
      async (client) => {
        const frames: unknown[] = [];
        for await (const { frame, mediaType, transferSyntaxUid, byteLength, bytes } of client.frames(
          INSTANCE,
          [7, 3],
        )) {
          const text = String.fromCharCode(...(await collect(bytes)));
          frames.push({ frame, mediaType, transferSyntaxUid, byteLength, text });
        }
        expect(frames).toEqual([
          {
            frame: 7,
            mediaType: 'image/jls',
            transferSyntaxUid: '1.2.840.10008.1.2.4.80',
            byteLength: 3,
            text: 'one',
          },
          { frame: 3, mediaType: 'image/jls', text: 'two' },
        ]);
      },
    );
    expect(requests).toEqual([`GET ${PATH}/frames/7,3`]);
    expect(accept[0]).toContain('transfer-syntax=*');
  });

  it('may be a single one that is no multipart message', async () => {
    await against(answer('image/jpeg', 'pixels'), async (client) => {
      const [frame] = await toArray(client.frames(INSTANCE, [1], { accept: 'image/jpeg' }));
      expect(frame).toMatchObject({ frame: 1, mediaType: 'image/jpeg' });
    });
  });

  it('are as many as were asked for', async () => {
    await against(answer('image/jpeg', 'pixels'), async (client) => {
      await expect(toArray(client.frames(INSTANCE, [1, 2]))).rejects.toMatchObject({
        code: 'UNEXPECTED_ANSWER',
      });
      for (const numbers of [[], [0], [1.5]]) {
        await expect(toArray(client.frames(INSTANCE, numbers))).rejects.toMatchObject({
          code: 'INVALID_QUERY',
        });
      }
    });
  });
});

describe('bulk data', () => {
  it('is the value behind an address of the service', async () => {
    const { requests } = await against(answer('application/octet-stream', 'value'), async (client, url) => {
      for (const uri of [`${url}${PATH}/bulkdata/1`, 'bulk/2', '/bulk/3']) {
        const [part] = await toArray(client.bulkData(uri));
        expect(part!.mediaType).toBe('application/octet-stream');
      }
    });
    expect(requests).toEqual([`GET ${PATH}/bulkdata/1`, 'GET /dicom-web/bulk/2', 'GET /bulk/3']);
  });

  it('is never asked for elsewhere, where the credentials would go', async () => {
    await against(answer('text/plain', ''), async (client, url) => {
      for (const uri of ['https://elsewhere.test/x', url.replace('http:', 'https:'), 'file:///etc/passwd']) {
        await expect(toArray(client.bulkData(uri))).rejects.toMatchObject({ code: 'INVALID_QUERY' });
      }
    });
  });
});

describe('rendered images', () => {
  it('are asked for as wanted', async () => {
    const { requests, accept } = await against(answer('image/png', 'picture'), async (client) => {
      const all = [
        client.rendered(INSTANCE, {
          accept: 'image/png',
          viewport: { width: 100, height: 50 },
          window: { center: 40, width: 400 },
          quality: 90,
        }),
        client.rendered(INSTANCE, { frames: [2], thumbnail: true }),
        client.rendered({ studyInstanceUid: '1.2' }),
      ];
      for (const one of all) {
        for await (const part of one) expect(await collect(part.bytes)).toHaveLength(7);
      }
    });
    expect(requests).toEqual([
      `GET ${PATH}/rendered?viewport=100,50&window=40,400,linear&quality=90`,
      `GET ${PATH}/frames/2/thumbnail`,
      'GET /dicom-web/studies/1.2/rendered',
    ]);
    expect(accept).toEqual(['image/png', 'image/jpeg', 'image/jpeg']);
  });

  it('are not offered by every service', async () => {
    await against(answer('application/problem+json', '{}', 501), async (client) => {
      await expect(toArray(client.rendered(INSTANCE))).rejects.toMatchObject({
        code: 'REJECTED',
        status: 501,
      });
    });
  });
});

describe('capabilities', () => {
  it('are what the service says', async () => {
    const { requests } = await against(
      answer('application/vnd.sun.wadl+xml; charset=utf-8', '<application/>'),
      async (client) => {
        expect(await client.capabilities()).toEqual({
          mediaType: 'application/vnd.sun.wadl+xml',
          text: '<application/>',
        });
      },
    );
    expect(requests).toEqual(['OPTIONS /dicom-web/']);
  });

  it('are bounded', async () => {
    await against(answer('text/plain', Buffer.alloc(5_000_000)), async (client) => {
      await expect(client.capabilities()).rejects.toMatchObject({ code: 'LIMIT' });
    });
  });
});

describe('queries', () => {
  it('ask for fields, an offset and fuzzy matching', async () => {
    const found = attributesFrom({ StudyInstanceUID: '1.2', PatientName: 'Mayer^Hans' });
    const { requests } = await against(
      (request, response) => {
        const more = !request.url!.includes('offset=6');
        answer('application/dicom+json', JSON.stringify(more ? [found] : []))(request, response);
      },
      async (client) => {
        const keys = { PatientName: 'Meier*' };
        const query = {
          level: 'STUDY',
          keys,
          offset: 5,
          includeFields: ['StudyID'],
          fuzzyMatching: true,
        } as const;
        // Sounds alike, and would be filtered otherwise.
        expect(await toArray(client.find(query))).toEqual([found]);
        expect(await toArray(client.find({ level: 'STUDY', keys, includeFields: 'all' }))).toEqual([]);
      },
    );
    expect(requests[0]).toMatch(/^GET \/dicom-web\/studies\?PatientName=Meier\*&.*includefield=StudyID/);
    expect(requests[0]).toMatch(/&fuzzymatching=true&offset=5$/);
    expect(requests.at(-1)).toMatch(/includefield=all/);
  });

  it('skip here what is put together here', async () => {
    const study = (uid: string, id: string) => attributesFrom({ StudyInstanceUID: uid, PatientID: id });
    await against(
      answer('application/dicom+json', JSON.stringify([study('1', 'A'), study('2', 'A'), study('3', 'B')])),
      async (client) => {
        const found = await toArray(client.find({ level: 'PATIENT', keys: {}, offset: 1 }));
        expect(found).toEqual([attributesFrom({ PatientID: 'B' })]);
      },
    );
  });
});
