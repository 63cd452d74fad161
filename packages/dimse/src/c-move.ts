import { type Attributes, encodeDataset } from '@adit/core';
import { responsesTo } from './cancellable-request.ts';
import { CommandField, Priority } from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import type { MessageExchange } from './message-exchange.ts';
import { isValidAeTitle } from './node.ts';
import { needContext } from './service.ts';
import { isPending } from './status.ts';
import { countsOf, endOf, type SubOperationCounts, type SubOperationsEnd } from './sub-operations.ts';

export interface CMoveOptions {
  /** SOP class of the information model, for example Study Root Query/Retrieve Information Model - MOVE. */
  sopClassUid: string;
  /** Unique keys with Query/Retrieve Level. */
  identifier: Attributes;
  /** AE title the objects are to go to. The peer must know its address. */
  destination: string;
  /**
   * Message ID of the request, 1 to 65535. Objects come to the destination with it and this side's AE title as their move
   * originator (PS3.7 §9.1.1.1), so a destination of ours that tells requests apart by it hands the ids out.
   * Default: the next one on the association.
   */
  messageId?: number | undefined;
  /** Cancels the operation. */
  signal?: AbortSignal | undefined;
}

/**
 * C-MOVE as SCU (PS3.7 §9.1.4): yields the counters of each pending response and returns how the operation ended.
 *
 * Whatever its status, look at the counters: some peers answer success although every sub-operation failed, or with none at
 * all. Leaving the loop early, or the signal, cancels at the peer; the association is aborted when that does not end the
 * operation soon (`timeouts.cancel`).
 */
export async function* cMove(
  exchange: MessageExchange,
  options: CMoveOptions,
): AsyncGenerator<SubOperationCounts, SubOperationsEnd, undefined> {
  const { sopClassUid, identifier, destination, messageId, signal } = options;
  if (!isValidAeTitle(destination)) {
    throw new DimseError('INVALID_NODE', `The destination "${destination}" is no AE title.`);
  }
  if (messageId !== undefined && !(Number.isInteger(messageId) && messageId >= 1 && messageId <= 65535)) {
    throw new RangeError(`${messageId} is no Message ID: use 1 to 65535`);
  }
  const context = needContext(exchange, sopClassUid);
  const encoded = encodeDataset(identifier, { transferSyntaxUid: context.transferSyntax });
  const command = {
    affectedSopClassUid: sopClassUid,
    commandField: CommandField.cMoveRq,
    priority: Priority.medium,
    moveDestination: destination.trim(),
    ...(messageId !== undefined && { messageId }),
  };
  for await (const response of responsesTo(exchange, context, command, encoded, signal)) {
    if (!isPending(response.command.status)) return endOf(response);
    yield countsOf(response.command);
  }
  throw new DimseError('CLOSED', `The association with ${exchange.peer} is released.`, { retryable: true });
}
