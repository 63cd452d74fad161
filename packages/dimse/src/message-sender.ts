import { transferSyntaxOrDefault } from '@adit/core';
import { type CommandSet, DATA_SET_FOLLOWS, encodeCommandSet, NO_DATA_SET } from './command-set.ts';
import { type ObjectBatch, type ObjectBatches, objectBatches } from './object-batches.ts';
import { BATCH_LENGTH, type Batch, frameMessage, PdvFramer, recycleBatch } from './pdv-framer.ts';
import type { PresentationContext } from './presentation-context.ts';
import type { UpperLayer } from './upper-layer.ts';

/** What the sender needs of the association it sends on. */
export interface SendingAssociation {
  /** Throws why the association is over, if it is. */
  throwIfOver(): void;
  abort(): void;
  /** The answer to the object on its way has begun to come, and not ended. */
  answerBegun(): boolean;
}

/** Bytes handed to the operating system and not yet taken by it: four full batches. */
const MAXIMUM_PENDING = 4 * BATCH_LENGTH;
/** What a small message counts for: it is not its bytes alone that are kept. */
const SMALLEST_WEIGHT = 16 * 1024;

/**
 * Sends the messages of one association, one at a time. Objects go in large batches as their bytes come; the next one is
 * framed while the answer to the last is awaited.
 */
export class MessageSender {
  readonly #upper: UpperLayer;
  readonly #association: SendingAssociation;
  readonly #maximumFragment: number;
  readonly #earlyByte: boolean;
  /** Most objects sent or being sent, and not answered. */
  readonly #window: number;
  /** Objects whose turn it is: being sent, or waiting for their answers. */
  readonly #current = new Set<StoreTurn>();
  readonly #waiting: StoreTurn[] = [];
  /** Held while a message that takes several writes is being written. */
  #writing: PromiseWithResolvers<void> | undefined;
  #pending = 0;
  #writeSlot: PromiseWithResolvers<void> | undefined;
  #cutPdu = false;

  /** @param options.earlyByte see `DimseNode.earlyByte` */
  constructor(
    upper: UpperLayer,
    association: SendingAssociation,
    options: { maximumFragment: number; earlyByte: boolean; window: number },
  ) {
    this.#upper = upper;
    this.#association = association;
    this.#maximumFragment = options.maximumFragment;
    this.#earlyByte = options.earlyByte;
    this.#window = options.window;
  }

  /** Only the early byte of a PDU is written: anything but its rest would be read as its rest. */
  get cutPdu(): boolean {
    return this.#cutPdu;
  }

  /** Sends a message whose data set, if any, is small, when the message before it is written. */
  async send(
    context: PresentationContext,
    command: Omit<CommandSet, 'commandDataSetType'>,
    identifier?: Uint8Array,
  ): Promise<void> {
    const commandDataSetType = identifier ? DATA_SET_FOLLOWS : NO_DATA_SET;
    const encoded = encodeCommandSet({ ...command, commandDataSetType });
    const message = frameMessage(context.id, this.#maximumFragment, encoded, identifier);
    await this.written();
    await this.#write([message]);
  }

  /** Resolves when no message is in the middle of being written. */
  async written(): Promise<void> {
    while (this.#writing) await this.#writing.promise;
  }

  /** Queues an object. Its turn must be ended when its answer has come, or it has failed. */
  queueStore(): StoreTurn {
    const turn = new StoreTurn(
      (one, ...rest) => this.#sendStore(one, ...rest),
      (one) => this.#endTurn(one),
    );
    if (this.#current.size >= this.#window) this.#waiting.push(turn);
    else this.#giveTurn(turn);
    return turn;
  }

  /** To be called when bytes have come: the answer that the next object waits for may have begun. */
  onActivity(): void {
    if (this.#waiting.length > 0) this.#sendEarlyByte();
  }

  /** The association is over. */
  end(error: unknown): void {
    for (const turn of this.#waiting) turn.granted.reject(error);
    this.#freeWriteSlot();
    this.#unlock();
  }

  async #sendStore(
    turn: StoreTurn,
    context: PresentationContext,
    command: CommandSet,
    dataset: AsyncIterable<Uint8Array>,
    onUnrepeatable: (() => void) | undefined,
  ): Promise<void> {
    const framer = new PdvFramer(context.id, this.#maximumFragment);
    try {
      framer.command(encodeCommandSet(command));
      let batch = await turn.firstBatch(framer, dataset, transferSyntaxOrDefault(context.transferSyntax));
      const written = await this.#begin(turn, batch);
      if (!batch.last) onUnrepeatable?.();
      for (let from = written; ; from = 0) {
        // The next batch is read while this one is written.
        const following = batch.last ? undefined : turn.nextBatch();
        following?.catch(() => undefined);
        await this.#writeBatch(batch, from);
        if (!following) break;
        batch = await following;
      }
    } catch (error) {
      // The peer has a part of the object: a half object must never look like a whole one.
      if (turn.begun) this.#association.abort();
      throw error;
    } finally {
      framer.drop();
      turn.leaveSource();
    }
    this.#unlock();
  }

  /** Waits for the object's turn with the first batch in hand. Gives how much of it the early byte has written. */
  async #begin(turn: StoreTurn, batch: Batch): Promise<number> {
    turn.ready = batch;
    this.#sendEarlyByte();
    await turn.granted.promise;
    if (turn.begun) {
      this.#cutPdu = false;
      return 1;
    }
    if (this.#writing) await this.written();
    this.#association.throwIfOver();
    this.#writing = Promise.withResolvers();
    turn.begun = true;
    return 0;
  }

  /** @param from how much of it is written already: no more than a part of the first headers */
  async #writeBatch(batch: Batch, from: number): Promise<void> {
    const [first, ...rest] = batch.parts as [Uint8Array, ...Uint8Array[]];
    await this.#write([first.subarray(from), ...rest], () => recycleBatch(batch));
  }

  /** Resolves when there is room for the next write: a peer that does not read must not fill our memory. */
  async #write(parts: readonly Uint8Array[], onWritten?: () => void): Promise<void> {
    this.#association.throwIfOver();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const weight = Math.max(length, SMALLEST_WEIGHT);
    this.#pending += weight;
    this.#upper.write(parts, () => {
      onWritten?.();
      this.#pending -= weight;
      this.#freeWriteSlot();
    });
    if (this.#pending >= MAXIMUM_PENDING) {
      this.#writeSlot ??= Promise.withResolvers();
      await this.#writeSlot.promise;
    }
  }

  #freeWriteSlot(): void {
    this.#writeSlot?.resolve();
    this.#writeSlot = undefined;
  }

