import type { CommandSet } from './command-set.ts';
import type { MessageExchange } from './message-exchange.ts';
import type { PresentationContext } from './presentation-context.ts';
import type { Response } from './response-queue.ts';
import { onAbort } from './service.ts';

/**
 * Sends a request that has one response, and waits for it. There is no C-CANCEL for such: the signal aborts the association,
 * and its reason is thrown.
 */
export async function requestOnce(
  exchange: MessageExchange,
  context: PresentationContext,
  command: Omit<CommandSet, 'commandDataSetType'>,
  options: { information?: Uint8Array; signal?: AbortSignal | undefined } = {},
): Promise<Response> {
  const { information, signal } = options;
  signal?.throwIfAborted();
  const release = onAbort(signal, () => exchange.abort());
  try {
    const responses = await exchange.request(context, command, information);
    try {
      return await responses.next();
    } finally {
      responses.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}
