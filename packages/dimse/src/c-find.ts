import { type Attributes, decodeDataset, encodeDataset } from '@adit/core';
import { CommandField, Priority } from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import type { MessageExchange } from './message-exchange.ts';
import type { Response, ResponseQueue } from './response-queue.ts';
import { needContext, onAbort, statusError } from './service.ts';
import { statusCategory } from './status.ts';

export interface CFindOptions {
  /** SOP class of the information model, for example Study Root Query/Retrieve Information Model - FIND. */
  sopClassUid: string;
  /** Keys with Query/Retrieve Level, and Specific Character Set where they are not ASCII. */
  identifier: Attributes;
  signal?: AbortSignal | undefined;
}

/** How long a peer may take to answer a C-CANCEL before the association is aborted, in milliseconds. */
const CANCEL_GRACE = 1000;

/**
 * C-FIND as SCU (PS3.7 §9.1.2). Yields matches as they arrive. Leaving the loop early cancels at the peer; many ignore
 * that, so the association is aborted when they do not end soon.
 */
export async function* cFind(
  exchange: MessageExchange,
  options: CFindOptions,
): AsyncGenerator<Attributes, void, undefined> {
  const { sopClassUid, identifier, signal } = options;
  signal?.throwIfAborted();
  const context = needContext(exchange, sopClassUid);
  const { transferSyntax } = context;
  const encoded = encodeDataset(identifier, { transferSyntaxUid: transferSyntax });
  const release = onAbort(signal, () => exchange.abort());
  const characterSet = specificCharacterSet(identifier);
  let responses: ResponseQueue | undefined;
  let ended = false;
  try {
    responses = await exchange.request(
      context,
      { affectedSopClassUid: sopClassUid, commandField: CommandField.cFindRq, priority: Priority.medium },
      encoded,
    );
    for (;;) {
      const response = await responses.next();
      const category = statusCategory(response.command.status ?? 0, 'query-retrieve');
      if (category !== 'pending') {
        ended = true;
        if (category === 'failure')
          throw statusError(exchange.peer, 'the query', response.command, 'query-retrieve');
        return;
      }
      yield decodeMatch(exchange.peer, response, transferSyntax, characterSet);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
    if (responses) {
      if (!ended && !exchange.over) await cancel(exchange, responses);
      responses.close();
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

function specificCharacterSet(identifier: Attributes): string[] {
  const values = identifier['00080005']?.Value ?? [];
  return values.filter((value) => typeof value === 'string');
}

/** Ends a request early: C-CANCEL, and an abort when the peer goes on all the same. */
async function cancel(exchange: MessageExchange, responses: ResponseQueue): Promise<void> {
  const timer = setTimeout(() => exchange.abort(), CANCEL_GRACE);
  try {
    await exchange.cancel(responses);
    for (;;) {
      const { command } = await responses.next();
      if (statusCategory(command.status ?? 0, 'query-retrieve') !== 'pending') return;
    }
  } catch {
    // The association is over, which ends the request too.
  } finally {
    clearTimeout(timer);
  }
}