  #unlock(): void {
    this.#writing?.resolve();
    this.#writing = undefined;
  }

  #giveTurn(turn: StoreTurn): void {
    this.#current.add(turn);
    turn.granted.resolve();
  }

  #endTurn(turn: StoreTurn): void {
    if (this.#current.delete(turn)) {
      const next = this.#waiting.shift();
      if (next) this.#giveTurn(next);
      return;
    }
    const index = this.#waiting.indexOf(turn);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /**
   * The answer to the current object has begun to come. If the peer's TCP holds the rest back until its first bytes are
   * acknowledged, one byte of the next object carries the acknowledgement at once.
   */
  #sendEarlyByte(): void {
    const next = this.#waiting[0];
    if (!this.#earlyByte || !next?.ready || next.begun || this.#writing) return;
    if (!this.#association.answerBegun()) return;
    next.begun = true;
    this.#cutPdu = true;
    this.#writing = Promise.withResolvers();
    this.#upper.write([next.ready.parts[0]!.subarray(0, 1)]);
  }
}

type SendStore = (
  turn: StoreTurn,
  context: PresentationContext,
  command: CommandSet,
  dataset: AsyncIterable<Uint8Array>,
  onUnrepeatable: (() => void) | undefined,
) => Promise<void>;

/** One object of ours, from its place in the queue to its answer. */
class StoreTurn {
  /** Settles when the object may go. */
  readonly granted = Promise.withResolvers<void>();
  /** The first batch, framed and waiting for the turn. */
  ready: Batch | undefined;
  /** At least one byte has been written. */
  begun = false;
  /** What the object's source threw. */
  sourceFailure: { error: unknown } | undefined;
  #batches: ObjectBatches | undefined;
  #left = false;
  readonly #send: SendStore;
  readonly #end: (turn: StoreTurn) => void;

  constructor(send: SendStore, end: (turn: StoreTurn) => void) {
    this.#send = send;
    this.#end = end;
    this.granted.promise.catch(() => undefined);
  }

  /**
   * Sends the object when its turn has come, framing its first batch meanwhile. Resolves when all is written.
   *
   * @param onUnrepeatable called when so much is sent that the object cannot begin anew from what its first batch held
   */
  send(
    context: PresentationContext,
    command: CommandSet,
    dataset: AsyncIterable<Uint8Array>,
    onUnrepeatable?: () => void,
  ): Promise<void> {
    return this.#send(this, context, command, dataset, onUnrepeatable);
  }

  /** Opens the data set and frames its beginning. */
  async firstBatch(
    framer: PdvFramer,
    dataset: AsyncIterable<Uint8Array>,
    { deflated }: { deflated: boolean },
  ): Promise<ObjectBatch> {
    return this.#fromSource(async () => {
      const batches = await objectBatches(framer, dataset, deflated);
      if (this.#left) batches.close();
      else this.#batches = batches;
      return batches.next();
    });
  }

  nextBatch(): Promise<ObjectBatch> {
    return this.#fromSource(() => this.#batches!.next());
  }

  /** No more of the data set is wanted. */
  leaveSource(): void {
    this.#left = true;
    this.#batches?.close();
    this.#batches = undefined;
  }

  async #fromSource<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      this.sourceFailure = { error };
      throw error;
    }
  }

  /** Lets the next object go. */
  end(): void {
    this.#end(this);
  }
}
