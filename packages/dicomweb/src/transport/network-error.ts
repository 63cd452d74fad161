import { DicomWebError } from '../dicomweb-error.ts';

/** One error for the many that sockets, TLS and HTTP parsers throw. Only codes and names are looked at. */
export function networkError(error: unknown, name: string): DicomWebError {
  if (error instanceof DicomWebError) return error;
  const codes = codesOf(error);
  const has = (...wanted: string[]) => wanted.some((code) => codes.includes(code));

  if (has('UND_ERR_DESTROYED', 'UND_ERR_CLOSED')) return closed(name);
  if (has('ENOTFOUND')) {
    return new DicomWebError('CONNECT', `The host name of ${name} is unknown: check the address.`, {
      cause: error,
    });
  }
  if (has('UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT')) {
    return new DicomWebError('CONNECT', `${name} did not accept a connection in time: is it reachable?`, {
      cause: error,
      retryable: true,
    });
  }
  if (has('ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN')) {
    return new DicomWebError(
      'CONNECT',
      `${name} could not be reached: check the address and that the service is running.`,
      { cause: error, retryable: true },
    );
  }
  if (codes.some((code) => /^ERR_(TLS|SSL)|CERT|SIGNATURE|EPROTO/.test(code))) {
    return new DicomWebError(
      'TLS',
      `No trusted connection to ${name}: check its certificate and which authorities are trusted.`,
      { cause: error },
    );
  }
  if (has('UND_ERR_HEADERS_TIMEOUT')) return timeout(name, error);
  if (has('UND_ERR_BODY_TIMEOUT')) return stalled(name, error);
  if (has('UND_ERR_HEADERS_OVERFLOW', 'HTTPParserError')) {
    // Without the cause: the parser's error holds what was received.
    return new DicomWebError('MALFORMED', `What ${name} answers is not HTTP: check the address.`);
  }
  return new DicomWebError('NETWORK', `The connection to ${name} broke: try again.`, {
    cause: error,
    retryable: true,
  });
}

/** The transport was disposed of. */
export function closed(name: string): DicomWebError {
  return new DicomWebError('CLOSED', `The client of ${name} was disposed of while, or before, it was used.`);
}

/** No answer has begun in time. */
export function timeout(name: string, cause?: unknown): DicomWebError {
  return new DicomWebError('TIMEOUT', `${name} did not answer in time: try again.`, {
    cause,
    retryable: true,
  });
}

/** An answer stopped in the middle. */
export function stalled(name: string, cause?: unknown): DicomWebError {
  return new DicomWebError('TIMEOUT', `${name} stopped in the middle of its answer: try again.`, {
    cause,
    retryable: true,
  });
}

function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  const visit = (one: unknown, depth: number): void => {
    if (!(one instanceof Error) || depth > 3) return;
    codes.push(one.name);
    if ('code' in one && typeof one.code === 'string') codes.push(one.code);
    visit(one.cause, depth + 1);
    // A host with several addresses fails with one error for each.
    if (one instanceof AggregateError) for (const inner of one.errors) visit(inner, depth + 1);
  };
  visit(error, 0);
  return codes;
}
