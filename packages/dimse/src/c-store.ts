import type { DicomInstance, StoreOutcome } from '@adit/core';
import { type CommandSet, Priority } from './command-set.ts';
import type { MessageExchange } from './message-exchange.ts';
import { needContext, onAbort } from './service.ts';
import { isRetryableStatus, statusCategory, statusText } from './status.ts';

export interface CStoreOptions {
  /** Aborting ends the association once a part of the object is sent: a half object is never finished. */
  signal?: AbortSignal | undefined;
  /** Of an object that is sent because of a C-MOVE (PS3.7 §9.1.1.1). */
  moveOriginator?: { aeTitle: string; messageId: number };
  /** Called when the object can no longer begin anew from what was read of it so far. */
  onUnrepeatable?: () => void;
}

/** C-STORE as SCU (PS3.7 §9.1.1): sends the data set as it is, without looking into it, and gives the response. */
export async function sendStore(
  exchange: MessageExchange,
  instance: DicomInstance,
  options: CStoreOptions = {},
): Promise<CommandSet> {
  const { signal, moveOriginator } = options;
  const context = needContext(exchange, instance.sopClassUid, instance.transferSyntaxUid);
  signal?.throwIfAborted();
  const command = {
    affectedSopClassUid: instance.sopClassUid,
    affectedSopInstanceUid: instance.sopInstanceUid,
    priority: Priority.medium,
    ...(moveOriginator && {
      moveOriginatorApplicationEntityTitle: moveOriginator.aeTitle,
      moveOriginatorMessageId: moveOriginator.messageId,
    }),
  };
  const release = onAbort(signal, () => exchange.abort());
  try {
    return await exchange.store(context, command, instance.dataset, options.onUnrepeatable);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}

/** What the status of a C-STORE response means for the object (PS3.4 Table B.2-1). */
export function storeOutcome(peer: string, command: CommandSet): StoreOutcome {
  const status = command.status ?? 0;
  switch (statusCategory(status, 'storage')) {
    case 'success':
      return { state: 'stored', status };
    case 'warning':
      return {
        state: 'warning',
        status,
        message: `${peer} stored it with ${statusText(status, 'storage')}.`,
      };
    default:
      return {
        state: 'failed',
        status,
        message: `${peer} refused it with status ${statusText(status, 'storage')}.`,
        retryable: isRetryableStatus(status),
      };
  }
}
