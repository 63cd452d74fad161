import { DicomWebError } from '../dicomweb-error.ts';
import { ByteQueue } from './byte-queue.ts';
import { type ByteFinder, createByteFinder } from './find-bytes.ts';

export interface MultipartOptions {
  /** Most bytes the headers of one part may have. Default: 16 KiB. */
  maxHeaderBytes?: number;
  /** Most bytes the body of one part may have; it streams, so this guards disks rather than memory. Default: 16 GiB. */
  maxPartBytes?: number;
  /** Whom errors name. Default: `The sender`. */
  peer?: string;
}

/** One part of a multipart message. */
export interface MultipartPart {
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The bytes of the part, as slices of what arrived. Has one reader; leaving it early skips the rest of the part. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Most bytes before the first boundary, and most of a delimiter's own line. */
const MAX_PREAMBLE_BYTES = 64 * 1024;

/** An epilogue up to this length is read, so that the connection can be used again. */
const MAX_EPILOGUE_BYTES = 64 * 1024;

/** RFC 2046 allows 70; some senders are more generous. */
const MAX_BOUNDARY_LENGTH = 200;

/**
 * Reads a multipart message (RFC 2046 §5.1) while it arrives: nothing but headers is collected, and bodies are handed on
 * as they come, with back-pressure.
 *
 * The next part comes when the body of the one before has been read to its end or left; one that nobody has begun to
 * read is skipped. Lines may end in CRLF or, throughout a message, in a bare LF. Text before the first and after the
 * last boundary is ignored.
 *
 * Throws `DicomWebError`: `TRUNCATED` (retryable) when the closing boundary is missing, `MALFORMED`, `LIMIT`.
 */
export async function* parseMultipart(
  stream: AsyncIterable<Uint8Array>,
  boundary: string,
  options: MultipartOptions = {},
): AsyncGenerator<MultipartPart, void, undefined> {
  const { maxHeaderBytes = 16 * 1024, maxPartBytes = 16 * 1024 ** 3, peer = 'The sender' } = options;
  const queue = new ByteQueue(stream);
  try {
    if (boundary === '' || boundary.length > MAX_BOUNDARY_LENGTH) {
      throw new DicomWebError('MALFORMED', `${peer} announced a multipart answer without a usable boundary.`);
    }
    const first = await skipPreamble(queue, `--${boundary}`, peer);
    const delimiter = new TextEncoder().encode(`${first.lineEnd}--${boundary}`);
    const find = createByteFinder(delimiter);
    let rest = first.rest;
    while (!rest.startsWith('--')) {
      const headers = await readHeaders(queue, maxHeaderBytes, peer);
      const body = new PartBody(queue, delimiter, find, maxPartBytes, peer);
      yield { headers, body };
      await body.finish();
      queue.consume(delimiter.length);
      rest = await readText(queue, MAX_PREAMBLE_BYTES, peer, 'a boundary line');
    }
    await skipEpilogue(queue);
  } finally {
    await queue.close();
  }
}

/** Reads up to the first boundary; gives the rest of its line, and how lines end in this message. */
async function skipPreamble(
  queue: ByteQueue,
  dashBoundary: string,
  peer: string,
): Promise<{ rest: string; lineEnd: string }> {
  let left = MAX_PREAMBLE_BYTES;
  while (left > 0) {
    const line = await queue.line(left);
    if (line.length === 0) throw truncated(peer);
    left -= line.length;
    const text = decode(line);
    const rest = text.slice(dashBoundary.length);
    if (text.startsWith(dashBoundary) && (rest.trim() === '' || rest.startsWith('--'))) {
      if (rest.trim() === '' && !rest.endsWith('\n')) throw truncated(peer);
      return { rest, lineEnd: rest.endsWith('\r\n') ? '\r\n' : '\n' };
    }
  }
  throw new DicomWebError(
    'MALFORMED',
    `${peer} sent a multipart answer that does not begin with its boundary.`,
  );
}

async function readHeaders(queue: ByteQueue, limit: number, peer: string): Promise<Map<string, string>> {
  const headers = new Map<string, string>();
  let left = limit;
  let name = '';
  for (;;) {
    const line = await readText(queue, left, peer, 'the headers of a part');
    left -= line.length;
    const text = line.trim();
    if (text === '') return headers;
    const colon = text.indexOf(':');
    if (/^[ \t]/.test(line) && name !== '') {
      headers.set(name, `${headers.get(name)} ${text}`);
    } else if (colon > 0) {
      name = text.slice(0, colon).trim().toLowerCase();
      headers.set(name, text.slice(colon + 1).trim());
    } else {
      throw new DicomWebError('MALFORMED', `${peer} sent a part of a multipart answer with broken headers.`);
    }
  }
}

/** A whole line as text. */
async function readText(queue: ByteQueue, limit: number, peer: string, what: string): Promise<string> {
  const line = await queue.line(limit);
  if (line.at(-1) === LF) return decode(line);
  // A closing boundary may be the very last of a message.
  if (line.length >= 2 && line.length < limit && decode(line).startsWith('--')) return decode(line);
  if (line.length < limit) throw truncated(peer);
  throw new DicomWebError('LIMIT', `${peer} sent ${what} longer than is accepted.`);
}

/** What follows the closing boundary is of no interest, and trouble there is none of ours: all parts have arrived. */
async function skipEpilogue(queue: ByteQueue): Promise<void> {
  try {
    for (let left = MAX_EPILOGUE_BYTES; left > 0; ) {
      const bytes = await queue.front();
      if (bytes === undefined) return;
      left -= bytes.length;
      queue.consume(bytes.length);
    }
  } catch {
    // Nothing is lost.
  }
}

/** The body of one part: everything up to the next delimiter, which it leaves in the queue. */
class PartBody implements AsyncIterableIterator<Uint8Array, void, undefined> {
  readonly #queue: ByteQueue;
  readonly #delimiter: Uint8Array;
  readonly #find: ByteFinder;
  readonly #maxBytes: number;
  readonly #peer: string;
  readonly #readerGone = Promise.withResolvers<void>();
  #started = false;
  #left = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #bytes = 0;
  /** Reads follow each other, whoever asks. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(queue: ByteQueue, delimiter: Uint8Array, find: ByteFinder, maxBytes: number, peer: string) {
    this.#queue = queue;
    this.#delimiter = delimiter;
    this.#find = find;
    this.#maxBytes = maxBytes;
    this.#peer = peer;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, void>> {
    this.#started = true;
    return this.#inTurn(async () => {
      const slice = this.#left ? undefined : await this.#slice();
      if (slice !== undefined) return { done: false, value: slice };
      this.#readerGone.resolve();
      return { done: true, value: undefined };
    });
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#left = true;
    this.#readerGone.resolve();
    return { done: true, value: undefined };
  }

  /** Waits for the reader, if there is one, and skips what it left. */
  async finish(): Promise<void> {
    if (this.#started) await this.#readerGone.promise;
    this.#left = true;
    await this.#inTurn(async () => {
      while ((await this.#slice()) !== undefined);
    });
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(read);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** The next bytes of the body; undefined when it is over. */
  async #slice(): Promise<Uint8Array | undefined> {
    if (this.#failure) throw this.#failure.error;
    if (this.#ended) return undefined;
    try {
      const slice = await this.#nextSlice();
      if (slice === undefined) {
        this.#ended = true;
        return undefined;
      }
      this.#queue.consume(slice.length);
      this.#bytes += slice.length;
      if (this.#bytes > this.#maxBytes) {
        throw new DicomWebError('LIMIT', `${this.#peer} sent an object larger than ${this.#maxBytes} bytes.`);
      }
      return slice;
    } catch (error) {
      this.#failure = { error };
      this.#readerGone.resolve();
      throw error;
    }
  }

  async #nextSlice(): Promise<Uint8Array | undefined> {
    const front = await this.#queue.front();
    if (front === undefined) throw truncated(this.#peer);
    const found = this.#find(front, 0);
    const candidate = found >= 0 ? found : this.#beginningAtEnd(front);
    if (candidate < 0) return front;
    if (candidate > 0) return front.subarray(0, candidate);
    if (await this.#delimiterFollows()) return undefined;
    // It only looked like one; no byte but its first can begin another.
    return front.subarray(0, this.#delimiter.length);
  }

  /** Where a delimiter may begin that goes on in the next chunk. Its first byte, CR or LF, occurs in it only once. */
  #beginningAtEnd(bytes: Uint8Array): number {
    // Looked for where it can be only: elsewhere it may be everywhere, or nowhere for long.
    const from = Math.max(0, bytes.length - this.#delimiter.length + 1);
    const last = bytes.subarray(from).lastIndexOf(this.#delimiter[0]!);
    if (last < 0) return -1;
    const start = from + last;
    for (let i = start; i < bytes.length; i++) {
      if (bytes[i] !== this.#delimiter[i - start]) return -1;
    }
    return start;
  }

  /** Is this a delimiter, and not a longer line that begins like one? */
  async #delimiterFollows(): Promise<boolean> {
    const { length } = this.#delimiter;
    const bytes = await this.#queue.peek(length + 2);
    if (bytes.length < length || this.#delimiter.some((byte, i) => byte !== bytes[i])) return false;
    const rest = decode(bytes.subarray(length));
    return '--'.startsWith(rest) || /^[\r\n\t ]/.test(rest);
  }
}

function truncated(peer: string): DicomWebError {
  return new DicomWebError(
    'TRUNCATED',
    `${peer} ended its answer before the closing boundary: some objects are missing; try again.`,
    { retryable: true },
  );
}

const decoder = new TextDecoder();
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);
const LF = 0x0a;
