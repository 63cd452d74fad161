import { type DicomInstance, type OneReader, oneReader, peekHeader, Tags, textOf } from '@adit/core';
import { DimseError } from './dimse-error.ts';
import type { StatusAnswer, StoreRequest } from './scp/handlers.ts';
import { type ListenOptions, listen } from './scp/listen.ts';
import { onAbort } from './service.ts';
import { Status } from './status.ts';
import { CommitmentReports } from './storage-commitment.ts';

export interface ReceiverOptions extends Omit<ListenOptions, 'handlers' | 'aeTitle'> {
  /** AE title that nodes send to. They must know it with this host and port. */
  aeTitle: string;
}

/** What somebody waits for. */
export interface Expectation {
  /** Who asks for the C-MOVE: the AE title that objects name as their move originator. */
  callingAeTitle: string;
  /** AE title of the node that is asked. */
  nodeAeTitle: string;
  studyInstanceUid: string;
  /** Only these series. */
  seriesInstanceUids?: readonly string[] | undefined;
  /** Only these instances. */
  sopInstanceUids?: readonly string[] | undefined;
}

/** An object on its way in, for the one who waits for it. */
export interface Arrival {
  readonly instance: DicomInstance;
  /** Of its data set: read to the end it is acknowledged, left early it is refused (A700). */
  readonly reader: OneReader;
}

/** Objects of one retrieval as they come in. */
export interface Delivery extends Disposable {
  /** A Message ID for a C-MOVE of this retrieval: no other one of the receiver has it. */
  nextMessageId(): number;
  /** Has the object come, whatever became of it? */
  hasSeen(sopInstanceUid: string): boolean;
  /** How often an object was answered with success. */
  readonly acknowledged: number;
  /** How often one was not, because nobody read it to its end or because it broke off. */
  readonly refused: number;
  /**
   * The next object, the oldest that waits; undefined when none has come for so many seconds. Aborting the signal rejects
   * with its reason.
   */
  next(options?: { seconds?: number; signal?: AbortSignal | undefined }): Promise<Arrival | undefined>;
  /** Wakes `next`, which then gives undefined if no object waits. */
  wake(): void;
}

/** Takes what nodes send on associations of their own, and hands it to those who wait for it. */
export interface Receiver extends AsyncDisposable {
  readonly aeTitle: string;
  readonly port: number;
  /** Takes the reports on storage commitment: for `requestStorageCommitment` and `verifyByCommitment`. */
  readonly reports: CommitmentReports;
  /** Begins to wait for objects. Dispose of the delivery when done: what comes later is refused. */
  expect(what: Expectation): Delivery;
}

/** Refused: not authorised (PS3.7 §C), for objects nobody waits for. */
const UNCLAIMED: StatusAnswer = { status: Status.notAuthorized, comment: 'Nobody waits for this object' };
const HIGHEST_MESSAGE_ID = 65535;

/**
 * Starts a receiver for C-MOVE, and for reports on storage commitment. An object belongs to the retrieval whose C-MOVE it names as its originator; if it names none
 * that is known, to one that waits for its study. It is answered with success when its reader has all of it. Objects that
 * nobody waits for are refused with a status, never taken and dropped.
 *
 * Throws `DimseError` with code `LISTEN` when it cannot listen.
 *
 * @example
 * await using receiver = await createReceiver({ aeTitle: 'ME', host: '127.0.0.1', port: 0 });
 * // Usually the node's administrator enters it; here the node is a PACS of our own.
 * const peers = [{ aeTitle: 'ME', host: '127.0.0.1', port: receiver.port }];
 * await using pacs = await createArchiveScp({ folder, aeTitle: 'PACS', peers });
 * const [object] = syntheticStudy({ series: [{ kind: 'CT' }] });
 * await pacs.archive.store(object);
 *
 * const source = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' as const };
 * await using client = createDimseClient(source, { receiver });
 * const studyInstanceUid = textOf(object.attributes, 'StudyInstanceUID');
 * for await (const instance of client.retrieve({ studyInstanceUid })) {
 *   for await (const chunk of instance.dataset) console.log(instance.sopInstanceUid, chunk.length);
 * }
 */
