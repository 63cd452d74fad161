import type { RequestContext } from './context.ts';
import { problemOf } from './http-problem.ts';

/**
 * A body made of bytes as they are read. An error ends it in the middle, so that nobody takes it for whole; it is told to
 * the log, for no status can say it any more.
 */
export function streamOf(
  bytes: AsyncGenerator<Uint8Array>,
  context: RequestContext,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(
    (async function* () {
      try {
        yield* bytes;
      } catch (error) {
        if (!context.request.signal.aborted) context.onError(error);
        throw new Error(problemOf(error).message);
      }
    })(),
  );
}

/** A JSON array, item by item. Waits for the first, so that early trouble becomes a status. */
export async function jsonArrayResponse(
  items: AsyncIterable<unknown>,
  context: RequestContext,
  options: { headers?: Record<string, string>; whenEmpty?: () => Response } = {},
): Promise<Response> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done && options.whenEmpty) return options.whenEmpty();
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    try {
      let separator = '[';
      for (let next = first; !next.done; next = await iterator.next()) {
        yield encoder.encode(separator + JSON.stringify(next.value));
        separator = ',';
      }
      yield encoder.encode(separator === '[' ? '[]' : ']');
    } finally {
      await iterator.return?.();
    }
  }
  return new Response(streamOf(bytes(), context), {
    headers: { 'content-type': 'application/dicom+json', ...options.headers },
  });
}
