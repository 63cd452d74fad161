import type { Attributes, DicomInstance, InstanceSink, QueryLevel, ReleasableDataset } from '@adit/core';

import type { EventReport } from '../n-service.ts';
import type { UserIdentity } from '../user-identity.ts';
import type { QueryExtensions } from './query-extensions.ts';

/** The information models of PS3.4 §C.6 that queries and retrievals may name. */
export type InformationModel = 'patient-root' | 'study-root' | 'patient-study-only';

/** What every request knows about the association it came on. */
export interface RequestContext {
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** IP address of the peer. */
  readonly remoteAddress: string;
  /** Who asks, as `authenticate` has accepted it. */
  readonly userIdentity?: UserIdentity;
  /** Aborted on C-CANCEL for this request, and when the association ends before the answer. */
  readonly signal: AbortSignal;
}

/** A status of PS3.7 §C with the remark that goes with it. */
export interface StatusAnswer {
  status: number;
  /** Error Comment (0000,0902): at most 64 characters, nothing that identifies a patient. */
  comment?: string;
}

export interface EchoRequest extends RequestContext {}

/**
 * An object the peer sends. Its data set comes straight from the socket: reading slowly slows the peer down. What the
 * handler leaves unread is discarded, so that a refusal need not read it.
 */
export interface StoreRequest extends RequestContext, DicomInstance {
  readonly dataset: ReleasableDataset;
  /** Who asked for the C-MOVE this object belongs to (PS3.7 §9.1.1.1). */
  readonly moveOriginator?: { aeTitle: string; messageId: number };
}

export interface FindRequest extends RequestContext {
  readonly model: InformationModel;
  readonly level: QueryLevel;
  readonly identifier: Attributes;
  /** What both sides agreed on, of the server's `queryExtensions`. */
  readonly extensions: QueryExtensions;
  /** To be called when keys are not supported and ignored: the matches that follow are answered with FF01. */
  ignoresKeys(): void;
}

/** What a C-GET or C-MOVE asks for. */
export interface RetrieveRequest extends RequestContext {
  readonly model: InformationModel;
  readonly level: QueryLevel;
  readonly identifier: Attributes;
}

export interface GetRequest extends RetrieveRequest {
  /** Can the peer take an object of this class in this transfer syntax on this association? */
  accepts(sopClassUid: string, transferSyntaxUid: string): boolean;
}

/** What a C-GET will send: how many objects, and the objects one after another. */
export interface GetAnswer {
  /** Number of sub-operations, told to the peer as Number of Remaining Sub-operations. */
  readonly count: number;
  /**
   * The objects, in their own transfer syntaxes. The next one is asked for while the one before is on its way. One that the
   * peer does not accept counts as a failed sub-operation. One whose data set ends in an error ends the association, if a
   * part of it was sent: a half object is never finished.
   */
  readonly instances: AsyncIterable<DicomInstance>;
}

export interface MoveRequest extends RetrieveRequest {
  /** AE title the objects are to go to. */
  readonly destination: string;
  /** Message ID of the request: with the calling AE title what the objects carry as their move originator. */
  readonly messageId: number;
}

/** What a C-MOVE will send, and where to. */
export interface MoveAnswer extends GetAnswer {
  /**
   * Takes the objects, as many at once as it says; disposed of in the end. When its `store` throws a `DimseError`, the
   * destination cannot be had at all: what remains fails unsent, and the answer is A702.
   */
  readonly sink: InstanceSink & Partial<AsyncDisposable>;
}

export interface EventReportRequest extends RequestContext, EventReport {}

/**
 * What a server does with requests. A service without a handler is not offered in the negotiation. A handler that throws
 * a `DimseError` with a `status` is answered with that status, any other error with 0110 or C000 (processing failure),
 * without the error's words.
 */
export interface ScpHandlers {
  /** C-ECHO. Default: answered with 0000. */
  echo?(request: EchoRequest): Promise<number> | number;
  /** C-STORE. The answer is sent when the promise settles: by then the object must be safe. */
  store?(request: StoreRequest): Promise<number | StatusAnswer>;
  /** C-FIND. Each yielded data set is one pending answer; a cancel of the peer calls `return()`. */
  find?(request: FindRequest): AsyncIterable<Attributes>;
  /** C-GET. */
  get?(request: GetRequest): Promise<GetAnswer> | GetAnswer;
  /** C-MOVE. A destination it does not know it throws a `DimseError` with the status A801 for. */
  move?(request: MoveRequest): Promise<MoveAnswer> | MoveAnswer;
  /** N-EVENT-REPORT of storage commitment: see `CommitmentReports`. Gives the status to answer with. */
  eventReport?(request: EventReportRequest): Promise<number> | number;
}
