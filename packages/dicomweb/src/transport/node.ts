import { pipeline, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { Agent, request } from 'undici';
import { DicomWebError } from '../dicomweb-error.ts';
import { guardBody } from './guard-body.ts';
import { networkError } from './network-error.ts';
import { watchBody } from './request-body.ts';
import type { HttpAnswer, Transport, TransportOptions } from './transport.ts';

/** Waits before a connection is tried again, in milliseconds. */
const RECONNECT_WAITS = [250, 1_000];

const MAX_REDIRECTS = 5;

/** Sends requests over a pool of connections of its own (undici). */
export function createTransport(options: TransportOptions): Transport {
  const { name } = options;
  const agent = new Agent({
    connections: options.maxConnections,
    connect: { timeout: options.connectTimeout, ...options.tls },
    headersTimeout: options.answerTimeout,
    // Does not run while the reader makes the body wait.
    bodyTimeout: options.idleTimeout,
    // Large objects side by side do better on connections of their own than in the windows of one.
    allowH2: false,
  });

  const sendOnce: Transport['send'] = async (url, { method = 'GET', headers, body: given, signal }) => {
    const sent = given && watchBody(given);
    const translate = (error: unknown) => {
      if (signal?.aborted) return signal.reason;
      return sent?.failure ? sent.failure.error : networkError(error, name);
    };
    const length = given?.byteLength;
    const response = await request(url, {
      dispatcher: agent,
      method,
      headers: length === undefined ? headers : { ...headers, 'content-length': String(length) },
      // Its types leave out that undici takes any async iterable.
      body: sent ? (sent.bytes as unknown as Readable) : null,
      signal: signal ?? null,
    }).catch((error: unknown) => {
      sent?.stop();
      throw translate(error);
    });
    const header = (wanted: string) => {
      const value = response.headers[wanted];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const discard = async () => {
      sent?.stop();
      response.body.destroy();
    };
    // Whoever reads gets the error; one that comes while nobody does must not end the process.
    response.body.on('error', () => {});
    const body = decoded(response.body, header('content-encoding'), name);
    return { status: response.statusCode, header, body: guardBody(body, { translate, discard }), discard };
  };

  /**
   * A request can be sent again as long as no answer has begun: one that reads only, and one that stores, for an instance
   * stored twice is there once.
   */
  const sendConnected: Transport['send'] = async (url, init) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await sendOnce(url, init);
      } catch (error) {
        const wait = RECONNECT_WAITS[attempt];
        const again =
          error instanceof DicomWebError &&
          error.retryable &&
          (error.code === 'CONNECT' || error.code === 'NETWORK') &&
          init.body?.repeatable !== false;
        if (!again || wait === undefined) throw error;
        await sleep(wait, undefined, init.signal ? { signal: init.signal } : {}).catch(() => {
          throw init.signal?.reason;
        });
      }
    }
  };

  return {
    async send(url, init) {
      let target = url;
      for (let redirects = 0; ; redirects++) {
        const answer = await sendConnected(target, init);
        const location = redirectOf(answer);
        if (location === undefined) return answer;
        await answer.discard();
        const next = URL.parse(location, target);
        // A request with a body that is redirected by 301 to 303 would lose it on the way (RFC 9110 §15.4).
        const follows = init.body === undefined || (answer.status >= 307 && init.body.repeatable);
        // The headers may hold credentials: they go nowhere but to the service they were meant for.
        if (next?.origin !== new URL(url).origin || redirects === MAX_REDIRECTS || !follows) {
          throw new DicomWebError(
            'UNEXPECTED_ANSWER',
            `${name} refers to ${next?.origin ?? 'nowhere'}: use the address the service really has.`,
            { status: answer.status },
          );
        }
        target = next.href;
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}

function redirectOf(answer: HttpAnswer): string | undefined {
  return [301, 302, 303, 307, 308].includes(answer.status) ? answer.header('location') : undefined;
}

/** Undoes the content coding, of which only gzip is ever asked for. */
function decoded(body: Readable, coding: string | undefined, name: string): Readable {
  if (coding === undefined || coding === '' || coding === 'identity') return body;
  if (coding === 'gzip' || coding === 'x-gzip') return pipeline(body, createGunzip(), () => {});
  body.destroy();
  throw new DicomWebError(
    'UNEXPECTED_ANSWER',
    `${name} compressed its answer in a way nobody asked for: check what stands between it and here.`,
  );
}
