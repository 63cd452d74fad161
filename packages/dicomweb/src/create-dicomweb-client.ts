import type { InstanceSource, Queryable } from '@adit/core';
import { createTransport } from '#transport';
import { DicomWebError } from './dicomweb-error.ts';
import { find } from './qido/find.ts';
import type { Service } from './service.ts';
import { parseServiceRoot } from './service-root.ts';
import { retrieve } from './wado/retrieve.ts';

export interface DicomWebClientOptions {
  /** Root of the service: `https://host/dicom-web`, or the same beginning with `dicomweb+`. Holds no credentials. */
  url: string;
  /** Sent with every request, and to this service only: `{ Authorization: 'Bearer …' }`. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds for a connection to come about. Default: 10,000. */
  connectTimeout?: number;
  /** Milliseconds until an answer must begin; an archive may have to fetch a study first. Default: 120,000. */
  answerTimeout?: number;
  /** Milliseconds an answer may pause. Time in which nobody reads does not count. Default: 60,000. */
  idleTimeout?: number;
  /** Connections to the service at once. Default: 8. Only in Node. */
  maxConnections?: number;
  /** Certificate authorities to trust instead of the usual ones, and a certificate to show; PEM. Only in Node. */
  tls?: { ca?: string; cert?: string; key?: string };
  /** Most bytes of one instance. It streams, so this guards the destination rather than memory. Default: 16 GiB. */
  maxInstanceBytes?: number;
}

/** A DICOMweb service to search (QIDO-RS) and to retrieve from (WADO-RS). */
export interface DicomWebClient extends Queryable, InstanceSource, AsyncDisposable {}

/** Node's own error would repeat the value, which may be a credential. */
function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a client of a DICOMweb service. It connects when it is first used and keeps connections until it is disposed of,
 * which ends what is under way.
 *
 * A connection that does not come about, or breaks before an answer has begun, is tried three times. Errors are
 * `DicomWebError`s that name the service; everything else about retrying is the caller's.
 */
export function createDicomWebClient(options: DicomWebClientOptions): DicomWebClient {
  const root = parseServiceRoot(options.url);
  if (!areHeaders(options.headers ?? {})) {
    throw new DicomWebError('INVALID_HEADERS', `The headers for ${root.name} are not valid: check them.`);
  }
  const transport = createTransport({
    name: root.name,
    connectTimeout: options.connectTimeout ?? 10_000,
    answerTimeout: options.answerTimeout ?? 120_000,
    idleTimeout: options.idleTimeout ?? 60_000,
    maxConnections: options.maxConnections ?? 8,
    tls: options.tls ?? {},
  });
  const service: Service = {
    root,
    transport,
    headers: options.headers ?? {},
    maxInstanceBytes: options.maxInstanceBytes ?? 16 * 1024 ** 3,
  };
  return {
    find: (query, findOptions) => find(service, query, findOptions),
    retrieve: (selection, retrieveOptions) => retrieve(service, selection, retrieveOptions),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
