import { isValidUid } from '@adit/core';
import { Status } from '../status.ts';
import type { ScpHandlers, StoreRequest } from './handlers.ts';
import { answer, type Service } from './serve.ts';

/**
 * C-STORE as SCP (PS3.7 §9.1.1): hands the data set to the handler as it comes and answers when the handler is done and
 * the peer has sent everything.
 */
export async function serveStore(service: Service, store: NonNullable<ScpHandlers['store']>): Promise<void> {
  const { request, context } = service;
  const { command, dataset } = request;
  const { affectedSopInstanceUid, affectedSopClassUid } = command;
  if (!dataset) return answer(service, { status: Status.mistypedArgument });
  if (!affectedSopInstanceUid || !isValidUid(affectedSopInstanceUid)) {
    dataset.discard();
    await dataset.arrived;
    return answer(service, {
      status: Status.unableToProcess,
      comment: 'Affected SOP Instance UID is no UID',
    });
  }
  if (affectedSopClassUid !== request.context.abstractSyntax) {
    dataset.discard();
    await dataset.arrived;
    return answer(service, { status: Status.sopClassNotSupported });
  }
  const stored: StoreRequest = {
    ...context,
    sopClassUid: affectedSopClassUid,
    sopInstanceUid: affectedSopInstanceUid,
    transferSyntaxUid: request.context.transferSyntax,
    dataset,
    ...moveOriginator(command.moveOriginatorApplicationEntityTitle, command.moveOriginatorMessageId),
  };
  try {
    const result = await store(stored);
    dataset.discard();
    await dataset.arrived;
    return await answer(service, typeof result === 'number' ? { status: result } : result);
  } catch (error) {
    dataset.discard();
    await dataset.arrived;
    throw error;
  }
}

function moveOriginator(
  aeTitle: string | undefined,
  messageId: number | undefined,
): Pick<StoreRequest, 'moveOriginator'> {
  if (aeTitle === undefined || messageId === undefined) return {};
  return { moveOriginator: { aeTitle, messageId } };
}
