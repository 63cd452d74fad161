import { registeredUid, transferSyntaxOrDefault } from '@adit/core';
import type { CommandSet } from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import type { MessageExchange } from './message-exchange.ts';
import type { PresentationContext } from './presentation-context.ts';
import { isRetryableStatus, type StatusService, statusText } from './status.ts';

/** A UID as people call it. */
function uidName(uid: string): string {
  return registeredUid(uid)?.name || uid;
}

/** The context for requests of a SOP class; throws `NO_CONTEXT` where the peer accepted none. */
export function needContext(
  exchange: MessageExchange,
  sopClassUid: string,
  transferSyntaxUid?: string,
): PresentationContext {
  const context = exchange.findContext(sopClassUid, transferSyntaxUid);
  if (!context)
    throw new DimseError('NO_CONTEXT', noContextMessage(exchange, sopClassUid, transferSyntaxUid));
  return context;
}

/** Says what the peer did not accept. */
export function noContextMessage(
  exchange: { peer: string; contexts: readonly PresentationContext[] },
  sopClassUid: string,
  transferSyntaxUid?: string,
): string {
  const sopClass = uidName(sopClassUid);
  const knowsClass = exchange.contexts.some((context) => context.abstractSyntax === sopClassUid);
  if (transferSyntaxUid === undefined || !knowsClass) {
    const syntax =
      transferSyntaxUid === undefined ? '' : ` in ${transferSyntaxOrDefault(transferSyntaxUid).name}`;
    return `${exchange.peer} does not accept ${sopClass}${syntax}; enable it at the node.`;
  }
  const syntax = transferSyntaxOrDefault(transferSyntaxUid).name;
  return `${exchange.peer} accepts ${sopClass}, but not in ${syntax}; enable the transfer syntax at the node.`;
}

/**
 * The error of an answer with a failure status.
 *
 * @param what the request as the subject of a sentence: `the query`
 */
export function statusError(
  peer: string,
  what: string,
  command: CommandSet,
  service?: StatusService,
): DimseError {
  const status = command.status ?? 0;
  return new DimseError(
    'STATUS',
    `${peer} refused ${what} with status ${statusText(status, service)}; look into the node's log for the reason.`,
    { status, comment: command.errorComment, retryable: isRetryableStatus(status) },
  );
}

/** Runs `stop` when the signal is aborted, or is so already. Returns how to take it back. */
export function onAbort(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    stop();
    return () => undefined;
  }
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}