export async function createReceiver(options: ReceiverOptions): Promise<Receiver> {
  const desk = new ReceivingDesk();
  const reports = new CommitmentReports();
  const server = await listen({
    ...options,
    handlers: { store: (request) => desk.store(request), eventReport: reports.eventReport },
  });
  return {
    aeTitle: options.aeTitle.trim(),
    port: server.port,
    reports,
    expect: (what) => desk.expect(what),
    [Symbol.asyncDispose]: async () => {
      await server.close();
    },
  };
}

/** Knows who waits for what. */
class ReceivingDesk {
  /** Oldest first. */
  readonly #deliveries = new Set<WaitingDelivery>();
  readonly #byMessageId = new Map<number, WaitingDelivery>();
  // Nodes that answer with an id of their own making answer with a low one.
  #lastMessageId = 1000 + Math.floor(Math.random() * 60_000);

  expect(what: Expectation): Delivery {
    const delivery: WaitingDelivery = new WaitingDelivery(what, {
      nextMessageId: () => this.#nextMessageId(delivery),
      onEnd: () => {
        this.#deliveries.delete(delivery);
        for (const [id, owner] of this.#byMessageId) if (owner === delivery) this.#byMessageId.delete(id);
      },
    });
    this.#deliveries.add(delivery);
    return delivery;
  }

  #nextMessageId(delivery: WaitingDelivery): number {
    if (this.#byMessageId.size >= HIGHEST_MESSAGE_ID) {
      throw new DimseError('CLOSED', 'The receiver has no Message ID left: end some of the retrievals.', {
        retryable: true,
      });
    }
    do {
      this.#lastMessageId = this.#lastMessageId === HIGHEST_MESSAGE_ID ? 1 : this.#lastMessageId + 1;
    } while (this.#byMessageId.has(this.#lastMessageId));
    this.#byMessageId.set(this.#lastMessageId, delivery);
    return this.#lastMessageId;
  }

  async store(request: StoreRequest): Promise<number | StatusAnswer> {
    const delivery = this.#byOriginator(request);
    if (delivery) return delivery.take(request, request);
    return this.#storeByStudy(request);
  }

  #byOriginator({ moveOriginator }: StoreRequest): WaitingDelivery | undefined {
    if (!moveOriginator) return undefined;
    const delivery = this.#byMessageId.get(moveOriginator.messageId);
    return delivery?.what.callingAeTitle === moveOriginator.aeTitle.trim() ? delivery : undefined;
  }

  async #storeByStudy(request: StoreRequest): Promise<number | StatusAnswer> {
    if (this.#deliveries.size === 0) return UNCLAIMED;
    const { attributes, instance } = await peekHeader(request, [
      Tags.StudyInstanceUID,
      Tags.SeriesInstanceUID,
    ]);
    const study = textOf(attributes, 'StudyInstanceUID');
    const series = textOf(attributes, 'SeriesInstanceUID');
    const waiting = [...this.#deliveries].filter((delivery) =>
      delivery.waitsFor(study, series, request.sopInstanceUid),
    );
    // Of several that wait for the same, each gets the object once, those first that asked the node it comes from.
    const asked = waiting.filter(({ what }) => what.nodeAeTitle === request.callingAeTitle.trim());
    const candidates = [...asked, ...waiting];
    const delivery = candidates.find((one) => !one.hasSeen(request.sopInstanceUid)) ?? candidates[0];
    if (!delivery) {
      await instance.dataset[Symbol.asyncIterator]().return?.();
      return UNCLAIMED;
    }
    return delivery.take(request, instance);
  }
}

