import type { z } from 'zod';
import { ServerError } from '../errors.ts';

/** A request does not fit the contract, or names what cannot be used. */
export class InvalidRequestError extends ServerError {
  /** What is wrong, by the field's path (`studies.0.pseudonym`). */
  readonly fields: Readonly<Record<string, string>>;

  constructor(message: string, fields: Readonly<Record<string, string>> = {}) {
    super('INVALID_REQUEST', message);
    this.fields = fields;
  }
}

/** Fields named at most: who sends a thousand wrong studies need not get a thousand sentences. */
const MAX_FIELDS = 20;

/** The error of a part of a request that its schema refused. Values are not repeated: they may be anything. */
export function invalidPart(part: 'params' | 'query' | 'body', error: z.ZodError): InvalidRequestError {
  const fields: Record<string, string> = {};
  for (const issue of error.issues) {
    const path = issue.path.map(String).join('.') || part;
    if (path in fields) continue;
    if (Object.keys(fields).length === MAX_FIELDS) break;
    fields[path] = issue.message;
  }
  const names = Object.keys(fields);
  const what = { params: 'the path', query: 'the query', body: 'the body' }[part];
  return new InvalidRequestError(
    `The request is not as it must be: look at ${names.slice(0, 3).join(', ')} in ${what}.`,
    fields,
  );
}
