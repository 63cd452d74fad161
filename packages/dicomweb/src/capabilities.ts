import type { AbortableOptions } from '@adit/core';
import { collectBounded } from './collect-bounded.ts';
import { parseMediaType } from './multipart/media-type.ts';
import { ask, type Service } from './service.ts';

/** What a service says it can do. */
export interface DicomWebCapabilities {
  /** `application/vnd.sun.wadl+xml`, or the same in JSON. */
  mediaType: string;
  /** The document. */
  text: string;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** Asks what a service can do (PS3.18 §8.9). Many services do not say: `NOT_FOUND`, `REJECTED`. */
export async function retrieveCapabilities(
  service: Service,
  { signal }: AbortableOptions = {},
): Promise<DicomWebCapabilities> {
  const accept = 'application/vnd.sun.wadl+xml, application/json;q=0.9';
  const request = { method: 'OPTIONS', path: '/', accept, acceptEncoding: 'gzip', signal } as const;
  const answer = await ask(service, request, 'a statement of its capabilities');
  const bytes = await collectBounded(answer.body, MAX_BYTES, `${service.root.name} sent a statement`);
  const { type } = parseMediaType(answer.header('content-type'));
  return { mediaType: type, text: new TextDecoder().decode(bytes) };
}
