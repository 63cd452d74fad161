import type * as z from 'zod';

/**
 * One operation of the REST API: everything the server, the client and the OpenAPI document need to know of it.
 *
 * Paths are below `/api` and name their parameters in braces. Errors of every operation are `problem` documents
 * (RFC 9457). What a request holds is a strict object: a misspelled `pseudonym` must not let a patient's name through.
 */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: `/${string}`;
  /** One line for the OpenAPI document. */
  readonly summary: string;
  readonly tag: string;
  /** `public` needs no login, `user` a login, `admin` an administrator. */
  readonly access: 'public' | 'user' | 'admin';
  /** Path parameters. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Success. 204 when there is no `response`. */
  readonly status: 200 | 201 | 202 | 204;
  readonly response?: z.ZodType;
  /**
   * How `response` is sent: one JSON document; `lines`, one JSON document a line as they become known
   * (application/x-ndjson); `events`, server-sent events whose data is a JSON document. Default: `json`.
   */
  readonly form?: 'json' | 'lines' | 'events';
}

/** Keeps the literal types of an operation. */
export function operation<const O extends Operation>(definition: O): O {
  return definition;
}
