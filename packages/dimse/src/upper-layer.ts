import { type AssociateAc, type AssociateRj, type AssociateRq, type ControlPdu, encodePdu } from './pdu.ts';
import { type PduHandler, PduReader } from './pdu-reader.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';
import type { ReadMemory } from './read-memory.ts';
import {
  type Action,
  type AssociationEvent,
  actionFor,
  Evt,
  Sta,
  type State,
  stateAfter,
} from './state-machine.ts';
import type { Transport } from './transport.ts';

/** Why an association ended without a release: an A-ABORT or A-P-ABORT indication (PS3.8 §7.3, §7.4). */
export type AbortIndication =
  /** The peer sent A-ABORT. */
  | { by: 'peer'; source: number; reason: number }
  /** The connection ended. */
  | { by: 'transport'; error: Error | undefined }
  /** The peer broke the protocol and was sent an A-ABORT. */
  | { by: 'protocol'; message: string };

/** Receives the indications and confirmations of PS3.8 §7. */
export interface UpperLayerUser {
  /** The transport connection stands; the association is being asked for. */
  onConnected?(): void;
  /** A-ASSOCIATE indication: answer with `accept` or `reject`. */
  onAssociateRequest?(request: AssociateRq): void;
  /** A-ASSOCIATE confirmation. */
  onAssociateAnswer?(answer: AssociateAc | AssociateRj): void;
  /** P-DATA indication, piece by piece. */
  onFragment(contextId: number, control: number, bytes: Uint8Array, complete: boolean): void;
  /** A-RELEASE indication: answer with `respondToRelease`. */
  onReleaseRequest(): void;
  /** A-RELEASE confirmation. */
  onReleased(): void;
  /** @param state the state the association was in */
  onAbort(indication: AbortIndication, state: State): void;
  /** Bytes have come or gone. */
  onActivity(): void;
}

/** What an event is about. */
type Subject = ControlPdu | AbortIndication | ProtocolError;

/** How long the peer may take to close the connection after an A-ABORT before we do, in milliseconds. */
const ABORT_GRACE = 2000;

/**
 * The upper layer of one association: PDUs, the state machine of PS3.8 §9.2 and the ARTIM timer, over one transport
 * connection.
 */
export class UpperLayer {
  readonly #transport: Transport;
  #user: UpperLayerUser;
  readonly #reader: PduReader;
  readonly #requestor: boolean;
  readonly #artimSeconds: number;
  #state: State = Sta.idle;
  #artim: NodeJS.Timeout | undefined;
  #request: AssociateRq | undefined;
  #writesPending = 0;
  #bytesReceived = 0;
  #readMemory: ReadMemory | undefined;

  /**
   * @param options.requestor this side opens the association
   * @param options.maximumLength longest P-DATA-TF PDU taken, as announced to the peer
   * @param options.artimSeconds the ARTIM timer (PS3.8 §9.1.5)
   */
  constructor(
    transport: Transport,
    user: UpperLayerUser,
    options: { requestor: boolean; maximumLength: number; artimSeconds: number },
  ) {
    this.#transport = transport;
    this.#user = user;
    this.#requestor = options.requestor;
    this.#artimSeconds = options.artimSeconds;
    const handler: PduHandler = {
      onPdu: (pdu) => this.#onPdu(pdu),
      onData: () => this.#onEvent(Evt.dataReceived),
      onFragment: (contextId, control, bytes, complete) => {
        if (this.#state === Sta.established || this.#state === Sta.awaitingReleaseRp) {
          this.#user.onFragment(contextId, control, bytes, complete);
        }
      },
    };
    this.#reader = new PduReader(handler, options.maximumLength);
    transport.listen({
      onConnected: () => this.#onEvent(Evt.transportConfirmed),
      onChunk: (chunk, memory) => this.#onChunk(chunk, memory),
      onClosed: (error) => this.#onEvent(Evt.transportClosed, { by: 'transport', error }),
    });
    if (!options.requestor) this.#onEvent(Evt.transportIndicated);
  }

  /** Hands all further indications to another user. */
  attach(user: UpperLayerUser): void {
    this.#user = user;
  }

  get state(): State {
    return this.#state;
  }

