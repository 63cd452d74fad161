import type { Attributes, DicomInstance, StoreOutcome } from '@adit/core';
import { cEcho } from './c-echo.ts';
import { type CFindOptions, cFind } from './c-find.ts';
import { type CGetOptions, type CGetResult, cGet } from './c-get.ts';
import { type CMoveOptions, cMove } from './c-move.ts';
import { type CStoreOptions, sendStore, storeOutcome } from './c-store.ts';
import type { MessageExchange } from './message-exchange.ts';
import { type EventReport, type NActionOptions, nAction, onEventReport } from './n-service.ts';
import type { DimseNode } from './node.ts';
import type { PresentationContext } from './presentation-context.ts';
import type { SubOperationCounts, SubOperationsEnd } from './sub-operations.ts';
import type { TlsReport } from './tls.ts';

const DEFAULT_RELEASE_SECONDS = 10;

/**
 * An association this side opened (see `connect`), with the services it carries. Release it when done: `await using` does.
 */
export class Association implements AsyncDisposable {
  readonly #exchange: MessageExchange;
  readonly #releaseSeconds: number;
  /**
   * The node's answer to `userIdentity`: a Kerberos server ticket, a SAML response, empty for the other kinds. Undefined where
   * the node did not answer, and may have taken no notice of the identity.
   */
  readonly userIdentityResponse: Uint8Array | undefined;

  /** Over TLS: the protocol, the cipher suite and the peer's certificate. */
  readonly tls: TlsReport | undefined;

  constructor(
    exchange: MessageExchange,
    node: DimseNode,
    answer: { tls: TlsReport | undefined; userIdentityResponse: Uint8Array | undefined },
  ) {
    this.#exchange = exchange;
    this.tls = answer.tls;
    this.userIdentityResponse = answer.userIdentityResponse;
    this.#releaseSeconds = node.timeouts?.release ?? DEFAULT_RELEASE_SECONDS;
  }

  /** What the peer accepted. */
  get contexts(): readonly PresentationContext[] {
    return this.#exchange.contexts;
  }

  /** Objects that may be sent without waiting for their answers. */
  get operationsWindow(): number {
    return this.#exchange.window.invoked;
  }

  /** Names the peer in messages: `AET@host:port`. */
  get peer(): string {
    return this.#exchange.peer;
  }

  /** Released, aborted or lost. */
  get over(): boolean {
    return this.#exchange.over;
  }

  /** Settles when the association is over. */
  get ended(): Promise<void> {
    return this.#exchange.ended;
  }

  /** The accepted context for requests of a SOP class, in a given transfer syntax or any; undefined where there is none. */
  findContext(sopClassUid: string, transferSyntaxUid?: string): PresentationContext | undefined {
    return this.#exchange.findContext(sopClassUid, transferSyntaxUid);
  }

  /** C-ECHO. Throws unless answered with success. */
  cEcho(): Promise<void> {
    return cEcho(this.#exchange);
  }

  /** C-FIND: see `cFind`. */
  cFind(options: CFindOptions): AsyncGenerator<Attributes, void, undefined> {
    return cFind(this.#exchange, options);
  }

  /** C-GET: see `cGet`. */
  cGet(options: CGetOptions): AsyncGenerator<DicomInstance, CGetResult, undefined> {
    return cGet(this.#exchange, options);
  }

  /** C-MOVE: see `cMove`. */
  cMove(options: CMoveOptions): AsyncGenerator<SubOperationCounts, SubOperationsEnd, undefined> {
    return cMove(this.#exchange, options);
  }

  /**
   * C-STORE. Calls may overlap: objects go one after another, the next one prepared while the answer to the last is
   * awaited, or sent before it where the window allows that. A refusal is an outcome; throws when the association ends, and what the data set throws.
   */
  async cStore(instance: DicomInstance, options: CStoreOptions = {}): Promise<StoreOutcome> {
    return storeOutcome(this.peer, await sendStore(this.#exchange, instance, options));
  }

  /** N-ACTION: see `nAction`. */
  nAction(options: NActionOptions): Promise<void> {
    return nAction(this.#exchange, options);
  }

  /** Has somebody take the event reports the peer makes on this association (N-EVENT-REPORT), and give their statuses. */
  onEventReport(take: (report: EventReport) => number): void {
    onEventReport(this.#exchange, take);
  }

  /** Ends the association in order; a peer that does not answer in time is disconnected. */
  release(): Promise<void> {
    return this.#exchange.release(this.#releaseSeconds);
  }

  /** Ends the association at once. What is under way fails. */
  abort(): void {
    this.#exchange.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
