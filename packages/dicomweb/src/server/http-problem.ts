import { DicomError } from '@adit/core';

/** Ends a request with a status and a sentence for whoever sent it. The sentence holds no identifier. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = 'HttpProblem';
    this.status = status;
    this.headers = headers;
  }
}

/** An answer that says what is wrong (RFC 9457). */
export function problemResponse({ status, message, headers }: HttpProblem): Response {
  return new Response(JSON.stringify({ status, detail: message }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

const NOT_FOUND: ReadonlySet<string> = new Set(['STUDY_NOT_FOUND', 'SERIES_NOT_FOUND', 'NOT_FOUND']);
const NOT_POSSIBLE: ReadonlySet<string> = new Set(['INVALID_QUERY', 'UNKNOWN_ATTRIBUTE', 'INVALID_VALUE']);

/**
 * What an error of what is behind the service means to its client. The error's own words stay inside: they name nodes and
 * folders that are no business of the client.
 */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (!(error instanceof DicomError))
    return new HttpProblem(500, 'Something unexpected went wrong: see the log of the service.');
  if (NOT_FOUND.has(error.code)) return new HttpProblem(404, 'What was asked for is not here.');
  if (NOT_POSSIBLE.has(error.code)) {
    return new HttpProblem(
      400,
      'The archive behind this service cannot answer such a request: ask for something else.',
    );
  }
  if (error.retryable) {
    return new HttpProblem(
      503,
      'The archive behind this service cannot answer at present: try again later.',
      {
        'retry-after': '10',
      },
    );
  }
  return new HttpProblem(502, 'The archive behind this service failed: see the log of the service.');
}
