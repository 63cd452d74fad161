import { transferSyntaxOrDefault } from '@adit/core';
import {
  CommandField,
  type CommandSet,
  DATA_SET_FOLLOWS,
  decodeCommandSet,
  encodeCommandSet,
  hasDataSet,
  isResponse,
  NO_DATA_SET,
  RESPONSE_BIT,
} from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import { IncomingDataset } from './incoming-dataset.ts';
import { PDV_COMMAND, PDV_LAST } from './pdu.ts';
import { frameMessage, maximumFragmentLength, PdvFramer, recycleBatch } from './pdv-framer.ts';
import type { PresentationContext } from './presentation-context.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';
import { Sta } from './state-machine.ts';
import { Status, statusCategory } from './status.ts';
import type { AbortIndication, UpperLayer, UpperLayerUser } from './upper-layer.ts';

/** A response to a request of ours, with its data set where it has one. */
export interface Response {
  command: CommandSet;
  context: PresentationContext;
  identifier?: Buffer;
}

/** A request of the peer. */
export interface IncomingRequest {
  readonly command: CommandSet;
  readonly messageId: number;
  readonly context: PresentationContext;
  /** Of C-STORE: the data set as it comes in. */
  readonly dataset?: IncomingDataset;
  /** Of the other services: the whole data set. */
  readonly identifier?: Buffer;
  /** Aborted by C-CANCEL and by the end of the association. */
  readonly signal: AbortSignal;
}

export interface MessageExchangeOptions {
  /** Names the peer in messages. */
  peer: string;
  contexts: readonly PresentationContext[];
  /** As the peer announced it; 0 is no limit. */
  peerMaximumLength: number;
  /** Longest silence while the peer owes something, in seconds. */
  responseSeconds: number;
  /** Longest silence while nothing is under way, in seconds. Default: no limit. */
  idleSeconds?: number | undefined;
  /** See `DimseNode.earlyByte`. */
  earlyByte?: boolean | undefined;
}

/** Reading stops when so many bytes wait for their reader, and goes on at a quarter of it. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;

/** Batches handed to the operating system and not yet taken by it. */
const MAXIMUM_WRITES = 4;

/** Command sets have a few hundred bytes. */
const MAXIMUM_COMMAND_LENGTH = 64 * 1024;
/** Identifiers: 20,000 failed instance UIDs come to 1.3 MB. */
const MAXIMUM_IDENTIFIER_LENGTH = 16 * 1024 * 1024;
/** Requests a peer may send without waiting for answers; the standard allows one (PS3.7 §D.3.3.3). */
const MAXIMUM_OPEN_REQUESTS = 16;
const HIGHEST_MESSAGE_ID = 65535;

/** A store of ours: waiting for its turn, being sent, or waiting for its answer. */
interface StoreJob {
  readonly turn: PromiseWithResolvers<void>;
  /** The first batch, framed and waiting for the turn. */
  ready: Buffer | undefined;
  /** At least one byte has been written. */
  begun: boolean;
  sourceFailed: boolean;
  sourceError: unknown;
}

/**
 * DIMSE messages over one association: pairs responses with requests, hands requests to their service, lets one message
 * at a time through, and minds flow control and timers.
 */
export class MessageExchange {
  readonly peer: string;
  readonly contexts: readonly PresentationContext[];
  /** Settles when the association is over, however it ended. */
  readonly ended: Promise<void>;
  readonly #upper: UpperLayer;
  readonly #contextsById: Map<number, PresentationContext>;
  readonly #maximumFragment: number;
  readonly #earlyByte: boolean;
  readonly #responseMs: number;
  readonly #idleMs: number;
  readonly #pending = new Map<number, ResponseQueue>();
  readonly #open = new Map<number, OpenRequest>();
  #onRequest: ((request: IncomingRequest) => void) | undefined;
  #lastMessageId = 0;
  #failure: DimseError | undefined;
  #over = false;
  #endedResolve!: () => void;
  #released: PromiseWithResolvers<void> | undefined;

  // Receiving
  #commandPieces: Buffer[] = [];
  #commandLength = 0;
  #commandContext = 0;
  #receiving: { contextId: number; into: IncomingDataset | Collector } | undefined;
  #queuedBytes = 0;
  #paused = false;

