import { type Attributes, decodeDataset, encodeDataset, textsOf } from '@adit/core';
import { responsesTo } from './cancellable-request.ts';
import { CommandField, Priority } from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import type { MessageExchange } from './message-exchange.ts';
import type { Response } from './response-queue.ts';
import { needContext, statusError } from './service.ts';
import { isPending, statusCategory } from './status.ts';

export interface CFindOptions {
  /** SOP class of the information model, for example Study Root Query/Retrieve Information Model - FIND. */
  sopClassUid: string;
  /** Keys with Query/Retrieve Level, and Specific Character Set where they are not ASCII. */
  identifier: Attributes;
  /** Cancels the query. */
  signal?: AbortSignal | undefined;
}

/**
 * C-FIND as SCU (PS3.7 §9.1.2). Yields matches as they arrive. Leaving the loop early, or the signal, cancels at the peer;
 * many ignore that, so the association is aborted when they do not end soon (`timeouts.cancel`).
 */
export async function* cFind(
  exchange: MessageExchange,
  options: CFindOptions,
): AsyncGenerator<Attributes, void, undefined> {
  const { sopClassUid, identifier, signal } = options;
  const context = needContext(exchange, sopClassUid);
  const { transferSyntax } = context;
  const encoded = encodeDataset(identifier, { transferSyntaxUid: transferSyntax });
  const characterSet = textsOf(identifier, 'SpecificCharacterSet');
  const command = {
    affectedSopClassUid: sopClassUid,
    commandField: CommandField.cFindRq,
    priority: Priority.medium,
  };
  for await (const response of responsesTo(exchange, context, command, encoded, signal)) {
    const { status } = response.command;
    if (isPending(status)) yield decodeMatch(exchange.peer, response, transferSyntax, characterSet);
    else if (statusCategory(status ?? 0, 'query-retrieve') === 'failure') {
      throw statusError(exchange.peer, 'the query', response.command, 'query-retrieve');
    }
  }
}

/** A match that names no character set is in that of the question, if it is not plain ASCII (PS3.4 §C.4.1.1.3). */
function decodeMatch(
  peer: string,
  response: Response,
  transferSyntaxUid: string,
  characterSet: readonly string[],
): Attributes {
  if (!response.identifier) {
    throw new DimseError('PROTOCOL', `${peer} answered the query with a match that has no data set.`);
  }
  try {
    return decodeDataset(response.identifier, { transferSyntaxUid, characterSet });
  } catch (cause) {
    throw new DimseError('PROTOCOL', `${peer} answered the query with a data set that cannot be read.`, {
      cause,
    });
  }
}
