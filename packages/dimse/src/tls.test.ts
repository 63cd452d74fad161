import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  SopClass,
  textOf,
  writePart10,
} from '@adit/core';
import { syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { type DimseNode, parseDimseUrl } from './node.ts';
import { type CallingPeer, type DimseServer, type ListenOptions, listen } from './scp/listen.ts';
import { type Certificates, createCertificates, type Identity } from './testing/certificates.ts';
import { runDcmtk, startDcmqrscp, startStorescp } from './testing/dcmtk.ts';
import { scriptedClient } from './testing/scripted-peer.ts';
import { BCP195_CIPHER_SUITES } from './tls.ts';

let certificates: Certificates;
let authority: Identity;
let otherAuthority: Identity;
let serverIdentity: Identity;
let clientIdentity: Identity;
let selfSigned: Identity;

beforeAll(async () => {
  certificates = await createCertificates();
  [authority, otherAuthority, selfSigned] = await Promise.all([
    certificates.authority('Test CA'),
    certificates.authority('Another CA'),
    certificates.issue('self'),
  ]);
  serverIdentity = await certificates.issue('server', { issuer: authority });
  clientIdentity = await certificates.issue('client', { issuer: authority });
});
afterAll(() => certificates?.[Symbol.asyncDispose]());

let server: DimseServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(
  tls: NonNullable<ListenOptions['tls']> | undefined,
  options: Partial<ListenOptions> = {},
): Promise<number> {
  server = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    handlers: {},
    ...(tls && { tls }),
    ...options,
  });
  return server.port;
}

const own = () => ({ cert: serverIdentity.cert, key: serverIdentity.key });
const mutual = () => ({ ...own(), ca: authority.cert });

/** A node as the command line writes it. */
function url(port: number, parameters: Record<string, string> = {}, host = '127.0.0.1'): DimseNode {
  const query = new URLSearchParams(parameters);
  return { ...parseDimseUrl(`dicom+tls://ADIT@${host}:${port}?${query}`), connectAttempts: 1 };
}
const trusting = () => ({ ca: authority.certFile });
const presenting = (identity = clientIdentity) => ({
  ...trusting(),
  cert: identity.certFile,
  key: identity.keyFile,
});

async function refusal(node: DimseNode): Promise<string> {
  const error = await echo(node).then(
    () => expect.unreachable('it was let in'),
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: 'UNREACHABLE', retryable: false });
  return error.message;
}

async function lengthOf({ dataset }: Pick<DicomInstance, 'dataset'>): Promise<number> {
  let length = 0;
  for await (const piece of dataset) length += piece.length;
  return length;
}

describe('over TLS', () => {
  test('a node whose certificate is known is spoken to, by address and by name', async () => {
    const port = await start(own());
    await echo(url(port, trusting()));
    await echo(url(port, trusting(), 'localhost'));
  });

  test('an echo tells of the connection and the certificate of the node', async () => {
    const { tls } = await echo(url(await start(own()), trusting()));
    const { validToDate, fingerprint256 } = new X509Certificate(serverIdentity.cert);
    expect(tls).toEqual({
      protocol: 'TLSv1.3',
      cipherSuite: 'TLS_AES_256_GCM_SHA384',
      certificate: {
        subject: 'O=Test Hospital, CN=server',
        issuer: 'CN=Test CA',
        names: 'DNS:localhost, IP Address:127.0.0.1',
        validFrom: expect.any(Date),
        validTo: validToDate,
        fingerprint: fingerprint256,
      },
    });
  });

  test('an echo without TLS tells nothing of it', async () => {
    const port = await start(undefined);
    const result = await echo({ aeTitle: 'ADIT', host: '127.0.0.1', port });
    expect(result).toEqual({ seconds: expect.any(Number) });
  });

  test('objects arrive whole', async () => {
    let received = 0;
    const port = await start(own(), {
      handlers: {
        store: async (request) => {
          received += await lengthOf(request);
          return 0;
        },
      },
    });
    const instance = syntheticInstance({ kind: 'enhanced-CT', frames: 10 });
    await using sink = createDimseSink(url(port, trusting()));
    expect((await sink.store(instance)).state).toBe('stored');
    expect(received).toBe(await lengthOf(instance));
  });
});

