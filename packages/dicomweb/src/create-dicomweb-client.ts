import type { InstanceSource, Queryable } from '@adit/core';
import { find } from './qido/find.ts';
import { type DicomWebServiceOptions, openService } from './service.ts';
import { retrieve } from './wado/retrieve.ts';

/** A DICOMweb service to search (QIDO-RS) and to retrieve from (WADO-RS). */
export interface DicomWebClient extends Queryable, InstanceSource, AsyncDisposable {}

/**
 * Makes a client of a DICOMweb service. It connects when it is first used and keeps connections until it is disposed of,
 * which ends what is under way.
 *
 * A connection that does not come about, or breaks before an answer has begun, is tried three times. Errors are
 * `DicomWebError`s that name the service; everything else about retrying is the caller's.
 */
export function createDicomWebClient(options: DicomWebServiceOptions): DicomWebClient {
  const service = openService(options);
  return {
    find: (query, findOptions) => find(service, query, findOptions),
    retrieve: (selection, retrieveOptions) => retrieve(service, selection, retrieveOptions),
    [Symbol.asyncDispose]: () => service.transport[Symbol.asyncDispose](),
  };
}
