import { CommandField } from '../command-set.ts';
import { DimseError } from '../dimse-error.ts';
import type { IncomingRequest, MessageExchange } from '../message-exchange.ts';
import { readEventReport } from '../n-service.ts';
import { Status } from '../status.ts';
import { serveFind } from './c-find-scp.ts';
import { serveGet } from './c-get-scp.ts';
import { serveMove } from './c-move-scp.ts';
import { serveStore } from './c-store-scp.ts';
import type { RequestContext, ScpHandlers, StatusAnswer } from './handlers.ts';
import type { QueryExtensions } from './query-extensions.ts';

/** A request being served: what the services' functions work with. */
export interface Service {
  readonly exchange: MessageExchange;
  readonly request: IncomingRequest;
  readonly context: RequestContext;
  /** What was agreed on for queries, by SOP class. */
  readonly extensions: ReadonlyMap<string, QueryExtensions>;
}

/** Serves the requests of one association, as many at once as its window allows (PS3.7 §D.3.3.3). */
export function serve(
  exchange: MessageExchange,
  handlers: ScpHandlers,
  peer: Omit<RequestContext, 'signal'>,
  options: { onError: (error: unknown) => void; extensions: Service['extensions'] },
): void {
  const { onError, extensions } = options;
  const waiting: Service[] = [];
  let running = 0;
  const next = async (): Promise<void> => {
    if (running >= exchange.window.performed) return;
    running += 1;
    for (let service = waiting.shift(); service; service = waiting.shift()) {
      await serveOne(service, handlers, onError).catch(onError);
    }
    running -= 1;
  };
  exchange.onRequest((request) => {
    waiting.push({ exchange, request, context: { ...peer, signal: request.signal }, extensions });
    void next();
  });
}

async function serveOne(
  service: Service,
  handlers: ScpHandlers,
  onError: (error: unknown) => void,
): Promise<void> {
  const { exchange, request, context } = service;
  try {
    await dispatch(service, handlers);
  } catch (error) {
    request.dataset?.discard();
    // The end of the association is no error of a handler.
    if (exchange.over) return;
    onError(error);
    if (context.signal.aborted) await answer(service, { status: Status.cancel });
    else await answer(service, statusOf(error));
  }
}

async function dispatch(service: Service, handlers: ScpHandlers): Promise<void> {
  const { request, context } = service;
  switch (request.command.commandField) {
    case CommandField.cEchoRq: {
      const status = (await handlers.echo?.(context)) ?? Status.success;
      return answer(service, { status });
    }
    case CommandField.cStoreRq:
      if (handlers.store) return serveStore(service, handlers.store.bind(handlers));
      break;
    case CommandField.cFindRq:
      if (handlers.find) return serveFind(service, handlers.find.bind(handlers));
      break;
    case CommandField.cGetRq:
      if (handlers.get) return serveGet(service, handlers.get.bind(handlers));
      break;
    case CommandField.cMoveRq:
      if (handlers.move) return serveMove(service, handlers.move.bind(handlers));
      break;
    case CommandField.nEventReportRq:
      if (handlers.eventReport) {
        const status = await handlers.eventReport({ ...context, ...readEventReport(request) });
        return answer(service, { status });
      }
      break;
  }
  request.dataset?.discard();
  return answer(service, { status: Status.unrecognizedOperation });
}

/** Answers without a data set. An association that is over needs no answer. */
export async function answer(service: Service, { status, comment }: StatusAnswer): Promise<void> {
  const { exchange, request } = service;
  const { affectedSopInstanceUid, eventTypeId } = request.command;
  await exchange
    .respond(request, {
      status,
      ...(affectedSopInstanceUid !== undefined && { affectedSopInstanceUid }),
      ...(eventTypeId !== undefined && { eventTypeId }),
      ...(comment !== undefined && { errorComment: comment.slice(0, MAXIMUM_COMMENT_LENGTH) }),
    })
    .catch((error: unknown) => {
      if (!exchange.over) throw error;
    });
}

/** VR LO (PS3.5 §6.2). */
const MAXIMUM_COMMENT_LENGTH = 64;

/** The status that a handler's error is answered with. */
function statusOf(error: unknown): StatusAnswer {
  if (error instanceof DimseError && error.status !== undefined) {
    return error.comment === undefined
      ? { status: error.status }
      : { status: error.status, comment: error.comment };
  }
  // A full disk is for the peer to wait for, not to give up on.
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return { status: Status.outOfResources };
  return { status: Status.processingFailure };
}
