import { createTransport } from '#transport';
import { type Authorization, type AuthorizationProvider, createAuthorization } from './authorization.ts';
import { DicomWebError } from './dicomweb-error.ts';
import { areHeaders } from './headers.ts';
import { parseServiceRoot, type ServiceRoot } from './service-root.ts';
import { statusError } from './status-error.ts';
import type { HttpAnswer, RequestBody, Transport } from './transport/transport.ts';

/** Where a DICOMweb service is, and how to talk to it. */
export interface DicomWebServiceOptions {
  /** Root of the service: `https://host/dicom-web`, or the same beginning with `dicomweb+`. Holds no credentials. */
  url: string;
  /** Sent with every request, and to this service only. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /**
   * Value of the `Authorization` header (`Bearer …`, `basicAuthorization(user, password)`), or what gives it: a function is
   * asked again when the service refuses the value, and the request is sent once more. Default: none.
   */
  authorization?: string | AuthorizationProvider;
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

/** A DICOMweb service one can ask. */
export interface Service {
  root: ServiceRoot;
  transport: Transport;
  /** Sent with every request; may hold credentials. */
  headers: Readonly<Record<string, string>>;
  authorization: Authorization;
  /** Most bytes of one instance. */
  maxInstanceBytes: number;
}

/** Connects when it is first used. Throws `DicomWebError`: `INVALID_URL`, `INVALID_HEADERS`. */
export function openService(options: DicomWebServiceOptions): Service {
  const root = parseServiceRoot(options.url);
  const { headers = {}, authorization } = options;
  if (!areHeaders(typeof authorization === 'string' ? { ...headers, authorization } : headers)) {
    throw new DicomWebError('INVALID_HEADERS', `The headers for ${root.name} are not valid: check them.`);
  }
  return {
    root,
    transport: createTransport({
      name: root.name,
      connectTimeout: options.connectTimeout ?? 10_000,
      answerTimeout: options.answerTimeout ?? 120_000,
      idleTimeout: options.idleTimeout ?? 60_000,
      maxConnections: options.maxConnections ?? 8,
      tls: options.tls ?? {},
    }),
    headers,
    authorization: createAuthorization(authorization, root.name),
    maxInstanceBytes: options.maxInstanceBytes ?? 16 * 1024 ** 3,
  };
}

export interface ServiceRequest {
  /** Default: `GET`. */
  method?: 'GET' | 'POST' | 'OPTIONS';
  /** Below the root, beginning with a slash, the query string included; or an address of the service's origin. */
  path: string;
  accept: string;
  /** Default: `identity`. */
  acceptEncoding?: string;
  body?: RequestBody;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

/** Sends a request and gives the answer, whatever its status. An authorization that is refused is renewed once. */
export async function send(service: Service, request: ServiceRequest): Promise<HttpAnswer> {
  const { body } = request;
  const sendAs = (authorization: string | undefined) =>
    service.transport.send(request.path.startsWith('/') ? service.root.href + request.path : request.path, {
      method: request.method ?? 'GET',
      headers: {
        ...service.headers,
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
        accept: request.accept,
        'accept-encoding': request.acceptEncoding ?? 'identity',
      },
      ...(body ? { body } : {}),
      signal: request.signal,
    });
  const authorization = await service.authorization.current();
  const answer = await sendAs(authorization);
  if (answer.status !== 401) return answer;
  const renewed = await service.authorization.renew(authorization);
  if (renewed === undefined || body?.repeatable === false) return answer;
  await answer.discard();
  return sendAs(renewed);
}

/**
 * Sends a request and gives a successful answer. Throws `DicomWebError` for any other.
 *
 * @param what is asked for, as a noun, for errors: `the study`
 */
export async function ask(service: Service, request: ServiceRequest, what: string): Promise<HttpAnswer> {
  const answer = await send(service, request);
  if (answer.status >= 200 && answer.status < 300) return answer;
  await answer.discard();
  throw statusError(answer.status, service.root.name, what);
}

/** Types that DICOM JSON comes as; the second is what it was called at first. */
export function isJson(type: string): boolean {
  return type === 'application/dicom+json' || type === 'application/json';
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
