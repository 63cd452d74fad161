export { type Archive, type ArchiveStoreOptions, openArchive } from './archive/archive.ts';
export { type ArchiveHandlersOptions, archiveHandlers } from './archive/archive-handlers.ts';
export type { UniqueKeys } from './archive/archive-index.ts';
export { type ArchiveScp, type ArchiveScpOptions, createArchiveScp } from './archive/create-archive-scp.ts';
export { Association } from './association.ts';
export type { CEchoOptions } from './c-echo.ts';
export type { CFindOptions } from './c-find.ts';
export type { CGetOptions, CGetResult } from './c-get.ts';
export type { CMoveOptions } from './c-move.ts';
export type { CStoreOptions } from './c-store.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { type Arrival, createDelivery, type Delivery, type OpenDelivery } from './delivery.ts';
export { createDimseClient, type DimseClient, type DimseClientOptions } from './dimse-client.ts';
export { DimseError, type DimseErrorCode, type DimseErrorOptions } from './dimse-error.ts';
export { createDimseSink, type DimseSink, type DimseSinkOptions } from './dimse-sink.ts';
export { type EchoOptions, type EchoResult, echo } from './echo.ts';
export type { MoveOptions, MoveProgress, MoveResult } from './move.ts';
export type { EventReport, NActionOptions } from './n-service.ts';
export { type DimseNode, type DimseTimeouts, isValidAeTitle, nodeName, parseDimseUrl } from './node.ts';
export type { ContextRequest, PresentationContext } from './presentation-context.ts';
export { createReceiver, type MoveDestination, type Receiver, type ReceiverOptions } from './receiver.ts';
export type { Claim, Expectation } from './receiving-desk.ts';
export { isTransientRejection, rejectReason } from './reject-reason.ts';
export type * from './scp/handlers.ts';
export {
  type Authentication,
  type CallingPeer,
  type DimseServer,
  type ListenOptions,
  listen,
} from './scp/listen.ts';
export type { QueryExtensions } from './scp/query-extensions.ts';
export { Status, type StatusCategory, type StatusService, statusCategory, statusText } from './status.ts';
export {
  type CommitmentFailure,
  type CommitmentOptions,
  CommitmentReports,
  type CommitmentResult,
  type InstanceReference,
  requestStorageCommitment,
} from './storage-commitment.ts';
export type { SubOperationCounts, SubOperationsEnd } from './sub-operations.ts';
export {
  type CertificateReport,
  certificateText,
  readTlsFiles,
  type TlsOptions,
  type TlsReport,
} from './tls.ts';
export type { UserIdentity } from './user-identity.ts';
export { type CommitmentVerifierOptions, verifyByCommitment } from './verify-by-commitment.ts';
