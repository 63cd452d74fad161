import { SopClass } from '@adit/core';
import { CommandField } from './command-set.ts';
import type { MessageExchange } from './message-exchange.ts';
import { needContext, statusError } from './service.ts';
import { statusCategory } from './status.ts';

/** C-ECHO as SCU (PS3.7 §9.1.5): throws unless the peer answers with success. */
export async function cEcho(exchange: MessageExchange): Promise<void> {
  const context = needContext(exchange, SopClass.Verification);
  const responses = await exchange.request(context, {
    affectedSopClassUid: SopClass.Verification,
    commandField: CommandField.cEchoRq,
  });
  try {
    const { command } = await responses.next();
    const status = command.status ?? 0;
    if (statusCategory(status) === 'failure') {
      throw statusError(exchange.peer, 'the echo', command);
    }
  } finally {
    responses.close();
  }
}
