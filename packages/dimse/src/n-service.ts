import { type Attributes, decodeDataset, encodeDataset } from '@adit/core';
import { CommandField } from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import type { IncomingRequest, MessageExchange } from './message-exchange.ts';
import { needContext, statusError } from './service.ts';
import { requestOnce } from './single-request.ts';
import { Status, statusCategory } from './status.ts';

export interface NActionOptions {
  sopClassUid: string;
  sopInstanceUid: string;
  actionTypeId: number;
  information: Attributes;
  /** Aborts the association. */
  signal?: AbortSignal | undefined;
}

/** N-ACTION as SCU (PS3.7 §10.1.4). Throws `STATUS` where the peer refuses. */
export async function nAction(exchange: MessageExchange, options: NActionOptions): Promise<void> {
  const { sopClassUid, sopInstanceUid, actionTypeId, information, signal } = options;
  const context = needContext(exchange, sopClassUid);
  const request = {
    requestedSopClassUid: sopClassUid,
    commandField: CommandField.nActionRq,
    requestedSopInstanceUid: sopInstanceUid,
    actionTypeId,
  };
  const { command } = await requestOnce(exchange, context, request, {
    information: encodeDataset(information, { transferSyntaxUid: context.transferSyntax }),
    signal,
  });
  if (statusCategory(command.status ?? 0) === 'failure') {
    throw statusError(exchange.peer, 'the action', command);
  }
}

/** What an N-EVENT-REPORT says (PS3.7 §10.1.1). */
export interface EventReport {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly eventTypeId: number;
  readonly information: Attributes;
}

/** Reads an event report; throws a `DimseError` with the status to answer with where it is none. */
export function readEventReport({ command, context, identifier }: IncomingRequest): EventReport {
  const { affectedSopClassUid, affectedSopInstanceUid, eventTypeId } = command;
  if (affectedSopClassUid !== context.abstractSyntax) throw refusal(Status.noSuchSopClass);
  if (affectedSopInstanceUid === undefined) throw refusal(Status.noSuchSopInstance);
  if (eventTypeId === undefined) throw refusal(Status.noSuchEventType);
  let information: Attributes = {};
  try {
    if (identifier) information = decodeDataset(identifier, { transferSyntaxUid: context.transferSyntax });
  } catch (cause) {
    throw refusal(Status.processingFailure, cause);
  }
  return {
    sopClassUid: affectedSopClassUid,
    sopInstanceUid: affectedSopInstanceUid,
    eventTypeId,
    information,
  };
}

/** Hands the event reports that come on an association of ours to somebody, who gives the status to answer with. */
export function onEventReport(exchange: MessageExchange, take: (report: EventReport) => number): void {
  exchange.onRequest((request) => {
    void exchange.respond(request, eventReportAnswer(request, take)).catch(() => undefined);
  });
}

function eventReportAnswer(request: IncomingRequest, take: (report: EventReport) => number) {
  const { commandField, affectedSopInstanceUid, eventTypeId } = request.command;
  request.dataset?.discard();
  return {
    status:
      commandField === CommandField.nEventReportRq ? statusOf(request, take) : Status.unrecognizedOperation,
    ...(affectedSopInstanceUid !== undefined && { affectedSopInstanceUid }),
    ...(eventTypeId !== undefined && { eventTypeId }),
  };
}

function statusOf(request: IncomingRequest, take: (report: EventReport) => number): number {
  try {
    return take(readEventReport(request));
  } catch (error) {
    return (error instanceof DimseError ? error.status : undefined) ?? Status.processingFailure;
  }
}

function refusal(status: number, cause?: unknown): DimseError {
  return new DimseError('STATUS', "A peer's event report was refused.", { status, cause });
}
