import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesOf, collect } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';
import { createTransport as createNodeTransport } from './node.ts';
import type { TransportOptions } from './transport.ts';
import { createTransport as createWebTransport } from './web.ts';

const options: TransportOptions = {
  name: 'https://pacs.test/dicom-web',
  connectTimeout: 5_000,
  answerTimeout: 5_000,
  idleTimeout: 5_000,
  maxConnections: 2,
  tls: {},
};

/** A port nobody listens on. */
async function deadUrl(): Promise<string> {
  await using server = await serve(() => {});
  return server.url;
}

describe.each([
  ['node', createNodeTransport],
  ['web', createWebTransport],
])('the transport for %s', (_, createTransport) => {
  it('gives status, headers and body, and sends the headers', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(203, { 'X-One': '1' }).end(`you sent ${request.headers.authorization}`);
    });
    await using transport = createTransport(options);
    const answer = await transport.send(server.url, { headers: { authorization: 'Bearer x' } });
    expect(answer.status).toBe(203);
    expect(answer.header('x-one')).toBe('1');
    expect(answer.header('x-two')).toBeUndefined();
    expect(await collect(answer.body)).toEqual(bytesOf('you sent Bearer x'));
  });

  it('says that nobody listens', async () => {
    await using transport = createTransport(options);
    await expect(transport.send(await deadUrl(), { headers: {} })).rejects.toMatchObject({
      code: 'CONNECT',
      retryable: true,
      message: expect.stringContaining(options.name),
    });
  });

  it('says that an answer does not begin in time', async () => {
    await using server = await serve(() => {});
    await using transport = createTransport({ ...options, connectTimeout: 100, answerTimeout: 100 });
    await expect(transport.send(server.url, { headers: {} })).rejects.toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
    });
  });

  it('says that an answer stops in the middle', async () => {
    await using server = await serve((_request, response) => void response.write('a'));
    await using transport = createTransport({ ...options, idleTimeout: 100 });
    const answer = await transport.send(server.url, { headers: {} });
    await expect(collect(answer.body)).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  it('lets a slow reader take its time', async () => {
    const size = 20_000_000;
    await using server = await serve((_request, response) => void response.end(Buffer.alloc(size)));
    await using transport = createTransport({ ...options, idleTimeout: 200 });
    const answer = await transport.send(server.url, { headers: {} });
    let read = 0;
    for await (const chunk of answer.body) {
      if (read === 0) await new Promise((resolve) => setTimeout(resolve, 1_500));
      read += chunk.length;
    }
    expect(read).toBe(size);
  });

  it('says that the connection broke in the middle', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    await using transport = createTransport(options);
    const answer = await transport.send(server.url, { headers: {} });
    await expect(collect(answer.body)).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
  });

  it('throws the reason of its signal, before and during an answer', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/begun') response.write('a');
    });
    await using transport = createTransport(options);
    const reason = new Error('changed my mind');
    const waiting = new AbortController();
    const pending = transport.send(server.url, { headers: {}, signal: waiting.signal });
    waiting.abort(reason);
    await expect(pending).rejects.toBe(reason);

    const reading = new AbortController();
    const answer = await transport.send(`${server.url}/begun`, { headers: {}, signal: reading.signal });
    const body = collect(answer.body);
    reading.abort(reason);
    await expect(body).rejects.toBe(reason);
  });

  it('ends the request when the body is left or discarded', async () => {
    let closed = 0;
    await using server = await serve((_request, response) => {
      response.on('close', () => closed++);
      response.write('a');
    });
    await using transport = createTransport(options);
    for (const leave of ['discarded', 'unread', 'left']) {
      const before = closed;
      const answer = await transport.send(server.url, { headers: {} });
      if (leave === 'discarded') await answer.discard();
      if (leave === 'unread') await answer.body[Symbol.asyncIterator]().return?.();
      if (leave === 'left') for await (const _chunk of answer.body) break;
      await expect.poll(() => closed, { message: leave }).toBe(before + 1);
    }
  });

  it('ends what is under way when it is disposed of, and does nothing any more', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/begun') response.write('a');
    });
    const transport = createTransport(options);
    const answer = await transport.send(`${server.url}/begun`, { headers: {} });
    const body = collect(answer.body);
    const pending = transport.send(server.url, { headers: {} });
    const closed = [body, pending].map((one) => expect(one).rejects.toMatchObject({ code: 'CLOSED' }));
    await expect.poll(() => server.requests.length).toBe(2);
    await transport[Symbol.asyncDispose]();
    await Promise.all(closed);
    await expect(transport.send(server.url, { headers: {} })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('undoes gzip', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('[]'));
    });
    await using transport = createTransport(options);
    const answer = await transport.send(server.url, { headers: { 'accept-encoding': 'gzip' } });
    expect(await collect(answer.body)).toEqual(bytesOf('[]'));
  });

  it('calls what is not HTTP so', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => socket.end('220 mail.example ESMTP\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await using transport = createTransport(options);
    await expect(transport.send(`http://127.0.0.1:${port}`, { headers: {} })).rejects.toMatchObject({
      code: 'MALFORMED',
      retryable: false,
    });
    server.close();
  });
});