describe('a certificate of the node', () => {
  test('that is self-signed is refused, with all there is to know of it', async () => {
    const port = await start({ cert: selfSigned.cert, key: selfSigned.key });
    const message = await refusal(url(port));
    const { fingerprint256 } = new X509Certificate(selfSigned.cert);
    expect(message).toMatch(
      new RegExp(
        `^The certificate of ADIT@127\\.0\\.0\\.1:${port} was refused: it is a self-signed certificate that nobody vouches for ` +
          `\\(subject O=Test Hospital, CN=self, names DNS:localhost, IP Address:127\\.0\\.0\\.1, issuer O=Test Hospital, CN=self, valid \\d{4}-\\d\\d-\\d\\d to \\d{4}-\\d\\d-\\d\\d, ` +
          `SHA-256 ${fingerprint256}\\); if the fingerprint is that of the peer, trust it by ca\\.$`,
      ),
    );
    await echo(url(port, { ca: selfSigned.certFile }));
  });

  test('of an unknown issuer is refused', async () => {
    const message = await refusal(url(await start(own()), { ca: otherAuthority.certFile }));
    expect(message).toContain('its issuer is not known');
    expect(message).toContain('issuer CN=Test CA');
  });

  test('that has expired is refused', async () => {
    const expired = await certificates.issue('expired', { issuer: authority, expired: true });
    const port = await start({ cert: expired.cert, key: expired.key });
    expect(await refusal(url(port, trusting()))).toContain('it has expired');
  });

  test('for another name is refused', async () => {
    const other = await certificates.issue('other', { issuer: authority, names: 'DNS:pacs.example' });
    const port = await start({ cert: other.cert, key: other.key });
    const message = await refusal(url(port, trusting()));
    expect(message).toContain('it is made out to other names');
    expect(message).toContain('subject O=Test Hospital, CN=other');
  });

  test('is not looked at where this is asked for', async () => {
    const port = await start({ cert: selfSigned.cert, key: selfSigned.key });
    await echo({ ...url(port), tls: { rejectUnauthorized: false } });
  });
});

describe('a server that asks for certificates', () => {
  test('lets in whom its authorities vouch for, and knows the certificate', async () => {
    let seen: CallingPeer | undefined;
    const port = await start(mutual(), {
      allow: (peer) => {
        seen = peer;
        return true;
      },
    });
    await echo(url(port, presenting()));
    expect(seen?.tls).toMatchObject({
      protocol: 'TLSv1.3',
      certificate: { subject: 'O=Test Hospital, CN=client', issuer: 'CN=Test CA' },
    });
  });

  test('may let them in by the subject of the certificate', async () => {
    const port = await start(mutual(), {
      allow: ({ tls }) => tls?.certificate?.subject === 'O=Test Hospital, CN=somebody',
    });
    await expect(echo(url(port, presenting()))).rejects.toMatchObject({ code: 'REJECTED' });
  });

  test.each([['TLSv1.2'], ['TLSv1.3']] as const)(
    'turns away who has none, and says so (%s)',
    async (maxVersion) => {
      const onError = vi.fn();
      const port = await start({ ...mutual(), maxVersion }, { onError });
      expect(await refusal(url(port, trusting()))).toContain('certificate of the calling side is required');
      await expect.poll(() => onError.mock.calls.length).toBe(1);
      expect(onError.mock.calls[0]![0]).toMatchObject({
        code: 'UNREACHABLE',
        message:
          'A peer at 127.0.0.1 did not get in over TLS: a certificate of the calling side is required: give cert and key.',
      });
    },
  );

  test('turns away whom nobody vouches for, and says so', async () => {
    const stranger = await certificates.issue('stranger', { issuer: otherAuthority });
    const onError = vi.fn();
    const port = await start(mutual(), { onError });
    await expect(echo(url(port, presenting(stranger)))).rejects.toMatchObject({
      message: expect.stringMatching(/closed the connection|connection .* was lost/),
    });
    await expect.poll(() => onError.mock.calls.length).toBe(1);
    expect(onError.mock.calls[0]![0].message).toContain(
      'its certificate was refused, for its issuer is not known',
    );
  });
});

