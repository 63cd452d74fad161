import { pipeline, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { Agent, request } from 'undici';
import { DicomWebError } from '../dicomweb-error.ts';
import { guardBody } from './guard-body.ts';
import { networkError } from './network-error.ts';
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

  const getOnce: Transport['get'] = async (url, { headers, signal }) => {
    const translate = (error: unknown) => (signal?.aborted ? signal.reason : networkError(error, name));
    const response = await request(url, { dispatcher: agent, headers, signal: signal ?? null }).catch(
      (error: unknown) => {
        throw translate(error);
      },
    );
    const header = (wanted: string) => {
      const value = response.headers[wanted];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const discard = async () => {
      response.body.destroy();
    };
    // Whoever reads gets the error; one that comes while nobody does must not end the process.
    response.body.on('error', () => {});
    const body = decoded(response.body, header('content-encoding'), name);
    return { status: response.statusCode, header, body: guardBody(body, { translate, discard }), discard };
  };

  /** A request that reads only can be sent again as long as no answer has begun. */
  const getConnected: Transport['get'] = async (url, init) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await getOnce(url, init);
      } catch (error) {
        const wait = RECONNECT_WAITS[attempt];
        const again =
          error instanceof DicomWebError &&
          error.retryable &&
          (error.code === 'CONNECT' || error.code === 'NETWORK');
        if (!again || wait === undefined) throw error;
        await sleep(wait, undefined, init.signal ? { signal: init.signal } : {}).catch(() => {
          throw init.signal?.reason;
        });
      }
    }
  };

  return {
    async get(url, init) {
      let target = url;
      for (let redirects = 0; ; redirects++) {
        const answer = await getConnected(target, init);
        const location = redirectOf(answer);
        if (location === undefined) return answer;
        await answer.discard();
        const next = URL.parse(location, target);
        // The headers may hold credentials: they go nowhere but to the service they were meant for.
        if (next?.origin !== new URL(url).origin || redirects === MAX_REDIRECTS) {
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
