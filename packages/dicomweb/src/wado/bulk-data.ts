import type { AbortableOptions } from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { ask, type Service } from '../service.ts';
import { type BodyPart, bodyParts } from './body-parts.ts';

export interface RetrieveBulkDataOptions extends AbortableOptions {
  /** What to ask for. Default: the bytes as they are stored. */
  accept?: string;
}

const AS_STORED =
  'multipart/related; type="application/octet-stream"; transfer-syntax=*, application/octet-stream;q=0.9, */*;q=0.1';

/**
 * The value behind a `BulkDataURI` of metadata (PS3.18 §10.4.1.1.5), as it arrives. Encapsulated pixel data come in several
 * parts.
 *
 * The address must be of the service's own origin: credentials are sent along.
 */
export async function* retrieveBulkData(
  service: Service,
  uri: string,
  { accept = AS_STORED, signal }: RetrieveBulkDataOptions = {},
): AsyncGenerator<BodyPart, void, undefined> {
  const url = URL.parse(uri, `${service.root.href}/`);
  if (url?.origin !== new URL(service.root.href).origin || url.username !== '' || url.password !== '') {
    throw new DicomWebError(
      'INVALID_QUERY',
      `The address of the bulk data is not one of ${service.root.name}: nothing was sent there.`,
    );
  }
  const answer = await ask(service, { path: url.href, accept, signal }, 'the bulk data');
  yield* bodyParts(service, answer);
}
