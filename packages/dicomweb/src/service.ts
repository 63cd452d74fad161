import { DicomWebError } from './dicomweb-error.ts';
import type { ServiceRoot } from './service-root.ts';
import { statusError } from './status-error.ts';
import type { HttpAnswer, Transport } from './transport/transport.ts';

/** A DICOMweb service one can ask. */
export interface Service {
  root: ServiceRoot;
  transport: Transport;
  /** Sent with every request; may hold credentials. */
  headers: Readonly<Record<string, string>>;
  /** Most bytes of one instance. */
  maxInstanceBytes: number;
}

export interface ServiceRequest {
  /** Below the root, beginning with a slash; the query string included. */
  path: string;
  accept: string;
  acceptEncoding: string;
  /** What is asked for, as a noun, for errors: `the study`. */
  what: string;
  signal?: AbortSignal | undefined;
}

/** Sends a request and gives a successful answer. Throws `DicomWebError` for any other. */
export async function ask(service: Service, request: ServiceRequest): Promise<HttpAnswer> {
  const { root } = service;
  const answer = await service.transport.get(root.href + request.path, {
    headers: { ...service.headers, accept: request.accept, 'accept-encoding': request.acceptEncoding },
    signal: request.signal,
  });
  if (answer.status >= 200 && answer.status < 300) return answer;
  await answer.discard();
  throw statusError(answer.status, root.name, request.what);
}

/** The answer is something else than what was asked for: a login page, or another service. */
export function unexpectedAnswer(root: ServiceRoot, type: string, wanted: string): DicomWebError {
  return new DicomWebError(
    'UNEXPECTED_ANSWER',
    `${root.name} answered with ${type === '' ? 'data of no type' : printable(type)} instead of ${wanted}: check the address.`,
  );
}

function printable(type: string): string {
  return /^[\w.+-]{1,40}\/[\w.+-]{1,60}$/.test(type) ? type : 'something';
}
