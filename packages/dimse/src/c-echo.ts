import { SopClass } from '@adit/core';
import { CommandField } from './command-set.ts';
import type { MessageExchange } from './message-exchange.ts';
import { needContext, statusError } from './service.ts';
import { requestOnce } from './single-request.ts';
import { statusCategory } from './status.ts';

export interface CEchoOptions {
  /** Aborts the association. */
  signal?: AbortSignal | undefined;
}

/** C-ECHO as SCU (PS3.7 §9.1.5): throws unless the peer answers with success. */
export async function cEcho(exchange: MessageExchange, options: CEchoOptions = {}): Promise<void> {
  const context = needContext(exchange, SopClass.Verification);
  const request = { affectedSopClassUid: SopClass.Verification, commandField: CommandField.cEchoRq };
  const { command } = await requestOnce(exchange, context, request, options);
  if (statusCategory(command.status ?? 0) === 'failure') {
    throw statusError(exchange.peer, 'the echo', command);
  }
}
