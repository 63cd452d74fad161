import { type Attributes, type DicomInstance, encodeDataset, isValidUid } from '@adit/core';
import { cancelRequest } from './cancellable-request.ts';
import { CommandField, Priority } from './command-set.ts';
import type { IncomingDataset } from './incoming-dataset.ts';
import type { IncomingRequest, MessageExchange } from './message-exchange.ts';
import type { Response, ResponseQueue } from './response-queue.ts';
import { needContext, onAbort } from './service.ts';
import { isPending, Status } from './status.ts';
import { endOf, type SubOperationsEnd } from './sub-operations.ts';

export interface CGetOptions {
  /** SOP class of the information model, for example Study Root Query/Retrieve Information Model - GET. */
  sopClassUid: string;
  /** Unique keys with Query/Retrieve Level. */
  identifier: Attributes;
  signal?: AbortSignal | undefined;
}

/** How a C-GET ended: the final response (PS3.7 §9.1.3) and what really came. */
export interface CGetResult extends SubOperationsEnd {
  /** Objects taken to the end, as this side counted. */
  taken: number;
  /** Objects this side refused because nobody read them. */
  refused: string[];
}

/**
 * C-GET as SCU (PS3.7 §9.1.3): yields each object as its first bytes arrive and returns how the operation ended.
 *
 * An object is acknowledged when its data set has been read to the end; one that is left early is refused with A700
 * (out of resources), and the next one comes. Leaving the iteration cancels the operation at the peer, and aborts the
 * association when that does not end it soon (`timeouts.cancel`), or when the last object is not read to its end. The signal
 * aborts the association at once.
 */
export async function* cGet(
  exchange: MessageExchange,
  options: CGetOptions,
): AsyncGenerator<DicomInstance, CGetResult, undefined> {
  const { sopClassUid, identifier, signal } = options;
  signal?.throwIfAborted();
  const context = needContext(exchange, sopClassUid);
  const encoded = encodeDataset(identifier, { transferSyntaxUid: context.transferSyntax });
  const events = new EventQueue();
  const release = onAbort(signal, () => exchange.abort());
  let taken = 0;
  const refused: string[] = [];
  let finished = false;
  let responses: ResponseQueue | undefined;
  let current: IncomingDataset | undefined;
  try {
    exchange.onRequest((request) => {
      // An answer must not depend on the loop: a peer may ask for an echo in between.
      if (request.command.commandField === CommandField.cStoreRq) events.push({ store: request });
      else void refuse(exchange, request, Status.unrecognizedOperation);
    });
    responses = await exchange.request(
      context,
      { affectedSopClassUid: sopClassUid, commandField: CommandField.cGetRq, priority: Priority.medium },
      encoded,
    );
    void pump(responses, events);
    for (;;) {
      const event = await events.next();
      if ('response' in event) {
        finished = true;
        return { ...endOf(event.response), taken, refused };
      }
      const { store } = event;
      const { affectedSopInstanceUid, affectedSopClassUid } = store.command;
      if (!store.dataset || !affectedSopInstanceUid || !isValidUid(affectedSopInstanceUid)) {
        await refuse(exchange, store, Status.unableToProcess);
        continue;
      }
      const dataset = store.dataset;
      current = dataset;
      const answered = acknowledge(exchange, store, dataset).then((read) => {
        if (read) taken += 1;
        else refused.push(affectedSopInstanceUid);
      });
      yield {
        sopClassUid: affectedSopClassUid ?? store.context.abstractSyntax,
        sopInstanceUid: affectedSopInstanceUid,
        transferSyntaxUid: store.context.transferSyntax,
        dataset,
      };
      if (!dataset.begun) dataset.discard();
      await answered;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
    if (!finished && !exchange.over) {
      // Whoever reads it, now or later, must not take the end of a discarded data set for its own.
      if (!responses || (current && current.end === undefined)) exchange.abort();
      else await cancelGet(exchange, responses, events);
    }
    exchange.onRequest(undefined);
  }
}

/** Cancels the operation, and refuses what still comes meanwhile. */
async function cancelGet(
  exchange: MessageExchange,
  { messageId, context }: ResponseQueue,
  events: EventQueue,
): Promise<void> {
  const next = async () => {
    for (;;) {
      const event = await events.next();
      if ('response' in event) return event.response;
      void refuse(exchange, event.store, Status.outOfResources);
    }
  };
  await cancelRequest(exchange, { messageId, context, next });
}

/** Answers as soon as the data set has been left, not when the loop comes round. */
async function acknowledge(
  exchange: MessageExchange,
  request: IncomingRequest,
  dataset: IncomingDataset,
): Promise<boolean> {
  const end = await dataset.settled;
  await dataset.arrived;
  if (end === 'failed') return false;
  const { affectedSopInstanceUid = '' } = request.command;
  await exchange
    .respond(request, {
      status: end === 'read' ? Status.success : Status.outOfResources,
      affectedSopInstanceUid,
    })
    .catch(() => undefined);
  return end === 'read';
}

async function refuse(exchange: MessageExchange, request: IncomingRequest, status: number): Promise<void> {
  request.dataset?.discard();
  await exchange.respond(request, { status }).catch(() => undefined);
}

type Event = { store: IncomingRequest } | { response: Response };

/** The last response and the sub-operations in the order they came. */
class EventQueue {
  readonly #queue: Event[] = [];
  #waiting: PromiseWithResolvers<Event> | undefined;
  #failed = false;
  #error: unknown;

  push(event: Event): void {
    if (this.#waiting) {
      this.#waiting.resolve(event);
      this.#waiting = undefined;
    } else this.#queue.push(event);
  }

  fail(error: unknown): void {
    this.#failed = true;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  next(): Promise<Event> {
    const event = this.#queue.shift();
    if (event) return Promise.resolve(event);
    if (this.#failed) return Promise.reject(this.#error);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}

async function pump(
  responses: { next(): Promise<Response>; close(): void },
  events: EventQueue,
): Promise<void> {
  try {
    for (;;) {
      const response = await responses.next();
      // What is pending tells nothing that is needed, and may come without end.
      if (isPending(response.command.status)) continue;
      events.push({ response });
      return;
    }
  } catch (error) {
    events.fail(error);
  } finally {
    responses.close();
  }
}