  /** Writes the operating system has not yet taken. */
  get writesPending(): number {
    return this.#writesPending;
  }

  /** Bytes that have come so far. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** What the fragment that is being indicated lies in, where that can be given back early. */
  get readMemory(): ReadMemory | undefined {
    return this.#readMemory;
  }

  /** The peer has begun a PDU and not ended it. */
  get midPdu(): boolean {
    return this.#reader.midPdu;
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  // Request and response primitives of the user

  associate(request: AssociateRq): void {
    this.#request = request;
    this.#onEvent(Evt.associateRequest);
  }

  accept(answer: AssociateAc): void {
    this.#onEvent(Evt.associateResponseAccept, answer);
  }

  reject(answer: AssociateRj): void {
    this.#onEvent(Evt.associateResponseReject, answer);
  }

  /**
   * Sends framed P-DATA-TF PDUs, or a part of one, in parts that follow each other. Does nothing once the association is over: the user hears of that by
   * `onAbort`.
   */
  write(parts: readonly Uint8Array[], done?: () => void): void {
    if (actionFor(this.#state, Evt.dataRequest) === undefined) return;
    this.#writesPending += 1;
    this.#transport.write(parts, () => {
      this.#writesPending -= 1;
      this.#user.onActivity();
      done?.();
    });
  }

  release(): void {
    this.#onEvent(Evt.releaseRequest);
  }

  respondToRelease(): void {
    this.#onEvent(Evt.releaseResponse);
  }

  abort(): void {
    this.#onEvent(Evt.abortRequest);
  }

  /** Aborts as the service provider: the peer broke the protocol above the PDUs. */
  abortForProtocol(error: ProtocolError): void {
    this.#onEvent(Evt.invalidPduReceived, error);
  }

  /** Ends the connection without a word. */
  destroy(): void {
    this.#transport.destroy();
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  // Events

  #onChunk(chunk: Uint8Array, memory: ReadMemory | undefined): void {
    this.#bytesReceived += chunk.length;
    this.#readMemory = memory;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#onEvent(Evt.invalidPduReceived, error);
    }
    // An association that then says nothing must not keep it.
    this.#readMemory = undefined;
    this.#user.onActivity();
  }

