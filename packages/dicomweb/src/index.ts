/** QIDO-RS and WADO-RS (PS3.18), streaming. */
export {
  createDicomWebClient,
  type DicomWebClient,
  type DicomWebClientOptions,
} from './create-dicomweb-client.ts';
export { DicomWebError, type DicomWebErrorCode, type DicomWebErrorOptions } from './dicomweb-error.ts';
export { type MediaType, parseMediaType } from './multipart/media-type.ts';
export { type MultipartOptions, type MultipartPart, parseMultipart } from './multipart/parse-multipart.ts';
