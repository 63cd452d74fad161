import { encodeBase64 } from '@adit/core';
import { DicomWebError } from './dicomweb-error.ts';
import { areHeaders } from './headers.ts';

/**
 * Gives the value of the `Authorization` header. It is asked before the first request, and again when the service refused
 * a value (HTTP 401), for example because a token has expired.
 */
export type AuthorizationProvider = (request: {
  /** The value that was refused; undefined the first time. */
  refused: string | undefined;
}) => string | Promise<string>;

/** A header value that is got once, used for all requests, and got anew when it is refused. */
export interface Authorization {
  /** The value to send; undefined when there is none to be sent. */
  current(): Promise<string | undefined>;
  /** The value to send instead of one that was refused; undefined when there is no other. */
  renew(refused: string | undefined): Promise<string | undefined>;
}

/** The value for a user name and a password (RFC 7617), in UTF-8. */
export function basicAuthorization(user: string, password: string): string {
  if (user.includes(':')) {
    throw new DicomWebError(
      'INVALID_HEADERS',
      'A user name for Basic authorization holds no colon: check it.',
    );
  }
  return `Basic ${encodeBase64(new TextEncoder().encode(`${user}:${password}`))}`;
}

/** Holds what a provider gives. Requests that are refused at the same time ask it once. */
export function createAuthorization(
  given: string | AuthorizationProvider | undefined,
  name: string,
): Authorization {
  if (typeof given !== 'function') return { current: async () => given, renew: async () => undefined };
  let value: Promise<string> | undefined;

  const ask = (refused: string | undefined): Promise<string> => {
    const asked = Promise.resolve()
      .then(() => given({ refused }))
      .then((answer) => checked(answer, name))
      .catch((error: unknown) => {
        // The next request may find it mended.
        if (value === asked) value = undefined;
        if (error instanceof DicomWebError) throw error;
        throw new DicomWebError(
          'UNAUTHORIZED',
          `No authorization for ${name} could be had: check where its token comes from.`,
          { cause: error, retryable: true },
        );
      });
    value = asked;
    return asked;
  };

  const renew: Authorization['renew'] = async (refused) => {
    const before = value;
    const known = before && (await before.catch(() => undefined));
    // Another request was faster.
    if (value !== before) return renew(refused);
    const renewed = known !== undefined && known !== refused ? known : await ask(refused);
    return renewed === refused ? undefined : renewed;
  };

  return { current: () => value ?? ask(undefined), renew };
}

function checked(value: string, name: string): string {
  if (areHeaders({ authorization: value })) return value;
  throw new DicomWebError('INVALID_HEADERS', `The authorization for ${name} is no header value: check it.`);
}