describe('the BCP 195 profile', () => {
  test('is what the server offers: forward secrecy and authenticated encryption, TLS 1.2 at least', async () => {
    const port = await start(own());
    const agreed = (options: object) =>
      new Promise<string>((resolve, reject) => {
        const socket: TLSSocket = connectTls(
          { host: '127.0.0.1', port, ca: authority.cert, servername: '', ...options },
          () => {
            resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
            socket.destroy();
          },
        );
        socket.on('error', reject);
      });
    const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    expect(await agreed({})).toBe('TLSv1.3 TLS_AES_256_GCM_SHA384');
    expect(await agreed(tls12)).toBe('TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384');
    expect(await agreed({ ...tls12, ciphers: 'DHE-RSA-AES128-GCM-SHA256' })).toBe(
      'TLSv1.2 DHE-RSA-AES128-GCM-SHA256',
    );
    for (const ciphers of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-RSA-AES256-SHA384']) {
      await expect(agreed({ ...tls12, ciphers }), ciphers).rejects.toThrow(/handshake failure/i);
    }
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
    await expect(agreed(old)).rejects.toThrow(/protocol version/i);
  });

  test('is what the client asks for', async () => {
    const servers = [
      { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384' },
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    ] as const;
    for (const options of servers) {
      const other = createTlsServer({ ...own(), ...options }).listen(0, '127.0.0.1');
      other.on('tlsClientError', () => undefined);
      await new Promise((resolve) => other.once('listening', resolve));
      const { port } = other.address() as { port: number };
      expect(await refusal(url(port, trusting()))).toContain(
        'no TLS version, cipher suite and key in common that BCP 195 allows',
      );
      other.close();
    }
  });

  test('names cipher suites that there are', () => {
    // A misspelt one would silently be left out.
    for (const ciphers of BCP195_CIPHER_SUITES) {
      expect(() => createTlsServer({ ciphers }), ciphers).not.toThrow();
    }
  });
});

describe('a peer that speaks something else', () => {
  test('as a node is told apart', async () => {
    const port = await start(undefined);
    await expect(echo(url(port))).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('as a client gets no answer, and is told of', async () => {
    const onError = vi.fn();
    const port = await start(own(), { onError });
    const node = { aeTitle: 'ADIT', host: '127.0.0.1', port, connectAttempts: 1 };
    await expect(echo(node)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(onError.mock.calls[0]![0].message).toContain('what came is not TLS');
  });

  test('or nothing at all is cut by the timer', async () => {
    const port = await start(own(), { timeouts: { artim: 0.2 } });
    const silent = await scriptedClient(port);
    await silent.untilClosed();
  });

  test('or nothing at all does not keep the server from closing', async () => {
    const port = await start(own());
    const silent = await scriptedClient(port);
    await server!.close();
    await silent.untilClosed();
  });

  test('or nothing at all, 300 times, makes room for the others', async () => {
    const port = await start(own());
    const silent = await Promise.all(Array.from({ length: 300 }, () => scriptedClient(port)));
    await echo(url(port, trusting()));
    for (const { socket } of silent) socket.destroy();
  });
});

describe('with DCMTK, certificates on both sides', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adit-tls-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** DCMTK's options: its own key and certificate, whom it trusts, and that it asks for a certificate. */
  const dcmtk = (identity: Identity) => [
    ...['+tls', identity.keyFile, identity.certFile, '+cf', authority.certFile, '-rc'],
  ];
  const calling = () => [...dcmtk(clientIdentity), '-aec', 'ADIT', 'localhost', String(server!.port)];
  const study = syntheticStudy({ series: [{ kind: 'CT', instances: 2, rows: 32 }] });
  const studyInstanceUid = '1.2.3.4';

  test('echoscu, storescu and findscu reach us', async () => {
    const stored: string[] = [];
    await start(mutual(), {
      handlers: {
        store: async (request) => {
          await lengthOf(request);
          stored.push(request.sopInstanceUid);
          return 0;
        },
        async *find() {
          yield attributesFrom({ StudyInstanceUID: studyInstanceUid });
        },
      },
    });
    const run = async (program: string, ...more: string[]) => {
      const { exitCode, output } = await runDcmtk(program, [...calling(), ...more]);
      expect(exitCode, output).toBe(0);
      return output;
    };
    await run('echoscu');
    const files: string[] = [];
    for (const [index, instance] of study.entries()) {
      const file = join(folder, `${index}.dcm`);
      await writeFile(file, writePart10(instance));
      files.push(file);
    }
    await run('storescu', ...files);
    expect(stored).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid));
    const level = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID'];
    expect(await run('findscu', ...level)).toContain(studyInstanceUid);
  });

  test('a program without a certificate is turned away', async () => {
    await start(mutual());
    const { exitCode, output } = await runDcmtk('echoscu', [
      ...['+tla', '+cf', authority.certFile, '-aec', 'ADIT', 'localhost', String(server!.port)],
    ]);
    expect(exitCode, output).not.toBe(0);
  });

  test('storescp takes our objects, and turns us away without a certificate', async () => {
    await using storescp = await startStorescp(dcmtk(serverIdentity));
    const { port } = storescp.node;
    // It serves one association after another.
    expect(await refusal(url(port, trusting()))).toContain('a certificate of the calling side is required');
    await using sink = createDimseSink({ ...url(port, presenting()), aeTitle: 'STORESCP' });
    for (const instance of study) expect((await sink.store(instance)).state).toBe('stored');
    expect((await storescp.received()).size).toBe(study.length);
  });

  // dcmqrscp and getscu of this DCMTK speak no TLS themselves.
  test('dcmqrscp behind a TLS proxy is searched and retrieved from', async () => {
    await using dcmqrscp = await startDcmqrscp();
    const proxy = createTlsServer({ ...mutual(), requestCert: true }, (socket) => {
      pipeline(socket, connectTcp(dcmqrscp.node.port, '127.0.0.1'), socket).catch(() => undefined);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const node = { ...url(port, presenting()), aeTitle: dcmqrscp.node.aeTitle };
    await using sink = createDimseSink(node);
    for (const instance of study) expect((await sink.store(instance)).state).toBe('stored');
    const client = createDimseClient(node);
    const found: Attributes[] = [];
    for await (const match of client.find({ level: 'STUDY', keys: { StudyInstanceUID: '' } })) {
      found.push(match);
    }
    expect(found).toHaveLength(1);
    const selection = { studyInstanceUid: textOf(found[0]!, 'StudyInstanceUID')! };
    const options = { sopClassUids: [SopClass.CtImageStorage] };
    const sizes: number[] = [];
    for await (const instance of client.retrieve(selection, options)) sizes.push(await lengthOf(instance));
    expect(sizes).toEqual(await Promise.all(study.map(lengthOf)));
    await client[Symbol.asyncDispose]();
    proxy.close();
  });
});