  // Sending
  #store: StoreJob | undefined;
  readonly #storesWaiting: StoreJob[] = [];
  /** Held while a message that takes several writes is being written. */
  #writing: PromiseWithResolvers<void> | undefined;
  #writesPending = 0;
  #writeSlot: PromiseWithResolvers<void> | undefined;
  /** Only the early byte of a PDU is written: an A-ABORT would be read as its rest. */
  #cutPdu = false;

  // Timers
  #lastActivity = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(upper: UpperLayer, options: MessageExchangeOptions) {
    this.peer = options.peer;
    this.contexts = options.contexts;
    this.#upper = upper;
    this.#contextsById = new Map(options.contexts.map((context) => [context.id, context]));
    this.#maximumFragment = maximumFragmentLength(options.peerMaximumLength);
    this.#earlyByte = options.earlyByte ?? true;
    this.#responseMs = options.responseSeconds * 1000;
    this.#idleMs = (options.idleSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    this.ended = new Promise((resolve) => {
      this.#endedResolve = resolve;
    });
    upper.attach(this.#user());
    this.#scheduleTimer();
  }

  /** Why the association ended; undefined while it lives and after a release. */
  get failure(): DimseError | undefined {
    return this.#failure;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Takes the peer's requests from here on. Without a taker they are answered with 0211 (unrecognised operation). */
  onRequest(take: ((request: IncomingRequest) => void) | undefined): void {
    this.#onRequest = take;
  }

  /** The accepted context for requests of ours, or undefined. */
  findContext(abstractSyntax: string, transferSyntax?: string): PresentationContext | undefined {
    return this.contexts.find(
      (context) =>
        context.scu &&
        context.abstractSyntax === abstractSyntax &&
        (transferSyntax === undefined || context.transferSyntax === transferSyntax),
    );
  }

  // Requests of ours

  /** Sends a request whose data set is small. The queue gives its responses and must be closed. */
  async request(
    context: PresentationContext,
    command: Omit<CommandSet, 'messageId' | 'commandDataSetType'>,
    identifier?: Uint8Array,
  ): Promise<ResponseQueue> {
    this.#throwIfOver();
    const messageId = this.#nextMessageId();
    const queue = new ResponseQueue(messageId, context, this.#flow, () => this.#pending.delete(messageId));
    this.#pending.set(messageId, queue);
    await this.#send(context, { ...command, messageId }, identifier);
    return queue;
  }

  /** Asks the peer to stop answering (PS3.7 §9.3.2.3). */
  async cancel(queue: ResponseQueue): Promise<void> {
    await this.#send(queue.context, {
      commandField: CommandField.cCancelRq,
      messageIdBeingRespondedTo: queue.messageId,
    });
  }

  /**
   * Sends a C-STORE request whose data set streams, and gives the response. Calls may overlap: the next object is framed
   * while the answer to the last one is awaited, and follows at once.
   *
   * @param onUnrepeatable called when so much is sent that the object cannot begin anew from what its first batch held
   */
  async store(
    context: PresentationContext,
    command: Omit<CommandSet, 'commandField' | 'messageId' | 'commandDataSetType'>,
    dataset: AsyncIterable<Uint8Array>,
    onUnrepeatable?: () => void,
  ): Promise<CommandSet> {
    this.#throwIfOver();
    const job: StoreJob = {
      turn: Promise.withResolvers(),
      ready: undefined,
      begun: false,
      sourceFailed: false,
      sourceError: undefined,
    };
    job.turn.promise.catch(() => undefined);
    if (this.#store) this.#storesWaiting.push(job);
    else this.#giveTurn(job);
    const messageId = this.#nextMessageId();
    const responses = new ResponseQueue(messageId, context, this.#flow, () =>
      this.#pending.delete(messageId),
    );
    responses.sent = false;
    this.#pending.set(messageId, responses);
    // A source that is waited for must not keep the caller from learning of the association's end.
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined);
    responses.onFailure = failed.reject;
    try {
      const encoded = encodeCommandSet({
        ...command,
        commandField: CommandField.cStoreRq,
        messageId,
        commandDataSetType: DATA_SET_FOLLOWS,
      });
      const framer = new PdvFramer(context.id, this.#maximumFragment);
      const iterator = dataset[Symbol.asyncIterator]();
      const padded = transferSyntaxOrDefault(context.transferSyntax).deflated;
      const sending = this.#sendStore(job, framer, encoded, padToEven(iterator, padded), onUnrepeatable);
      sending.catch(() => undefined);
      try {
        await Promise.race([sending, failed.promise]);
      } catch (error) {
        // The iterator may be in the middle of a `next`: it is told, not waited for.
        void Promise.resolve(iterator.return?.()).catch(() => undefined);
        // A failed source ends the association, which fails this store in turn: the source's error is the reason.
        throw job.sourceFailed ? job.sourceError : error;
      }
      responses.sent = true;
      this.#touch();
      const response = await responses.next();
      return response.command;
    } finally {
      responses.close();
      this.#endTurn(job);
    }
  }

  async #sendStore(
    job: StoreJob,
    framer: PdvFramer,
    command: Uint8Array,
    dataset: AsyncIterator<Uint8Array>,
    onUnrepeatable: (() => void) | undefined,
  ): Promise<void> {
    let first = true;
    try {
      framer.command(command);
      for (;;) {
        const { done, value: chunk } = await this.#nextChunk(job, dataset);
        if (done) break;
        let offset = framer.append(chunk, 0);
        while (offset < chunk.length) {
          if (first) await this.#writeFirst(job, framer.take());
          else await this.#writeBatch(framer.take());
          if (first) onUnrepeatable?.();
          first = false;
          offset = framer.append(chunk, offset);
        }
      }
      framer.end();
      if (first) await this.#writeFirst(job, framer.take());
      else await this.#writeBatch(framer.take());
    } catch (error) {
      framer.drop();
      // The peer has a part of the object: a half object must never look like a whole one.
      if (job.begun && !this.#over) this.abort();
      throw error;
    }
    this.#unlock();
  }

  async #nextChunk(job: StoreJob, dataset: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await dataset.next();
    } catch (error) {
      job.sourceFailed = true;
      job.sourceError = error;
      throw error;
    }
  }

  /** Waits for the turn with the first batch in hand, then writes it, or what the early byte left of it. */
  async #writeFirst(job: StoreJob, batch: Buffer): Promise<void> {
    job.ready = batch;
    this.#sendEarlyByte();
    await job.turn.promise;
    if (!job.begun) {
      await this.#lock();
      job.begun = true;
      await this.#writeBatch(batch);
      return;
    }
    this.#cutPdu = false;
    await this.#writeBatch(batch, 1);
  }

  async #writeBatch(batch: Buffer, from = 0): Promise<void> {
    this.#throwIfOver();
    this.#writesPending += 1;
    this.#upper.write(from === 0 ? batch : batch.subarray(from), () => {
      recycleBatch(batch);
      this.#writesPending -= 1;
      this.#writeSlot?.resolve();
      this.#writeSlot = undefined;
    });
    if (this.#writesPending >= MAXIMUM_WRITES) {
      this.#writeSlot ??= Promise.withResolvers();
      await this.#writeSlot.promise;
    }
  }

  #giveTurn(job: StoreJob): void {
    this.#store = job;
    job.turn.resolve();
  }

  #endTurn(job: StoreJob): void {
    if (this.#store === job) {
      this.#store = undefined;
      const next = this.#storesWaiting.shift();
      if (next) this.#giveTurn(next);
      return;
    }
    const index = this.#storesWaiting.indexOf(job);
    if (index >= 0) this.#storesWaiting.splice(index, 1);
  }

  /**
   * The answer to the current object has begun to come. If the peer's TCP holds the rest back until its first bytes are
   * acknowledged, one byte of the next object carries the acknowledgement at once.
   */
  #sendEarlyByte(): void {
    const next = this.#storesWaiting[0];
    if (!this.#earlyByte || !next?.ready || next.begun || this.#writing) return;
    if (this.#pending.size === 0 || !this.#upper.midPdu || this.#receiving) return;
    next.begun = true;
    this.#cutPdu = true;
    this.#writing = Promise.withResolvers();
    this.#upper.write(next.ready.subarray(0, 1));
  }

  // Answers of ours

  /** Answers a request. Anything but a pending status ends it. */
  async respond(
    request: IncomingRequest,
    command: Omit<CommandSet, 'commandField' | 'commandDataSetType'> & { status: number },
    identifier?: Uint8Array,
  ): Promise<void> {
    const final = statusCategory(command.status) !== 'pending';
    if (final) this.#open.delete(request.messageId);
    if (this.#over) return;
    const answer: Omit<CommandSet, 'commandDataSetType'> = {
      ...command,
      commandField: request.command.commandField | RESPONSE_BIT,
      messageIdBeingRespondedTo: request.messageId,
    };
    if (request.command.affectedSopClassUid !== undefined) {
      answer.affectedSopClassUid = request.command.affectedSopClassUid;
    }
    await this.#send(request.context, answer, identifier);
    this.#touch();
  }

  async #send(
    context: PresentationContext,
    command: Omit<CommandSet, 'commandDataSetType'>,
    identifier?: Uint8Array,
  ): Promise<void> {
    const encoded = encodeCommandSet({
      ...command,
      commandDataSetType: identifier ? DATA_SET_FOLLOWS : NO_DATA_SET,
    });
    const message = frameMessage(context.id, this.#maximumFragment, encoded, identifier);
    while (this.#writing) await this.#writing.promise;
    this.#throwIfOver();
    this.#touch();
    this.#writesPending += 1;
    this.#upper.write(message, () => {
      this.#writesPending -= 1;
      this.#writeSlot?.resolve();
      this.#writeSlot = undefined;
    });
    // Answers that nobody reads must not pile up here.
    if (this.#writesPending >= MAXIMUM_WRITES) {
      this.#writeSlot ??= Promise.withResolvers();
      await this.#writeSlot.promise;
    }
  }

  async #lock(): Promise<void> {
    while (this.#writing) await this.#writing.promise;
    this.#writing = Promise.withResolvers();
  }

  #unlock(): void {
    this.#writing?.resolve();
    this.#writing = undefined;
  }

  // The end

  /**
   * Ends the association in order (PS3.8 §7.2). Resolves when it is over; a peer that does not answer in time is
   * disconnected.
   *
   * @param seconds how long the peer may take
   */
  async release(seconds: number): Promise<void> {
    if (this.#over) return;
    if (this.#released) return this.#released.promise;
    this.#released = Promise.withResolvers();
    while (this.#writing) await this.#writing.promise;
    this.#upper.release();
    const timer = setTimeout(() => this.abort(), seconds * 1000);
    try {
      await Promise.race([this.#released.promise, this.ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the association at once: whatever is under way fails with `failure`. */
  abort(failure?: DimseError): void {
    if (this.#over) return;
    if (this.#cutPdu) this.#upper.destroy();
    else this.#upper.abort();
    this.#end(
      failure ??
        new DimseError('CLOSED', `The association with ${this.peer} was aborted by this side.`, {
          retryable: true,
        }),
    );
  }

  #end(failure: DimseError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    clearTimeout(this.#timer);
    const error = failure ?? this.#closed();
    this.#receiving?.into.fail(error);
    this.#receiving = undefined;
    for (const queue of [...this.#pending.values()]) queue.fail(error);
    this.#pending.clear();
    for (const request of this.#open.values()) request.end(error);
    this.#open.clear();
    for (const job of this.#storesWaiting) job.turn.reject(error);
    this.#writeSlot?.resolve();
    this.#writeSlot = undefined;
    this.#unlock();
    this.#released?.resolve();
    this.#endedResolve();
  }

  #throwIfOver(): void {
    if (this.#over) throw this.#failure ?? this.#closed();
  }

  #closed(): DimseError {
    return new DimseError('CLOSED', `The association with ${this.peer} is released.`, { retryable: true });
  }

  /** A peer may release when nothing is under way; else it leaves requests unanswered. */
  #releasedEarly(): DimseError | undefined {
    if (this.#pending.size === 0) return undefined;
    return new DimseError(
      'CONNECTION_LOST',
      `${this.peer} released the association before it answered; try again.`,
      { retryable: true },
    );
  }

  // Indications of the upper layer

  #user(): UpperLayerUser {
    return {
      onFragment: (contextId, control, bytes, complete) => {
        try {
          this.#onFragment(contextId, control, bytes, complete);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          this.#upper.abortForProtocol(error);
        }
      },
      onReleaseRequest: () => {
        this.#upper.respondToRelease();
        // In a collision our own release is still under way and brings the end (PS3.8 §9.2.2, Sta9 to Sta12).
        if (this.#upper.state === Sta.awaitingTransportClose) this.#end(this.#releasedEarly());
      },
      onReleased: () => {
        // On the acceptor's side of a collision the peer still waits for our answer (Sta12).
        this.#upper.respondToRelease();
        this.#end(undefined);
      },
      onAbort: (indication) => this.#end(abortError(this.peer, indication)),
      onActivity: () => {
        this.#touch();
        if (this.#storesWaiting.length > 0) this.#sendEarlyByte();
      },
    };
  }

  #onFragment(contextId: number, control: number, bytes: Uint8Array, complete: boolean): void {
    const last = complete && (control & PDV_LAST) !== 0;
    if ((control & PDV_COMMAND) === 0) {
      const receiving = this.#receiving;
      if (receiving?.contextId !== contextId)
        throw unexpected('a data set fragment came without its command');
      receiving.into.push(bytes);
      if (last) {
        this.#receiving = undefined;
        receiving.into.finish();
      }
      return;
    }
    if (this.#receiving) throw unexpected('a command came in the middle of a data set');
    if (this.#commandLength > 0 && this.#commandContext !== contextId) {
      throw unexpected('a command came in the middle of another');
    }
    if (bytes.length === 0 && !last) return;
    this.#commandContext = contextId;
    this.#commandLength += bytes.length;
    if (this.#commandLength > MAXIMUM_COMMAND_LENGTH) throw unexpected('a command set has no end');
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // Most command sets come in one piece, which is read where it lies.
    this.#commandPieces.push(last ? piece : Buffer.from(piece));
    if (!last) return;
    const pieces = this.#commandPieces;
    this.#commandPieces = [];
    this.#commandLength = 0;
    this.#onCommand(decodeCommandSet(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)), contextId);
  }

  #onCommand(command: CommandSet, contextId: number): void {
    const context = this.#contextsById.get(contextId);
    if (!context)
      throw unexpected(`a message came on presentation context ${contextId}, which is not agreed`);
    if (isResponse(command)) this.#onResponse(command, context);
    else if (command.commandField === CommandField.cCancelRq) this.#onCancel(command);
    else this.#onRequestCommand(command, context);
  }

  #onResponse(command: CommandSet, context: PresentationContext): void {
    const queue = this.#pending.get(command.messageIdBeingRespondedTo ?? -1);
    if (!hasDataSet(command)) {
      queue?.push({ command, context });
      return;
    }
    this.#receiving = {
      contextId: context.id,
      into: new Collector((identifier) => queue?.push({ command, context, identifier })),
    };
  }

  #onCancel(command: CommandSet): void {
    // PS3.7 §9.3.2.3: the message to cancel is named as if it were responded to.
    this.#open.get(command.messageIdBeingRespondedTo ?? -1)?.cancel();
  }

  #onRequestCommand(command: CommandSet, context: PresentationContext): void {
    const messageId = command.messageId;
    if (messageId === undefined) throw unexpected('a request has no Message ID (0000,0110)');
    if (this.#open.size >= MAXIMUM_OPEN_REQUESTS || this.#open.has(messageId)) {
      throw unexpected('requests come without waiting for their answers');
    }
    const open = new OpenRequest();
    this.#open.set(messageId, open);
    const request = { command, messageId, context, signal: open.signal };
    if (!hasDataSet(command)) {
      this.#takeRequest(request);
      return;
    }
    if (command.commandField === CommandField.cStoreRq) {
      const dataset = new IncomingDataset(this.#flow);
      open.dataset = dataset;
      this.#receiving = { contextId: context.id, into: dataset };
      this.#takeRequest({ ...request, dataset });
      return;
    }
    this.#receiving = {
      contextId: context.id,
      into: new Collector((identifier) => this.#takeRequest({ ...request, identifier })),
    };
  }

  #takeRequest(request: IncomingRequest): void {
    if (this.#onRequest) {
      this.#onRequest(request);
      return;
    }
    request.dataset?.discard();
    void this.respond(request, { status: Status.unrecognizedOperation }).catch(() => undefined);
  }

  #nextMessageId(): number {
    do {
      this.#lastMessageId = this.#lastMessageId === HIGHEST_MESSAGE_ID ? 1 : this.#lastMessageId + 1;
    } while (this.#pending.has(this.#lastMessageId));
    return this.#lastMessageId;
  }

  // Flow control

  readonly #flow = {
    onQueued: (bytes: number) => {
      this.#queuedBytes += bytes;
      if (this.#queuedBytes >= HIGH_WATER && !this.#paused) {
        this.#paused = true;
        this.#upper.pause();
      }
    },
    onTaken: (bytes: number) => {
      this.#queuedBytes -= bytes;
      if (this.#queuedBytes <= LOW_WATER && this.#paused) {
        this.#paused = false;
        this.#touch();
        this.#upper.resume();
      }
    },
  };

  // Timers

  #touch(): void {
    this.#lastActivity = performance.now();
  }

  /** One timer that looks again when the time could be up, instead of one restarted for each chunk. */
  #scheduleTimer(): void {
    if (this.#over) return;
    const limit = Math.min(this.#responseMs, this.#idleMs);
    if (limit === Number.POSITIVE_INFINITY) return;
    const silence = performance.now() - this.#lastActivity;
    // A limit that did not apply before may apply now: look at least four times in it.
    const wait = Math.max(limit - silence, limit / 4, 1);
    this.#timer = setTimeout(() => {
      // When this process was busy itself, what the peer has sent meanwhile is read first.
      if (this.#overdue()) setImmediate(() => this.#checkSilence());
      else this.#scheduleTimer();
    }, wait);
    this.#timer.unref();
  }

  #checkSilence(): void {
    const overdue = this.#overdue();
    if (overdue && !this.#over) this.#timeOut(overdue.what, overdue.limit);
    else this.#scheduleTimer();
  }

  #overdue(): { what: string; limit: number } | undefined {
    const silence = performance.now() - this.#lastActivity;
    const owed = this.#peerOwes();
    if (owed !== undefined) {
      return silence >= this.#responseMs ? { what: owed, limit: this.#responseMs } : undefined;
    }
    if (!this.#isIdle() || silence < this.#idleMs) return undefined;
    return { what: 'nothing was asked for', limit: this.#idleMs };
  }

  /** What the peer should be doing, if anything; time that this side takes does not count against the peer. */
  #peerOwes(): string | undefined {
    if (this.#upper.writesPending > 0) return 'it does not take what is sent';
    if (this.#paused) return undefined;
    if (this.#receiving || this.#upper.midPdu) return 'it stopped in the middle of a message';
    if (this.#open.size > 0) return undefined;
    for (const queue of this.#pending.values()) {
      if (queue.sent && !queue.unread) return 'it does not answer';
    }
    return undefined;
  }

  #isIdle(): boolean {
    return this.#pending.size === 0 && this.#open.size === 0;
  }

  #timeOut(what: string, limit: number): void {
    this.abort(
      new DimseError(
        'TIMEOUT',
        `${this.peer} was silent for ${limit / 1000} s (${what}); the association was aborted.`,
        { retryable: true },
      ),
    );
  }
}

/** Responses to one request, in order. */
export class ResponseQueue {
  readonly messageId: number;
  readonly context: PresentationContext;
  /** The request is sent whole: the peer's time to answer runs. */
  sent = true;
  onFailure: ((error: unknown) => void) | undefined;
  readonly #flow: { onQueued(bytes: number): void; onTaken(bytes: number): void };
  readonly #onClose: () => void;
  readonly #queue: Response[] = [];
  #waiting: PromiseWithResolvers<Response> | undefined;
  #error: unknown;
  #closed = false;

  constructor(
    messageId: number,
    context: PresentationContext,
    flow: { onQueued(bytes: number): void; onTaken(bytes: number): void },
    onClose: () => void,
  ) {
    this.messageId = messageId;
    this.context = context;
    this.#flow = flow;
    this.#onClose = onClose;
  }

  /** Responses wait for this side to read them. */
  get unread(): boolean {
    return this.#queue.length > 0;
  }

  push(response: Response): void {
    if (this.#closed) return;
    if (this.#waiting) {
      this.#waiting.resolve(response);
      this.#waiting = undefined;
      return;
    }
    this.#queue.push(response);
    this.#flow.onQueued(sizeOf(response));
  }

  fail(error: unknown): void {
    this.#error = error;
    this.onFailure?.(error);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Waits for the next response. Throws why the association ended, if it did. */
  next(): Promise<Response> {
    const response = this.#queue.shift();
    if (response) {
      this.#flow.onTaken(sizeOf(response));
      return Promise.resolve(response);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** No more responses are wanted. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const response of this.#queue.splice(0)) this.#flow.onTaken(sizeOf(response));
    this.#onClose();
  }
}

/** Bytes that a waiting response counts for, its objects included. */
function sizeOf(response: Response): number {
  return (response.identifier?.length ?? 0) + 512;
}

/** A request of the peer that is not yet answered. */
class OpenRequest {
  dataset: IncomingDataset | undefined;
  readonly #controller = new AbortController();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancel(): void {
    this.#controller.abort(new DOMException('The peer cancelled the request.', 'AbortError'));
  }

  end(error: DimseError): void {
    this.dataset?.fail(error);
    this.#controller.abort(error);
  }
}

/** Puts a small data set together. */
class Collector {
  readonly #pieces: Buffer[] = [];
  #length = 0;
  readonly #onDone: (bytes: Buffer) => void;

  constructor(onDone: (bytes: Buffer) => void) {
    this.#onDone = onDone;
  }

  push(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > MAXIMUM_IDENTIFIER_LENGTH) {
      throw unexpected(`an identifier is longer than ${MAXIMUM_IDENTIFIER_LENGTH} bytes`);
    }
    // A copy: a view would keep the large buffer it lies in.
    if (bytes.length > 0) this.#pieces.push(Buffer.from(bytes));
  }

  finish(): void {
    this.#onDone(Buffer.concat(this.#pieces));
  }

  fail(): void {
    this.#pieces.length = 0;
  }
}

const PADDING: IteratorResult<Uint8Array> = { done: false, value: Buffer.alloc(1) };

/**
 * A deflated data set of odd length is padded with NUL (PS3.5 §A.5). Files are found without, and DCMTK aborts on a fragment
 * of odd length.
 */
function padToEven(source: AsyncIterator<Uint8Array>, wanted: boolean): AsyncIterator<Uint8Array> {
  if (!wanted) return source;
  let odd = false;
  return {
    next: async () => {
      const result = await source.next();
      if (result.done) {
        if (!odd) return result;
        odd = false;
        return PADDING;
      }
      odd = (result.value.length % 2 === 1) !== odd;
      return result;
    },
  };
}

function unexpected(message: string): ProtocolError {
  return new ProtocolError(AbortReason.unexpectedParameter, message);
}

/** Reasons of an A-ABORT by the service provider (PS3.8 §9.3.8) in words. */
const ABORT_REASONS: Readonly<Record<number, string>> = {
  0: 'no reason given',
  1: 'unrecognised PDU',
  2: 'unexpected PDU',
  4: 'unrecognised PDU parameter',
  5: 'unexpected PDU parameter',
  6: 'invalid PDU parameter value',
};

/** The error that an abort indication comes to. */
export function abortError(peer: string, indication: AbortIndication): DimseError {
  switch (indication.by) {
    case 'peer': {
      const who =
        indication.source === 0
          ? 'its application'
          : `its upper layer: ${ABORT_REASONS[indication.reason] ?? `reserved reason ${indication.reason}`}`;
      return new DimseError(
        'ABORTED',
        `${peer} aborted the association (${who}); look into the node's log, or try again.`,
        { retryable: true },
      );
    }
    case 'transport':
      return new DimseError(
        'CONNECTION_LOST',
        `The connection to ${peer} was lost${indication.error ? ` (${indication.error.message})` : ''}; try again.`,
        { cause: indication.error, retryable: true },
      );
    case 'protocol':
      return new DimseError(
        'PROTOCOL',
        `${peer} broke the DICOM protocol: ${indication.message}; the association was aborted.`,
      );
  }
}
