import { abortError } from './abort-error.ts';
import {
  CommandField,
  type CommandSet,
  DATA_SET_FOLLOWS,
  hasDataSet,
  isResponse,
  RESPONSE_BIT,
} from './command-set.ts';
import { DimseError } from './dimse-error.ts';
import { type FlowControl, IncomingDataset } from './incoming-dataset.ts';
import {
  type DatasetReceiver,
  IdentifierCollector,
  MAXIMUM_KEYS_LENGTH,
  MessageAssembler,
  UNWANTED_DATASET,
} from './message-assembler.ts';
import { MessageSender } from './message-sender.ts';
import type { OperationsWindow } from './operations-window.ts';
import { maximumFragmentLength } from './pdv-framer.ts';
import type { PresentationContext } from './presentation-context.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';
import { ResponseQueue } from './response-queue.ts';
import { SilenceWatch } from './silence-watch.ts';
import { Sta } from './state-machine.ts';
import { isPending, Status } from './status.ts';
import type { UpperLayer, UpperLayerUser } from './upper-layer.ts';

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
  /** See `DimseTimeouts.cancel`. */
  cancelSeconds?: number | undefined;
  /** Requests under way at once. Default: one in each direction. */
  window?: OperationsWindow;
}

const DEFAULT_CANCEL_SECONDS = 2;

/** Reading stops when so many bytes wait for their reader, and goes on at a quarter of it. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;

/** Requests a peer may send without waiting for answers, whatever was negotiated (PS3.7 §D.3.3.3). */
const MAXIMUM_OPEN_REQUESTS = 16;
const HIGHEST_MESSAGE_ID = 65535;

/**
 * DIMSE messages over one association: pairs responses with requests, hands requests to their service, and minds flow
 * control, silence and the end.
 */
export class MessageExchange {
  readonly peer: string;
  readonly contexts: readonly PresentationContext[];
  readonly cancelSeconds: number;
  readonly window: OperationsWindow;
  /** Settles when the association is over, however it ended. */
  readonly ended: Promise<void>;
  readonly #upper: UpperLayer;
  readonly #assembler = new MessageAssembler((command, contextId) => this.#onCommand(command, contextId));
  readonly #sender: MessageSender;
  readonly #silence: SilenceWatch;
  /** Requests of ours whose answers are awaited, by message id. */
  readonly #pending = new Map<number, ResponseQueue>();
  /** Requests of the peer that are not yet answered, by message id. */
  readonly #open = new Map<number, OpenRequest>();
  #onRequest: ((request: IncomingRequest) => void) | undefined;
  #lastMessageId = 0;
  #queuedBytes = 0;
  #paused = false;
  #failure: DimseError | undefined;
  #over = false;
  #endedResolve!: () => void;
  #released: PromiseWithResolvers<void> | undefined;