class WaitingDelivery implements Delivery {
  readonly what: Expectation;
  readonly nextMessageId: () => number;
  readonly #onEnd: () => void;
  readonly #queue: Arrival[] = [];
  readonly #seen = new Set<string>();
  readonly #taken = new Set<string>();
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  #over = false;
  acknowledged = 0;
  refused = 0;

  constructor(what: Expectation, desk: { nextMessageId: () => number; onEnd: () => void }) {
    this.what = { ...what, callingAeTitle: what.callingAeTitle.trim(), nodeAeTitle: what.nodeAeTitle.trim() };
    this.nextMessageId = desk.nextMessageId;
    this.#onEnd = desk.onEnd;
  }

  waitsFor(study: string | undefined, series: string | undefined, sopInstanceUid: string): boolean {
    const { studyInstanceUid, seriesInstanceUids, sopInstanceUids } = this.what;
    if (study !== studyInstanceUid) return false;
    if (sopInstanceUids) return sopInstanceUids.includes(sopInstanceUid);
    return !seriesInstanceUids || (series !== undefined && seriesInstanceUids.includes(series));
  }

  hasSeen(sopInstanceUid: string): boolean {
    return this.#seen.has(sopInstanceUid);
  }

  /** Puts an object into the queue. Resolves with the answer to it. */
  take(request: StoreRequest, instance: DicomInstance): Promise<number> {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = request;
    // Sent once more although it is here: whoever waits has it already.
    if (this.#taken.has(sopInstanceUid)) {
      this.acknowledged += 1;
      return Promise.resolve(Status.success);
    }
    const answer = Promise.withResolvers<number>();
    const settle = (status: number) => {
      if (status === Status.success) {
        this.acknowledged += 1;
        this.#taken.add(sopInstanceUid);
      } else this.refused += 1;
      answer.resolve(status);
    };
    const reader = oneReader(
      answered(instance.dataset, settle),
      () => new DimseError('CLOSED', 'The object was refused, for nobody had begun to read it.'),
    );
    this.#seen.add(sopInstanceUid);
    const arrival: Arrival = {
      instance: { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset: reader.dataset },
      reader,
    };
    if (this.#over) refuse(arrival);
    else this.#queue.push(arrival);
    // The association may end before its turn has come.
    onAbort(request.signal, () => {
      const index = this.#queue.indexOf(arrival);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      refuse(arrival);
    });
    this.wake();
    return answer.promise;
  }

  async next(
    options: { seconds?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<Arrival | undefined> {
    const { seconds, signal } = options;
    signal?.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    const { promise } = this.#wake;
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => undefined);
    const stopListening = onAbort(signal, () => aborted.reject(signal?.reason));
    try {
      if (this.#queue.length === 0) {
        const waits: Promise<void>[] = [promise, aborted.promise];
        if (seconds !== undefined) {
          waits.push(
            new Promise((resolve) => {
              timer = setTimeout(resolve, seconds * 1000);
            }),
          );
        }
        await Promise.race(waits);
      }
    } finally {
      clearTimeout(timer);
      stopListening();
    }
    return this.#queue.shift();
  }

  wake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#onEnd();
    for (const arrival of this.#queue.splice(0)) refuse(arrival);
  }
}

/** Nobody has begun to read it. */
function refuse(arrival: Arrival): void {
  void arrival.reader.settled().catch(() => undefined);
}

/** Tells how an object is to be answered when its reader is through with it. */
function answered(
  dataset: AsyncIterable<Uint8Array>,
  settle: (status: number) => void,
): AsyncIterable<Uint8Array> {
  const iterator = dataset[Symbol.asyncIterator]();
  let open = true;
  const end = (status: number) => {
    if (open) settle(status);
    open = false;
  };
  const watched: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      try {
        const result = await iterator.next();
        if (!result.done) return { done: false, value: result.value };
        end(Status.success);
        return { done: true, value: undefined };
      } catch (error) {
        end(Status.unableToProcess);
        throw error;
      }
    },
    async return() {
      end(Status.outOfResources);
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => watched };
}
