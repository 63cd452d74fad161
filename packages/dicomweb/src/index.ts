/** QIDO-RS, WADO-RS and STOW-RS (PS3.18), streaming: a client, and what a server answers with. */
export { type AuthorizationProvider, basicAuthorization } from './authorization.ts';
export type { DicomWebCapabilities } from './capabilities.ts';
export { createDicomWebClient, type DicomWebClient } from './create-dicomweb-client.ts';
export { DicomWebError, type DicomWebErrorCode, type DicomWebErrorOptions } from './dicomweb-error.ts';
export { type MediaType, parseMediaType } from './multipart/media-type.ts';
export { type MultipartOptions, type MultipartPart, parseMultipart } from './multipart/parse-multipart.ts';
export { newBoundary, type OutgoingPart, writeMultipart } from './multipart/write-multipart.ts';
export type { DicomWebQuery } from './qido/query.ts';
export type { MetadataSource } from './server/context.ts';
export {
  createDicomWebHandler,
  type DicomWebHandler,
  type DicomWebHandlerOptions,
} from './server/create-dicomweb-handler.ts';
export type { DicomWebOperation } from './server/operation.ts';
export type { DicomWebServiceOptions } from './service.ts';
export {
  createDicomWebSink,
  type DicomWebSink,
  type DicomWebSinkOptions,
} from './stow/create-dicomweb-sink.ts';
export type { BodyPart } from './wado/body-parts.ts';
export type { RetrieveBulkDataOptions } from './wado/bulk-data.ts';
export type { RetrieveFramesOptions } from './wado/frames.ts';
export type { RetrieveRenderedOptions } from './wado/rendered.ts';
export type { InstanceUids, ResourceUids } from './wado/resource.ts';
