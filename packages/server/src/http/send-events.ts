import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ServerEvent } from './api-handler.ts';

/** Something is sent at least this often, so that proxies keep the connection and clients notice its loss. In milliseconds. */
const HEARTBEAT = 15_000;
/** How long a client waits before it connects again. In milliseconds. */
const RETRY = 1_000;

/** Answers with server-sent events until the client goes, the signal aborts or the events end. */
export async function sendEvents(
  response: ServerResponse,
  events: AsyncIterable<ServerEvent<unknown>>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    // Asks nginx and those who imitate it not to hold events back.
    'x-accel-buffering': 'no',
  });
  response.write(`: here\nretry: ${RETRY}\n\n`);
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT);
  try {
    for await (const { id, data } of events) {
      const text = `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
      if (!response.write(text)) await once(response, 'drain', { signal });
    }
  } catch (error) {
    // After the headers an error can only end the stream; the client connects again and is told then.
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
