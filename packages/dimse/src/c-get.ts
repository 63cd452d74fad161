import {
  type Attributes,
  type DicomInstance,
  decodeDataset,
  encodeDataset,
  isValidUid,
  textsOf,
} from '@adit/core';
import { CommandField, Priority } from './command-set.ts';
import type { IncomingDataset } from './incoming-dataset.ts';
import type { IncomingRequest, MessageExchange } from './message-exchange.ts';
import type { Response } from './response-queue.ts';
import { needContext, onAbort } from './service.ts';
import { Status, statusCategory } from './status.ts';

export interface CGetOptions {
  /** SOP class of the information model, for example Study Root Query/Retrieve Information Model - GET. */
  sopClassUid: string;
  /** Unique keys with Query/Retrieve Level. */
  identifier: Attributes;
  signal?: AbortSignal | undefined;
}

/** How a C-GET ended: the final response (PS3.7 §9.1.3) and what really came. */
export interface CGetResult {
  status: number;
  /** Number of sub-operations by their ends; undefined where the peer did not count. */
  completed: number | undefined;
  failed: number | undefined;
  warning: number | undefined;
  /** Failed SOP Instance UID List (0008,0058). */
  failedInstances: readonly string[];
  /** Objects taken to the end, as this side counted. */
  taken: number;
  /** Objects this side refused because nobody read them. */
  refused: string[];
  comment: string | undefined;
}

/**
 * C-GET as SCU (PS3.7 §9.1.3): yields each object as its first bytes arrive and returns how the operation ended.
 *
 * An object is acknowledged when its data set has been read to the end; one that is left early is refused with A700
 * (out of resources), and the next one comes. Leaving the iteration aborts the association, for C-CANCEL is ignored by too
 * many peers.
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
  try {
    exchange.onRequest((request) => {
      // An answer must not depend on the loop: a peer may ask for an echo in between.
      if (request.command.commandField === CommandField.cStoreRq) events.push({ store: request });
      else void refuse(exchange, request, Status.unrecognizedOperation);
    });
    const responses = await exchange.request(
      context,
      { affectedSopClassUid: sopClassUid, commandField: CommandField.cGetRq, priority: Priority.medium },
      encoded,
    );
    void pump(responses, events);
    for (;;) {
      const event = await events.next();
      if ('response' in event) {
        finished = true;
        return resultOf(event.response, taken, refused);
      }
      const { store } = event;
      const { affectedSopInstanceUid, affectedSopClassUid } = store.command;
      if (!store.dataset || !affectedSopInstanceUid || !isValidUid(affectedSopInstanceUid)) {
        await refuse(exchange, store, Status.unableToProcess);
        continue;
      }
      const dataset = store.dataset;
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
    exchange.onRequest(undefined);
    if (!finished && !exchange.over) exchange.abort();
  }
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

function resultOf(response: Response, taken: number, refused: string[]): CGetResult {
  const { command } = response;
  return {
    status: command.status ?? 0,
    completed: command.numberOfCompletedSuboperations,
    failed: command.numberOfFailedSuboperations,
    warning: command.numberOfWarningSuboperations,
    failedInstances: failedInstances(response),
    taken,
    refused,
    comment: command.errorComment,
  };
}

/** A list that cannot be read is no reason to fail: the counters tell as much as they can. */
function failedInstances({ command, identifier, context }: Response): readonly string[] {
  if (!identifier || identifier.length === 0) return command.failedSopInstanceUidList ?? [];
  try {
    const attributes = decodeDataset(identifier, { transferSyntaxUid: context.transferSyntax });
    return textsOf(attributes, 'FailedSOPInstanceUIDList').filter((uid) => uid !== '');
  } catch {
    return [];
  }
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
      if (statusCategory(response.command.status ?? 0, 'query-retrieve') === 'pending') continue;
      events.push({ response });
      return;
    }
  } catch (error) {
    events.fail(error);
  } finally {
    responses.close();
  }
}