  #onPdu(pdu: ControlPdu): void {
    switch (pdu.type) {
      case 'A-ASSOCIATE-AC':
        this.#onEvent(Evt.associateAcReceived, pdu);
        break;
      case 'A-ASSOCIATE-RJ':
        this.#onEvent(Evt.associateRjReceived, pdu);
        break;
      case 'A-ASSOCIATE-RQ':
        this.#onEvent(Evt.associateRqReceived, pdu);
        break;
      case 'A-RELEASE-RQ':
        this.#onEvent(Evt.releaseRqReceived);
        break;
      case 'A-RELEASE-RP':
        this.#onEvent(Evt.releaseRpReceived);
        break;
      case 'A-ABORT':
        this.#onEvent(Evt.abortReceived, { by: 'peer', source: pdu.source, reason: pdu.reason });
        break;
    }
  }

  #onEvent(event: AssociationEvent, subject?: Subject): void {
    const action = actionFor(this.#state, event);
    if (action === undefined) return;
    const rejection = action === 'AE-6' ? unacceptable(subject as AssociateRq) : undefined;
    const before = this.#state;
    // The state changes first: what the user does in an indication must meet the new state.
    this.#state = stateAfter(action, { acceptable: rejection === undefined, requestor: this.#requestor });
    this.#perform(action, event, rejection ?? subject, before);
  }

  /** The actions of PS3.8 Tables 9-6 to 9-9. */
  #perform(action: Action, event: AssociationEvent, subject: Subject | undefined, before: State): void {
    switch (action) {
      case 'AE-1': // The transport connects by itself.
      case 'DT-1': // `write` sends.
      case 'AR-7':
      case 'DT-2': // The fragments follow.
      case 'AR-6':
      case 'AA-6':
        break;
      case 'AE-2':
        this.#user.onConnected?.();
        this.#send(this.#request!);
        break;
      case 'AE-3':
        this.#user.onAssociateAnswer?.(subject as AssociateAc);
        break;
      case 'AE-4':
        this.#user.onAssociateAnswer?.(subject as AssociateRj);
        this.#close();
        break;
      case 'AE-5':
        this.#startArtim();
        break;
      case 'AE-6':
        this.#stopArtim();
        if (this.#state === Sta.awaitingLocalAssociateResponse) {
          this.#user.onAssociateRequest?.(subject as AssociateRq);
          break;
        }
        this.#send(subject as AssociateRj);
        this.#startArtim();
        break;
      case 'AE-7':
        this.#send(subject as AssociateAc);
        break;
      case 'AE-8':
        this.#send(subject as AssociateRj);
        this.#startArtim();
        break;
      case 'AR-1':
        this.#send({ type: 'A-RELEASE-RQ' });
        break;
      case 'AR-2':
      case 'AR-8':
        this.#user.onReleaseRequest();
        break;
      case 'AR-3':
        this.#user.onReleased();
        this.#close();
        break;
      case 'AR-4':
        this.#send({ type: 'A-RELEASE-RP' });
        this.#startArtim();
        break;
      case 'AR-5':
      case 'AA-5':
        this.#stopArtim();
        break;
      case 'AR-9':
        this.#send({ type: 'A-RELEASE-RP' });
        break;
      case 'AR-10':
        this.#user.onReleased();
        break;
      case 'AA-1':
        this.#sendAbort(0, AbortReason.notSpecified);
        // In Sta2 it is not the user who asks for the abort: the first PDU was no A-ASSOCIATE-RQ.
        if (event !== Evt.abortRequest) this.#user.onAbort(indicationOf(subject), before);
        break;
      case 'AA-2':
        this.#close();
        break;
      case 'AA-3':
        this.#close();
        this.#user.onAbort(indicationOf(subject), before);
        break;
      case 'AA-4':
        this.#reader.stop();
        this.#user.onAbort(indicationOf(subject), before);
        break;
      case 'AA-7':
        this.#sendAbort(2, reasonOf(subject));
        break;
      case 'AA-8':
        this.#sendAbort(2, reasonOf(subject));
        this.#user.onAbort(indicationOf(subject), before);
        break;
    }
  }

  #send(pdu: ControlPdu): void {
    this.#transport.write([encodePdu(pdu)]);
  }

  /**
   * After an A-ABORT nothing the peer says matters (Sta13 answers and ignores only): what still comes is thrown away
   * until the peer closes the connection or the timer does.
   */
  #sendAbort(source: number, reason: number): void {
    this.#reader.stop();
    this.#send({ type: 'A-ABORT', source, reason });
    this.#transport.end();
    this.#transport.resume();
    this.#transport.unref();
    this.#startArtim(ABORT_GRACE);
  }

  #close(): void {
    this.#stopArtim();
    this.#reader.stop();
    this.#transport.destroy();
  }

  #startArtim(milliseconds = this.#artimSeconds * 1000): void {
    this.#stopArtim();
    this.#artim = setTimeout(() => {
      this.#onEvent(Evt.artimExpired);
    }, milliseconds);
    this.#artim.unref();
  }

  #stopArtim(): void {
    clearTimeout(this.#artim);
    this.#artim = undefined;
  }
}

/** What the service provider rejects by itself (PS3.8 §9.3.4); the rest is the user's to judge. */
function unacceptable(request: AssociateRq): AssociateRj | undefined {
  // Bit 0 stands for version 1, the only one there is (PS3.8 Table 9-11).
  if ((request.protocolVersion & 1) === 0) return { type: 'A-ASSOCIATE-RJ', result: 1, source: 2, reason: 2 };
  return undefined;
}

function indicationOf(subject: Subject | undefined): AbortIndication {
  if (subject instanceof ProtocolError) return { by: 'protocol', message: subject.message };
  if (subject && 'by' in subject) return subject;
  return { by: 'protocol', message: `an unexpected ${nameOf(subject)} PDU came` };
}

function nameOf(pdu: ControlPdu | undefined): string {
  return pdu?.type ?? 'P-DATA-TF';
}

function reasonOf(subject: Subject | undefined): AbortReason {
  return subject instanceof ProtocolError ? subject.reason : AbortReason.unexpectedPdu;
}
