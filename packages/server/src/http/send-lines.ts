import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Problem } from '@adit/client';

/**
 * Answers with one JSON document a line, each sent as soon as it is known. Waits while the client reads slowly.
 *
 * An error before the first line is thrown, to be answered with its own status; one after it becomes the last line.
 */
export async function sendLines(
  response: ServerResponse,
  lines: AsyncIterable<unknown>,
  options: { signal: AbortSignal; onError: (error: unknown) => Problem },
): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = await iterator.next();
  response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
  try {
    for (; !next.done; next = await iterator.next()) {
      if (!response.write(`${JSON.stringify(next.value)}\n`)) {
        await once(response, 'drain', { signal: options.signal });
      }
    }
  } catch (error) {
    if (options.signal.aborted) return;
    response.write(`${JSON.stringify({ problem: options.onError(error) })}\n`);
  } finally {
    await iterator.return?.();
    response.end();
  }
}