describe('the transport for node', () => {
  it('connects again when the connection breaks before an answer has begun', async () => {
    await using server = await serve((request, response) => {
      if (server.requests.length < 3) request.socket.destroy();
      else response.end('at last');
    });
    await using transport = createNodeTransport(options);
    const answer = await transport.send(server.url, { headers: {} });
    expect(await collect(answer.body)).toEqual(bytesOf('at last'));
    expect(server.requests).toHaveLength(3);
  });

  it('gives up after three attempts', async () => {
    await using server = await serve((request) => request.socket.destroy());
    await using transport = createNodeTransport(options);
    await expect(transport.send(server.url, { headers: {} })).rejects.toMatchObject({ code: 'NETWORK' });
    expect(server.requests).toHaveLength(3);
  });

  it('follows the service to another path, but takes its headers nowhere else', async () => {
    let leaked: unknown;
    await using stranger = await serve((request, response) => {
      leaked = request.headers.authorization;
      response.end();
    });
    await using server = await serve((request, response) => {
      if (request.url === '/old') response.writeHead(301, { location: '/new' }).end('moved');
      else if (request.url === '/new') response.end(request.headers.authorization);
      else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else response.writeHead(307, { location: `${stranger.url}/secret` }).end();
    });
    await using transport = createNodeTransport(options);
    const init = { headers: { authorization: 'Bearer x' } };
    const answer = await transport.send(`${server.url}/old`, init);
    expect(await collect(answer.body)).toEqual(bytesOf('Bearer x'));
    const elsewhere = { code: 'UNEXPECTED_ANSWER', message: expect.stringContaining(stranger.url) };
    await expect(transport.send(`${server.url}/away`, init)).rejects.toMatchObject(elsewhere);
    await expect(transport.send(`${server.url}/loop`, init)).rejects.toMatchObject({
      code: 'UNEXPECTED_ANSWER',
    });
    expect(stranger.requests).toEqual([]);
    expect(leaked).toBeUndefined();
  });

  it('refuses a coding it did not ask for', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'br' }).end('x');
    });
    await using transport = createNodeTransport(options);
    await expect(transport.send(server.url, { headers: {} })).rejects.toMatchObject({
      code: 'UNEXPECTED_ANSWER',
    });
  });

  it('trusts only the certificates it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adit-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-days', '1', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'],
        ...['-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    const pem = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    rmSync(folder, { recursive: true });
    await using server = await serve((_request, response) => void response.end('trusted'), pem);

    await using careful = createNodeTransport(options);
    await expect(careful.send(server.url, { headers: {} })).rejects.toMatchObject({
      code: 'TLS',
      retryable: false,
    });
    await using trusting = createNodeTransport({ ...options, tls: { ca: pem.cert } });
    const answer = await trusting.send(server.url, { headers: {} });
    expect(await collect(answer.body)).toEqual(bytesOf('trusted'));
  });

  it('says that a host name is unknown', async () => {
    await using transport = createNodeTransport(options);
    await expect(transport.send('http://does-not-exist.invalid/', { headers: {} })).rejects.toMatchObject({
      code: 'CONNECT',
    });
  });
});