  constructor(upper: UpperLayer, options: MessageExchangeOptions) {
    this.peer = options.peer;
    this.contexts = options.contexts;
    this.cancelSeconds = options.cancelSeconds ?? DEFAULT_CANCEL_SECONDS;
    this.window = options.window ?? { invoked: 1, performed: 1 };
    this.#upper = upper;
    this.ended = new Promise((resolve) => {
      this.#endedResolve = resolve;
    });
    this.#sender = new MessageSender(
      upper,
      {
        throwIfOver: () => this.#throwIfOver(),
        abort: () => this.abort(),
        answerBegun: () => this.#pending.size > 0 && upper.midPdu && !this.#assembler.midDataset,
      },
      {
        maximumFragment: maximumFragmentLength(options.peerMaximumLength),
        earlyByte: options.earlyByte ?? true,
        window: this.window.invoked,
      },
    );
    this.#silence = new SilenceWatch({
      responseSeconds: options.responseSeconds,
      idleSeconds: options.idleSeconds ?? Number.POSITIVE_INFINITY,
      owed: () => this.#peerOwes(),
      idle: () => this.#pending.size === 0 && this.#open.size === 0,
      midMessage: () => this.#midMessage(),
      received: () => upper.bytesReceived,
      onOverdue: (what, seconds) => this.#timeOut(what, seconds),
    });
    upper.attach(this.#user());
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

  /**
   * Sends a request whose data set is small. The queue gives its responses and must be closed.
   *
   * @param command its Message ID is chosen here unless it has one
   */
  async request(
    context: PresentationContext,
    command: Omit<CommandSet, 'commandDataSetType'>,
    identifier?: Uint8Array,
  ): Promise<ResponseQueue> {
    const responses = this.#expectResponses(context, command.commandField, command.messageId);
    await this.#send(context, { ...command, messageId: responses.messageId }, identifier);
    responses.sent = true;
    return responses;
  }

  /** Asks the peer to stop answering (PS3.7 §9.3.2.3). */
  async cancel(responses: Pick<ResponseQueue, 'messageId' | 'context'>): Promise<void> {
    await this.#send(responses.context, {
      commandField: CommandField.cCancelRq,
      messageIdBeingRespondedTo: responses.messageId,
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
    const responses = this.#expectResponses(context, CommandField.cStoreRq);
    const turn = this.#sender.queueStore();
    try {
      const whole: CommandSet = {
        ...command,
        commandField: CommandField.cStoreRq,
        messageId: responses.messageId,
        commandDataSetType: DATA_SET_FOLLOWS,
      };
      try {
        // A source that is waited for must not keep the caller from learning of the association's end.
        await new Promise<void>((resolve, reject) => {
          responses.onFailure = reject;
          turn.send(context, whole, dataset, onUnrepeatable).then(resolve, reject);
        });
      } catch (error) {
        turn.leaveSource();
        // A failed source ends the association, which fails this store in turn: the source's error is the reason.
        throw turn.sourceFailure ? turn.sourceFailure.error : error;
      }
      responses.sent = true;
      this.#silence.touch();
      return (await responses.next()).command;
    } finally {
      responses.close();
      turn.end();
    }
  }

  #expectResponses(
    context: PresentationContext,
    commandField: number,
    messageId = this.#nextMessageId(),
  ): ResponseQueue {
    this.#throwIfOver();
    if (this.#pending.has(messageId)) throw new RangeError(`Message ID ${messageId} is under way already`);
    const responses = new ResponseQueue({ messageId, commandField }, context, this.#flow, () =>
      this.#pending.delete(messageId),
    );
    this.#pending.set(messageId, responses);
    return responses;
  }

  #nextMessageId(): number {
    do {
      this.#lastMessageId = this.#lastMessageId === HIGHEST_MESSAGE_ID ? 1 : this.#lastMessageId + 1;
    } while (this.#pending.has(this.#lastMessageId));
    return this.#lastMessageId;
  }

  async #send(
    context: PresentationContext,
    command: Omit<CommandSet, 'commandDataSetType'>,
    identifier?: Uint8Array,
  ): Promise<void> {
    await this.#sender.send(context, command, identifier);
    this.#silence.touch();
  }

  // Answers of ours

  /** Answers a request. Anything but a pending status ends it. */
  async respond(
    request: IncomingRequest,
    command: Omit<CommandSet, 'commandField' | 'commandDataSetType'> & { status: number },
    identifier?: Uint8Array,
  ): Promise<void> {
    if (!isPending(command.status)) this.#open.delete(request.messageId);
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
    await this.#sender.written();
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
    if (this.#sender.cutPdu) this.#upper.destroy();
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
    this.#silence.stop();
    const error = failure ?? this.#closed();
    this.#assembler.fail(error);
    for (const responses of [...this.#pending.values()]) responses.fail(error);
    this.#pending.clear();
    for (const request of this.#open.values()) request.end(error);
    this.#open.clear();
    this.#sender.end(error);
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
      {
        retryable: true,
      },
    );
  }

  // Indications of the upper layer

  #user(): UpperLayerUser {
    return {
      onFragment: (contextId, control, bytes, complete) => {
        try {
          this.#assembler.push(contextId, control, bytes, complete);
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
        this.#silence.touch();
        this.#sender.onActivity();
      },
    };
  }

  #onCommand(command: CommandSet, contextId: number): DatasetReceiver | undefined {
    const context = this.contexts.find(({ id }) => id === contextId);
    if (!context)
      throw unexpected(`a message came on presentation context ${contextId}, which is not agreed`);
    if (isResponse(command)) return this.#onResponse(command, context);
    if (command.commandField === CommandField.cCancelRq) {
      // PS3.7 §9.3.2.3: the message to cancel is named as if it were responded to.
      this.#open.get(command.messageIdBeingRespondedTo ?? -1)?.cancel();
      return undefined;
    }
    return this.#onRequestCommand(command, context);
  }

  #onResponse(command: CommandSet, context: PresentationContext): DatasetReceiver | undefined {
    // Answers to requests that nobody waits for any more are read and forgotten.
    const responses = this.#pending.get(command.messageIdBeingRespondedTo ?? -1);
    if (!responses) return hasDataSet(command) ? UNWANTED_DATASET : undefined;
    // Neither may pass for a success.
    if (command.commandField !== (responses.commandField | RESPONSE_BIT)) {
      throw unexpected('an answer is that of another service than its request');
    }
    if (command.status === undefined) throw unexpected('an answer has no Status (0000,0900)');
    if (hasDataSet(command)) {
      return new IdentifierCollector((identifier) => responses.push({ command, context, identifier }));
    }
    responses.push({ command, context });
    return undefined;
  }

  #onRequestCommand(command: CommandSet, context: PresentationContext): DatasetReceiver | undefined {
    const messageId = command.messageId;
    if (messageId === undefined) throw unexpected('a request has no Message ID (0000,0110)');
    const limit = Math.max(MAXIMUM_OPEN_REQUESTS, this.window.performed);
    if (this.#open.size >= limit || this.#open.has(messageId)) {
      throw unexpected('requests come without waiting for their answers');
    }
    const open = new OpenRequest();
    this.#open.set(messageId, open);
    const request = { command, messageId, context, signal: open.signal };
    if (!hasDataSet(command)) {
      this.#takeRequest(request);
      return undefined;
    }
    if (command.commandField !== CommandField.cStoreRq) {
      const take = (identifier: Buffer) => this.#takeRequest({ ...request, identifier });
      // Data sets of the composite services (below 0100) are keys; the normalized ones may be long lists.
      return new IdentifierCollector(take, command.commandField < 0x0100 ? MAXIMUM_KEYS_LENGTH : undefined);
    }
    const dataset = new IncomingDataset(this.#flow);
    open.dataset = dataset;
    this.#takeRequest({ ...request, dataset });
    return dataset;
  }

  #takeRequest(request: IncomingRequest): void {
    if (this.#onRequest) {
      this.#onRequest(request);
      return;
    }
    request.dataset?.discard();
    void this.respond(request, { status: Status.unrecognizedOperation }).catch(() => undefined);
  }

  // Flow control

  readonly #flow: FlowControl = {
    memory: () => this.#upper.readMemory,
    onQueued: (bytes) => {
      this.#queuedBytes += bytes;
      if (this.#queuedBytes >= HIGH_WATER && !this.#paused) {
        this.#paused = true;
        this.#upper.pause();
      }
    },
    onTaken: (bytes) => {
      this.#queuedBytes -= bytes;
      if (this.#queuedBytes <= LOW_WATER && this.#paused) {
        this.#paused = false;
        this.#silence.touch();
        this.#upper.resume();
      }
    },
  };

  // Silence

  /** What the peer should be doing, if anything; time that this side takes does not count against the peer. */
  #peerOwes(): string | undefined {
    if (this.#upper.writesPending > 0) return 'it does not take what is sent';
    if (this.#paused) return undefined;
    if (this.#midMessage()) return 'it stopped in the middle of a message';
    if (this.#open.size > 0) return undefined;
    for (const responses of this.#pending.values()) {
      if (responses.sent && !responses.unread) return 'it does not answer';
    }
    return undefined;
  }

  /** The peer has begun a message, and this side reads on. */
  #midMessage(): boolean {
    return !this.#paused && (this.#assembler.midMessage || this.#upper.midPdu);
  }

  #timeOut(what: string, seconds: number): void {
    const message = `${this.peer} was silent for ${seconds} s (${what}); the association was aborted.`;
    this.abort(new DimseError('TIMEOUT', message, { retryable: true }));
  }
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

function unexpected(message: string): ProtocolError {
  return new ProtocolError(AbortReason.unexpectedParameter, message);
}
