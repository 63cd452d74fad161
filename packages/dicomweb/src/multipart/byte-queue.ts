import { concatBytes } from '../concat-bytes.ts';

/**
 * Bytes of a stream, pulled chunk by chunk and looked at before they are taken. Chunks are passed on as slices; only what
 * `peek` and `line` gather is copied, and both are bounded.
 */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Never holds an empty chunk. */
  readonly #chunks: Uint8Array[] = [];
  #ended = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  /** The bytes at hand: pulls some when there are none. Undefined at the end of the stream. */
  async front(): Promise<Uint8Array | undefined> {
    if (this.#chunks.length === 0) await this.#pull();
    return this.#chunks[0];
  }

  /** Takes bytes off the front chunk. */
  consume(count: number): void {
    let left = count;
    while (left > 0) {
      const chunk = this.#chunks[0]!;
      if (chunk.length > left) {
        this.#chunks[0] = chunk.subarray(left);
        return;
      }
      left -= chunk.length;
      this.#chunks.shift();
    }
  }

  /** The next `count` bytes, without taking them; fewer at the end of the stream. */
  async peek(count: number): Promise<Uint8Array> {
    const front = await this.front();
    if (front === undefined || front.length >= count) return front?.subarray(0, count) ?? new Uint8Array();
    let available = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    while (available < count && (await this.#pull())) available += this.#chunks.at(-1)!.length;
    const pieces: Uint8Array[] = [];
    let left = count;
    for (const chunk of this.#chunks) {
      pieces.push(chunk.subarray(0, left));
      left -= pieces.at(-1)!.length;
    }
    return concatBytes(pieces);
  }

  /**
   * Takes a line and gives it with its LF. At the end of the stream, or when `limit` bytes held no LF, what there is
   * without one.
   */
  async line(limit: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (length < limit) {
      const front = await this.front();
      if (front === undefined) break;
      const window = front.subarray(0, limit - length);
      const newline = window.indexOf(LF);
      const piece = newline < 0 ? window : window.subarray(0, newline + 1);
      pieces.push(piece);
      length += piece.length;
      this.consume(piece.length);
      if (newline >= 0) break;
    }
    return concatBytes(pieces);
  }

  /** Tells the stream that nobody will read on. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#chunks.length = 0;
    await this.#source.return?.();
  }

  async #pull(): Promise<boolean> {
    while (!this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else if (next.value.length > 0) {
        this.#chunks.push(next.value);
        return true;
      }
    }
    return false;
  }
}

const LF = 0x0a;
