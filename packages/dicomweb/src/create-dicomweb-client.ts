import type { AbortableOptions, Attributes, InstanceSource, Queryable } from '@adit/core';
import { type DicomWebCapabilities, retrieveCapabilities } from './capabilities.ts';
import { find } from './qido/find.ts';
import type { DicomWebQuery } from './qido/query.ts';
import { type DicomWebServiceOptions, openService } from './service.ts';
import type { BodyPart } from './wado/body-parts.ts';
import { type RetrieveBulkDataOptions, retrieveBulkData } from './wado/bulk-data.ts';
import { type RetrieveFramesOptions, retrieveFrames } from './wado/frames.ts';
import { retrieveMetadata } from './wado/metadata.ts';
import { isNotOffered } from './wado/not-offered.ts';
import { type RetrieveRenderedOptions, retrieveRendered } from './wado/rendered.ts';
import type { InstanceUids, ResourceUids } from './wado/resource.ts';
import { retrieve } from './wado/retrieve.ts';

/** A DICOMweb service to search (QIDO-RS) and to retrieve from (WADO-RS). */
export interface DicomWebClient extends Queryable, InstanceSource, AsyncDisposable {
  /** Searches, page by page; see `Queryable`. PATIENT level is made of studies. */
  find(query: DicomWebQuery, options?: AbortableOptions): AsyncIterable<Attributes>;
  /** Requests are independent of each other. */
  readonly findsWhileRetrieving: true;
  /** What instances say of themselves, without their pixels: those of a study, a series, or one. */
  metadata(resource: ResourceUids, options?: AbortableOptions): AsyncIterable<Attributes>;
  /** Frames of an instance, from 1 on, as they are stored unless asked for otherwise. */
  frames(
    instance: InstanceUids,
    numbers: readonly number[],
    options?: RetrieveFramesOptions,
  ): AsyncIterable<BodyPart & { frame: number }>;
  /** The value behind a `BulkDataURI` of `metadata`. */
  bulkData(uri: string, options?: RetrieveBulkDataOptions): AsyncIterable<BodyPart>;
  /** Images that the service makes of a resource, where it offers that. */
  rendered(resource: ResourceUids, options?: RetrieveRenderedOptions): AsyncIterable<BodyPart>;
  /** What the service says it can do, where it says so. */
  capabilities(options?: AbortableOptions): Promise<DicomWebCapabilities>;
}

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
    findsWhileRetrieving: true,
    retrieve: (selection, retrieveOptions) => retrieve(service, selection, retrieveOptions),
    isNotOffered,
    metadata: (resource, metadataOptions) => retrieveMetadata(service, resource, metadataOptions),
    frames: (instance, numbers, frameOptions) => retrieveFrames(service, instance, numbers, frameOptions),
    bulkData: (uri, bulkDataOptions) => retrieveBulkData(service, uri, bulkDataOptions),
    rendered: (resource, renderOptions) => retrieveRendered(service, resource, renderOptions),
    capabilities: (abortable) => retrieveCapabilities(service, abortable),
    [Symbol.asyncDispose]: () => service.transport[Symbol.asyncDispose](),
  };
}
