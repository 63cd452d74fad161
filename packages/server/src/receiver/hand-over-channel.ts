import type { Socket } from 'node:net';
import { ServerError } from '../errors.ts';

/*
 * What a receiver and a waiting task say to each other over a connection of theirs. Each frame: its type (1 byte), the length
 * of what follows (4 bytes, big endian), and that. The task says `claim`, the receiver `claimed`; from then on the receiver
 * sends objects, one after the other: `object`, any number of `data`, `end`. The task gives an `answer` to each, in their
 * order, and may do so before the `end`, which then comes early. Whoever closes the connection ends it all.
 */
export const Frame = {
  /** JSON: what is waited for, and the Message ID. */
  claim: 1,
  /** One byte: 1, or 0 where another task has the Message ID. */
  claimed: 2,
  /** JSON: SOP class, SOP instance and transfer syntax. */
  object: 3,
  /** Bytes of its data set. */
  data: 4,
  /** Nothing: the data set is complete. Or JSON, an error: it broke off. */
  end: 5,
  /** Two bytes: the status for the node (PS3.7 §C). */
  answer: 6,
  /** Nothing. */
  ping: 7,
} as const;

export type FrameType = (typeof Frame)[keyof typeof Frame];

export interface ReceivedFrame {
  readonly type: FrameType;
  /** All of it; of `data` as much as has come, which is never nothing. */
  readonly payload: Buffer;
}

const HEADER_BYTES = 5;
/** A claim may name each instance of a large study that is still lacking. */
const MAX_PAYLOAD = 64 * 1024 * 1024;
/** So much may have come that nobody has read yet, in bytes; the socket and the network hold some more. */
const READ_AHEAD = 256 * 1024;
/** So much may be sent that the system has not taken yet, in bytes: more than the pieces that come in from a node. */
const WRITE_AHEAD = 512 * 1024;
/** How often a sign of life is sent, and how long its absence is borne, in milliseconds. */
const PING_INTERVAL = 10_000;
const SILENCE = 35_000;
/** How long the other end may take to close, in milliseconds. */
const CLOSE_PATIENCE = 5_000;

/** One end of a connection: frames come as they are asked for, and are sent as fast as the other end takes them. */
export interface HandOverChannel {
  /** Aborted when the connection is closed, by whomever. */
  readonly closed: AbortSignal;
  /** The next frame; undefined after the end. Not to be called again before it has answered. Throws when it breaks off. */
  next(): Promise<ReceivedFrame | undefined>;
  /** Resolves when the other end has room for more. Throws when the connection is closed. */
  send(type: FrameType, payload?: Uint8Array): Promise<void>;
  /** Lets out what was sent, then closes. What still comes is thrown away. */
  close(): void;
}

export function openChannel(socket: Socket): HandOverChannel {
  return new Channel(socket);
}

export function brokenOff(cause?: unknown): ServerError {
  return new ServerError('HAND_OVER', 'The connection between receiver and worker broke off.', {
    cause,
    retryable: true,
  });
}

class Channel implements HandOverChannel {
  readonly closed: AbortSignal;
  readonly #socket: Socket;
  readonly #close = new AbortController();
  readonly #chunks: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #closing = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #lastHeard = performance.now();
  /** Bytes of the `data` that is coming in. */
  #dataLeft = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = this.#close.signal;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: Error) => {
      this.#error ??= error;
    });
    const pings = setInterval(() => this.#onInterval(), PING_INTERVAL).unref();
    socket.on('close', () => {
      clearInterval(pings);
      this.#onEnd();
      this.#close.abort();
    });
  }

  #onData(chunk: Buffer): void {
    this.#lastHeard = performance.now();
    if (this.#closing) return;
    this.#chunks.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued > READ_AHEAD) this.#socket.pause();
    this.#wake?.();
  }

  #onEnd(): void {
    this.#ended = true;
    this.#wake?.();
  }

  #onInterval(): void {
    if (!this.#socket.writableNeedDrain) this.send(Frame.ping).catch(() => {});
    // While nothing is read nothing is heard.
    if (this.#socket.isPaused()) return;
    if (performance.now() - this.#lastHeard > SILENCE)
      this.#socket.destroy(new Error('The other end is silent.'));
  }

  async next(): Promise<ReceivedFrame | undefined> {
    for (;;) {
      if (this.#dataLeft > 0) {
        const payload = await this.#some(this.#dataLeft);
        if (!payload) throw brokenOff(this.#error);
        this.#dataLeft -= payload.length;
        return { type: Frame.data, payload };
      }
      const header = await this.#bytes(HEADER_BYTES);
      if (!header) {
        if (this.#error) throw brokenOff(this.#error);
        return undefined;
      }
      const type = header.readUInt8(0) as FrameType;
      const length = header.readUInt32BE(1);
      if (type === Frame.data) {
        this.#dataLeft = length;
        continue;
      }
      if (length > MAX_PAYLOAD) throw brokenOff(new Error(`A frame of ${length} bytes.`));
      const payload = length === 0 ? EMPTY : await this.#bytes(length);
      if (!payload) throw brokenOff(this.#error);
      if (type !== Frame.ping) return { type, payload };
    }
  }

  /** Exactly so many bytes; undefined where the end is there before the first of them. */
  async #bytes(count: number): Promise<Buffer | undefined> {
    const first = await this.#some(count);
    if (!first || first.length === count) return first;
    const parts = [first];
    for (let left = count - first.length; left > 0; ) {
      const part = await this.#some(left);
      if (!part) throw brokenOff(this.#error);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At most so many bytes, as soon as there are any; undefined at the end. */
  async #some(most: number): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk) {
        const taken = chunk.length <= most ? chunk : chunk.subarray(0, most);
        if (taken === chunk) this.#chunks.shift();
        else this.#chunks[0] = chunk.subarray(most);
        this.#queued -= taken.length;
        if (this.#queued <= READ_AHEAD / 2 && this.#socket.isPaused()) {
          this.#lastHeard = performance.now();
          this.#socket.resume();
        }
        return taken;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async send(type: FrameType, payload: Uint8Array = EMPTY): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable) throw brokenOff(this.#error);
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt8(type, 0);
    header.writeUInt32BE(payload.length, 1);
    socket.cork();
    socket.write(header);
    if (payload.length > 0) socket.write(payload);
    socket.uncork();
    // Nobody says so when room comes that there was already.
    if (!socket.writableNeedDrain || socket.writableLength < WRITE_AHEAD) return;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        socket.off('drain', done);
        socket.off('close', done);
        if (socket.writable) resolve();
        else reject(brokenOff(this.#error));
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#chunks.length = 0;
    this.#queued = 0;
    this.#onEnd();
    const socket = this.#socket;
    socket.resume();
    socket.end();
    const impatience = setTimeout(() => socket.destroy(), CLOSE_PATIENCE).unref();
    socket.on('close', () => clearTimeout(impatience));
  }
}

const EMPTY = Buffer.alloc(0);
