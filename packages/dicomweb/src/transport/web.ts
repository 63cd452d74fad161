import { DicomWebError } from '../dicomweb-error.ts';
import { guardBody } from './guard-body.ts';
import { closed, networkError, stalled, timeout } from './network-error.ts';
import type { Transport, TransportOptions } from './transport.ts';

/** Bytes a millisecond that a request is given time for. */
const SLOWEST = 20;

/**
 * Sends requests with the `fetch` of the browser, which decides about connections, certificates and redirects. It does
 * not say why a connection failed: that a service does not allow the page's origin (CORS) looks like any other failure.
 */
export function createTransport(options: TransportOptions): Transport {
  const { name } = options;
  const open = new Set<AbortController>();
  let disposed = false;

  return {
    async send(url, { method = 'GET', headers, body: given, signal }) {
      if (disposed) throw closed(name);
      const controller = new AbortController();
      let failure: { error: unknown } | undefined;
      const signals = signal ? [signal, controller.signal] : [controller.signal];
      const translate = (error: unknown) => {
        if (signal?.aborted) return signal.reason;
        if (failure) return failure.error;
        return controller.signal.reason instanceof DicomWebError
          ? controller.signal.reason
          : networkError(error, name);
      };
      const limited = async <T>(milliseconds: number, late: DicomWebError, work: Promise<T>): Promise<T> => {
        const timer = setTimeout(() => controller.abort(late), milliseconds);
        try {
          return await work;
        } finally {
          clearTimeout(timer);
        }
      };
      const gather = async (bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>[]> => {
        const chunks: Uint8Array[] = [];
        try {
          for await (const chunk of bytes) chunks.push(chunk);
        } catch (error) {
          failure = { error };
          throw error;
        }
        return chunks as Uint8Array<ArrayBuffer>[];
      };
      open.add(controller);
      const discard = async () => {
        open.delete(controller);
        controller.abort();
      };

      try {
        // Most browsers cannot stream a request over HTTP/1.1; what a Blob holds they may keep on disk.
        const sent = given && new Blob(await gather(given.open()));
        signal?.throwIfAborted();
        const response = await limited(
          options.connectTimeout + options.answerTimeout + (sent?.size ?? 0) / SLOWEST,
          timeout(name),
          fetch(url, { method, headers, body: sent ?? null, signal: AbortSignal.any(signals) }),
        );
        const reader = response.body?.getReader();
        const body = {
          [Symbol.asyncIterator]: () => ({
            async next(): Promise<IteratorResult<Uint8Array, undefined>> {
              const read = reader && (await limited(options.idleTimeout, stalled(name), reader.read()));
              if (read && !read.done) return { done: false, value: read.value };
              open.delete(controller);
              return { done: true, value: undefined };
            },
          }),
        };
        return {
          status: response.status,
          header: (wanted) => response.headers.get(wanted) ?? undefined,
          body: guardBody(body, { translate, discard }),
          discard,
        };
      } catch (error) {
        open.delete(controller);
        throw translate(error);
      }
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      for (const controller of open) controller.abort(closed(name));
      open.clear();
    },
  };
}
