/** QIDO-RS, WADO-RS and STOW-RS (PS3.18), streaming. */
export { type AuthorizationProvider, basicAuthorization } from './authorization.ts';
export { createDicomWebClient, type DicomWebClient } from './create-dicomweb-client.ts';
export { DicomWebError, type DicomWebErrorCode, type DicomWebErrorOptions } from './dicomweb-error.ts';
export { type MediaType, parseMediaType } from './multipart/media-type.ts';
export { type MultipartOptions, type MultipartPart, parseMultipart } from './multipart/parse-multipart.ts';
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
