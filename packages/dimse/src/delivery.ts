import { type DicomInstance, type OneReader, oneReader } from '@adit/core';
import { DimseError } from './dimse-error.ts';
import { onAbort } from './service.ts';
import { Status } from './status.ts';

/** An object on its way in, for the one who waits for it. */
export interface Arrival {
  readonly instance: DicomInstance;
  /** Of its data set: read to the end it is acknowledged, left early it is refused (A700). */
  readonly reader: OneReader;
}

/** Objects of one retrieval as they come in. */
export interface Delivery extends Disposable {
  /** Of every C-MOVE of this retrieval, one after the other: no other retrieval under way has it. */
  readonly messageId: number;
  /** Where nodes must send to, for people: `the host of this program and port 11112`. */
  readonly place: string;
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

/** A delivery with its entrance. */
export interface OpenDelivery extends Delivery {
  /**
   * Puts an object into the queue. Resolves with the status to answer it with: success only when all of it was read, or when
   * it had been before. Aborting the signal takes an object out that waits still.
   */
  take(object: DicomInstance, signal: AbortSignal): Promise<number>;
}

/**
 * Makes the queue between those who receive objects (`Receiver.claim`) and the retrieval that waits for them.
 *
 * @param options.onEnd is called when the delivery is disposed of
 *
 * @example
 * // Waits at two receivers, for nobody knows to which of them a node will send.
 * const receivers = new AsyncDisposableStack();
 * const one = receivers.use(await createReceiver({ aeTitle: 'ME', host: '127.0.0.1', port: 0 }));
 * const other = receivers.use(await createReceiver({ aeTitle: 'ME', host: '127.0.0.1', port: 0 }));
 * const what = { callingAeTitle: 'ME', nodeAeTitle: 'PACS', studyInstanceUid };
 * const claims = new DisposableStack();
 * const delivery = createDelivery({
 *   messageId: 4711,
 *   place: `port ${one.port} or ${other.port}`,
 *   onEnd: () => claims.dispose(),
 * });
 * for (const receiver of [one, other]) {
 *   claims.use(
 *     receiver.claim({ ...what, messageId: 4711, take: (object, signal) => delivery.take(object, signal) }),
 *   );
 * }
 * // A `MoveDestination` of yours returns the delivery from `expect`; here nobody sends.
 * console.log(await delivery.next({ seconds: 0 }));
 * delivery[Symbol.dispose]();
 * await receivers.disposeAsync();
 */
export function createDelivery(options: {
  messageId: number;
  place: string;
  onEnd: () => void;
}): OpenDelivery {
  return new DeliveryQueue(options);
}

class DeliveryQueue implements OpenDelivery {
  readonly messageId: number;
  readonly place: string;
  readonly #onEnd: () => void;
  readonly #queue: Arrival[] = [];
  readonly #seen = new Set<string>();
  readonly #taken = new Set<string>();
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  #over = false;
  acknowledged = 0;
  refused = 0;

  constructor({ messageId, place, onEnd }: { messageId: number; place: string; onEnd: () => void }) {
    this.messageId = messageId;
    this.place = place;
    this.#onEnd = onEnd;
  }

  hasSeen(sopInstanceUid: string): boolean {
    return this.#seen.has(sopInstanceUid);
  }

  take(object: DicomInstance, signal: AbortSignal): Promise<number> {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = object;
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
      answered(object.dataset, settle),
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
    const stopListening = onAbort(signal, () => {
      const index = this.#queue.indexOf(arrival);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      refuse(arrival);
    });
    this.wake();
    return answer.promise.finally(stopListening);
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
