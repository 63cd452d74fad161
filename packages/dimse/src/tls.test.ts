import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syntheticInstance } from '@adit/core/synthetic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { parseDimseUrl } from './node.ts';
import { type DimseServer, listen } from './scp/listen.ts';
import { runDcmtk } from './testing/dcmtk.ts';
import { scriptedClient } from './testing/scripted-peer.ts';

let folder: string;
let certificateFile: string;
let server: DimseServer;
let plain: DimseServer;
let received = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-tls-'));
  certificateFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', keyFile, '-out', certificateFile],
  ]);
  const tls = { cert: await readFile(certificateFile), key: await readFile(keyFile) };
  const options = { aeTitle: 'ADIT', host: '127.0.0.1', port: 0 };
  server = await listen({
    ...options,
    tls,
    handlers: {
      store: async ({ dataset }) => {
        for await (const piece of dataset) received += piece.length;
        return 0;
      },
    },
  });
  plain = await listen({ ...options, handlers: {} });
});
afterAll(async () => {
  await server?.close();
  await plain?.close();
  await rm(folder, { recursive: true });
});

describe('over TLS', () => {
  const url = (port: number, host = '127.0.0.1') =>
    parseDimseUrl(`dicom+tls://ADIT@${host}:${port}?ca=${encodeURIComponent(certificateFile)}`);

  test('a node whose certificate is known is spoken to, by address and by name', async () => {
    await echo(url(server.port));
    await echo(url(server.port, 'localhost'));
  });

  test('objects arrive whole', async () => {
    const instance = syntheticInstance({ kind: 'enhanced-CT', frames: 10 });
    await using sink = createDimseSink(url(server.port));
    expect((await sink.store(instance)).state).toBe('stored');
    let sent = 0;
    for await (const piece of instance.dataset) sent += piece.length;
    expect(received).toBe(sent);
  });

  test('a certificate that nobody vouches for is refused', async () => {
    const node = parseDimseUrl(`dicom+tls://ADIT@127.0.0.1:${server.port}`);
    await expect(echo(node)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      retryable: false,
      message: expect.stringMatching(/self-signed certificate.*certificates\.$/),
    });
  });

  test('a node that speaks no TLS is told apart', async () => {
    await expect(echo({ ...url(plain.port), connectAttempts: 1 })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });

  test('a plain peer gets no answer', async () => {
    const node = { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port, connectAttempts: 1 };
    await expect(echo(node)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('a handshake that never comes does not keep the server from closing', async () => {
    const tls = { cert: await readFile(certificateFile), key: await readFile(join(folder, 'key.pem')) };
    const other = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, tls, handlers: {} });
    const silent = await scriptedClient(other.port);
    await other.close();
    await silent.untilClosed();
  });

  test('echoscu reaches us', async () => {
    const { exitCode, output } = await runDcmtk('echoscu', [
      ...['+tla', '+cf', certificateFile, '-aec', 'ADIT', 'localhost', String(server.port)],
    ]);
    expect(exitCode, output).toBe(0);
  });
});
