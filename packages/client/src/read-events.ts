import { EventSourceParserStream } from 'eventsource-parser/stream';
import { ApiError } from './api-error.ts';
import type { EventOptions } from './operation-types.ts';
import { readStream } from './read-stream.ts';

/** First wait before a lost connection is made again; doubles up to the last. In milliseconds. */
const FIRST_WAIT = 1_000;
const LAST_WAIT = 30_000;
/** The server sends something at least every 15 s; a connection silent for three times that is dead. */
const SILENCE = 45_000;
/** Longest event, in characters. */
const MAX_EVENT = 4 * 1024 * 1024;

/**
 * Reads server-sent events for as long as the caller wants, connecting again whenever the connection is lost and going on
 * after the last event (`Last-Event-ID`). Ends by `signal`, by leaving the loop, or with the `ApiError` of a server that
 * refuses for good.
 *
 * `open` connects: it throws an `ApiError` when the server refuses or cannot be reached.
 */
export async function* readEvents(
  open: (headers: Record<string, string>, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  { signal, lastEventId, onConnection }: EventOptions,
): AsyncGenerator<unknown> {
  let lastId = lastEventId;
  let firstWait = FIRST_WAIT;
  let wait = firstWait;
  while (!signal?.aborted) {
    const silence = new AbortController();
    const connection = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const body = await open(lastId === undefined ? {} : { 'last-event-id': lastId }, connection);
      onConnection?.({ connected: true });
      wait = firstWait;
      const alive = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), SILENCE);
          controller.enqueue(chunk);
        },
      });
      const events = body
        .pipeThrough(alive)
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(
          new EventSourceParserStream({
            maxBufferSize: MAX_EVENT,
            onRetry: (interval) => {
              firstWait = Math.min(interval, LAST_WAIT);
              wait = firstWait;
            },
          }),
        );
      for await (const event of readStream(events)) {
        const value: unknown = JSON.parse(event.data);
        yield value;
        // Only now: an event the caller never got must come again.
        if (event.id !== undefined) lastId = event.id;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && !error.retryable) throw error;
      if (error instanceof SyntaxError) throw error;
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
    if (signal?.aborted) return;
    onConnection?.({ connected: false, retryInMs: wait });
    await pause(wait, signal);
    wait = Math.min(wait * 2, LAST_WAIT);
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}
