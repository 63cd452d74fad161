import type { CommandSet } from './command-set.ts';
import type { MessageExchange } from './message-exchange.ts';
import type { PresentationContext } from './presentation-context.ts';
import type { Response, ResponseQueue } from './response-queue.ts';
import { onAbort } from './service.ts';
import { isPending } from './status.ts';

/** Longest wait for the end of a request after a C-CANCEL when the caller has given up, in seconds. */
const GIVEN_UP_SECONDS = 0.25;

/**
 * Sends a request of the Query/Retrieve services and yields its responses, the last one included. Leaving the iteration
 * early and the signal cancel it at the peer, see `cancelRequest`; then the signal's reason is thrown.
 */
export async function* responsesTo(
  exchange: MessageExchange,
  context: PresentationContext,
  command: Omit<CommandSet, 'commandDataSetType'>,
  identifier: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<Response, void, undefined> {
  signal?.throwIfAborted();
  let responses: ResponseQueue | undefined;
  let ended = false;
  const release = onAbort(signal, () => responses?.interrupt(signal?.reason));
  try {
    responses = await exchange.request(context, command, identifier);
    while (!ended) {
      signal?.throwIfAborted();
      const response = await responses.next();
      ended = !isPending(response.command.status);
      yield response;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
    if (responses) {
      if (!ended && !exchange.over) {
        const grace = signal?.aborted ? GIVEN_UP_SECONDS : exchange.cancelSeconds;
        await cancelRequest(exchange, responses, Math.min(grace, exchange.cancelSeconds));
      }
      responses.close();
    }
  }
}

/**
 * Ends a request early by C-CANCEL (PS3.7 §9.3.2.3). Many peers ignore that, or answer after a long time: the association is
 * aborted when they do not end in time. Resolves when the request is over, one way or the other.
 *
 * @param seconds to wait. Default: the node's `timeouts.cancel`.
 */
export async function cancelRequest(
  exchange: MessageExchange,
  responses: Pick<ResponseQueue, 'next' | 'messageId' | 'context'>,
  seconds: number = exchange.cancelSeconds,
): Promise<void> {
  const timer = setTimeout(() => exchange.abort(), seconds * 1000);
  try {
    await exchange.cancel(responses);
    for (;;) {
      const { command } = await responses.next();
      if (!isPending(command.status)) return;
    }
  } catch {
    // The association is over, which ends the request too.
  } finally {
    clearTimeout(timer);
  }
}
