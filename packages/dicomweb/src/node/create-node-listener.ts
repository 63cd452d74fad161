import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { DicomWebHandler } from '../server/create-dicomweb-handler.ts';

/**
 * Makes a listener for `node:http`, `node:https` or a route of Express of a handler. A request that is given up aborts what is
 * done for it, a slow client slows down what it is sent from, and an answer that breaks ends its connection.
 *
 * Node ends requests after five minutes: a server that large studies are stored at wants `requestTimeout: 0`.
 */
export function createNodeListener(handler: DicomWebHandler): RequestListener {
  return (request, response) => {
    void answer(handler, request, response).catch(() => response.destroy());
  };
}

async function answer(
  handler: DicomWebHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let given: Request;
  try {
    given = requestOf(request, gone.signal);
  } catch {
    // No host that could be one, or a header that is none.
    response.writeHead(400).end();
    return;
  }
  const { status, headers, body } = await handler(given);
  response.once('finish', () => skipRest(request));
  response.writeHead(status, Object.fromEntries(headers));
  if (!body) {
    response.end();
    return;
  }
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (response.destroyed) break;
      if (!response.write(next.value)) await drained(response);
    }
  } catch {
    cut(response);
    return;
  } finally {
    if (response.destroyed) await reader.cancel().catch(() => {});
  }
  response.end();
}

/**
 * A refused body is read by nobody: it is thrown away for a while, until the client has noticed. Were the connection closed
 * at once, the answer could be lost on its way.
 */
function skipRest(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  setTimeout(() => {
    if (!request.complete) request.destroy();
  }, SKIP_MILLISECONDS).unref();
}

const SKIP_MILLISECONDS = 5_000;

/** Resolves when more can be written, or never will be. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** Ends the connection after what is written already, and not the answer: half of one must not look whole. */
function cut({ socket }: ServerResponse): void {
  socket?.setTimeout(FLUSH_MILLISECONDS, () => socket.destroy());
  socket?.destroySoon();
}

/** For a client that does not read on. */
const FLUSH_MILLISECONDS = 30_000;

function requestOf(request: IncomingMessage, signal: AbortSignal): Request {
  const scheme = (request.socket as Partial<TLSSocket>).encrypted ? 'https' : 'http';
  // Express takes the path of a route off `url`.
  const path = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/';
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !name.startsWith(':'))
      headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const method = request.method ?? 'GET';
  // Leaving it must not end the connection, on which the answer goes back.
  const body =
    hasBody(request) && method !== 'GET' && method !== 'HEAD'
      ? ReadableStream.from<Uint8Array>(request.iterator({ destroyOnReturn: false }))
      : null;
  if (!path.startsWith('/')) throw new Error('The target of the request is no path.');
  return new Request(new URL(`${scheme}://${request.headers.host ?? 'localhost'}${path}`), {
    method,
    headers,
    body,
    signal,
    ...(body ? { duplex: 'half' } : {}),
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
