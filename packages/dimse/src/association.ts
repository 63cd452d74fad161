import type { Attributes, DicomInstance, StoreOutcome } from '@adit/core';
import { type CEchoOptions, cEcho } from './c-echo.ts';
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
 *
 * Objects wait for their turn; other requests are sent as they are made. Without a window that was negotiated a peer need
 * not take one before it has answered the last (PS3.7 §D.3.3.3): await each, or use several associations.
 *
 * @example
 * const contexts = [
 *   { abstractSyntax: SopClass.Verification, transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian] },
 * ];
 * await using association = await connect(node, { contexts });
 * await association.cEcho();
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
  cEcho(options: CEchoOptions = {}): Promise<void> {
    return cEcho(this.#exchange, options);
  }

  /**
   * C-FIND (PS3.7 §9.1.2). Yields matches as they arrive. Leaving the loop early, or the signal, cancels at the peer; the
   * association is aborted when that does not end the query soon (`timeouts.cancel`).
   *
   * @example
   * const contexts = [
   *   { abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian] },
   * ];
   * await using association = await connect(node, { contexts });
   * const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyDate: '2020-', StudyInstanceUID: '' });
   * for await (const match of association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier })) {
   *   console.log(textOf(match, 'StudyInstanceUID'));
   * }
   */
  cFind(options: CFindOptions): AsyncGenerator<Attributes, void, undefined> {
    return cFind(this.#exchange, options);
  }

  /**
   * C-GET (PS3.7 §9.1.3). Yields each object with its first bytes, and returns how the operation ended. An object is
   * acknowledged when its data set has been read to the end, and refused with A700 when it is left early. Storage classes
   * need contexts with the role `scp`.
   *
   * @example
   * const transferSyntaxes = [TransferSyntax.ExplicitVrLittleEndian];
   * const contexts = [
   *   { abstractSyntax: SopClass.StudyRootGet, transferSyntaxes },
   *   { abstractSyntax: SopClass.CtImageStorage, transferSyntaxes, role: 'scp' as const },
   * ];
   * await using association = await connect(node, { contexts });
   * const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: studyInstanceUid });
   * for await (const instance of association.cGet({ sopClassUid: SopClass.StudyRootGet, identifier })) {
   *   for await (const chunk of instance.dataset) console.log(chunk.length);
   * }
   */
  cGet(options: CGetOptions): AsyncGenerator<DicomInstance, CGetResult, undefined> {
    return cGet(this.#exchange, options);
  }

  /**
   * C-MOVE (PS3.7 §9.1.4). Yields the counters of each pending response, and returns how the operation ended. Leaving the
   * loop early, or the signal, cancels at the peer.
   *
   * @example
   * const contexts = [
   *   { abstractSyntax: SopClass.StudyRootMove, transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian] },
   * ];
   * await using association = await connect(node, { contexts });
   * const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: studyInstanceUid });
   * const moving = association.cMove({ sopClassUid: SopClass.StudyRootMove, identifier, destination: 'OTHER' });
   * for await (const { completed, remaining } of moving) console.log(completed, remaining);
   */
  cMove(options: CMoveOptions): AsyncGenerator<SubOperationCounts, SubOperationsEnd, undefined> {
    return cMove(this.#exchange, options);
  }

  /**
   * C-STORE. Calls may overlap: objects go one after another, the next one prepared while the answer to the last is
   * awaited, or sent before it where the window allows that. A refusal is an outcome; throws when the association ends, and
   * what the data set throws.
   *
   * @example
   * const contexts = [
   *   { abstractSyntax: SopClass.CtImageStorage, transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian] },
   * ];
   * await using association = await connect(node, { contexts });
   * console.log(await association.cStore(syntheticInstance({ kind: 'CT' }))); // { state: 'stored', status: 0 }
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
