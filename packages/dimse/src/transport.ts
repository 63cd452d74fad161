import { connect as connectTcp, type Socket } from 'node:net';
import { nodeTls } from './lazy-builtins.ts';
import { ReadMemory } from './read-memory.ts';
import { clientTlsOptions, type TlsOptions, type TlsReport, tlsReport } from './tls.ts';

/** What an upper layer hears from its connection. */
export interface TransportListener {
  onConnected(): void;
  /**
   * Bytes that have come.
   *
   * @param memory what they lie in, where it can be given back early; to be held by whoever looks at them after this call
   */
  onChunk(chunk: Uint8Array, memory: ReadMemory | undefined): void;
  /** The connection has ended, for whatever reason; nothing comes after this. */
  onClosed(error: Error | undefined): void;
}

/** A connection as the upper layer needs it (the "transport service" of PS3.8 §9.1). */
export interface Transport {
  /** Called once, before anything else. */
  listen(listener: TransportListener): void;
  /**
   * Sends parts that follow each other; there is at least one. `done` is called when the operating system has taken all of
   * them; they must not change before.
   */
  write(parts: readonly Uint8Array[], done?: () => void): void;
  pause(): void;
  resume(): void;
  /** Ends the connection after what is written. */
  end(): void;
  /** Ends the connection now. */
  destroy(): void;
  /** From here on the connection does not keep the process alive. */
  unref(): void;
  readonly remoteAddress: string;
  /** What the handshake came to, accepted or not; undefined before it and without TLS. */
  readonly tls: TlsReport | undefined;
}

/** A transport over a socket that a server accepted. */
export function acceptedTransport(socket: Socket): Transport {
  return new SocketTransport((deliver) => {
    socket.on('data', (chunk: Buffer<ArrayBuffer>) => {
      // Memory that Node shares out among buffers is never filled by one of them.
      const memory = chunk.length === chunk.buffer.byteLength ? new ReadMemory(chunk.buffer) : undefined;
      deliver(chunk, memory);
      memory?.letGo();
    });
    return socket;
  }, false);
}

/** Opens a connection. Trouble is told to the listener. */
export function openTransport(options: {
  host: string;
  port: number;
  tls?: TlsOptions | undefined;
}): Transport {
  const { host, port, tls } = options;
  if (tls) {
    return new SocketTransport((deliver) => {
      const socket = nodeTls().connect(clientTlsOptions(host, port, tls));
      socket.setNoDelay(true);
      socket.on('data', deliver);
      return socket;
    }, true);
  }
  return new SocketTransport((deliver) => {
    // Reading into memory of our own takes less than 'data' events do.
    const slab = new Slab();
    return connectTcp({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: () => slab.rest(),
        callback: (length, buffer) => {
          slab.advance(length);
          deliver(buffer.subarray(0, length), slab.memory);
          return true;
        },
      },
    });
  }, true);
}

/**
 * Not longer: memory of 128 KiB and more comes fresh from the operating system, which clears each page of it; that takes
 * longer than what is read into it.
 */
const SLAB_LENGTH = 64 * 1024;
const SHORTEST_READ = 16 * 1024;

/** Hands out consecutive parts of buffers; a part that was read into belongs to the reader. */
class Slab {
  #buffer = Buffer.allocUnsafeSlow(SLAB_LENGTH);
  #memory = new ReadMemory(this.#buffer.buffer);
  #used = 0;

  /** Of the part that was handed out last. */
  get memory(): ReadMemory {
    return this.#memory;
  }

  rest(): Buffer {
    if (SLAB_LENGTH - this.#used < SHORTEST_READ) {
      this.#memory.letGo();
      this.#buffer = Buffer.allocUnsafeSlow(SLAB_LENGTH);
      this.#memory = new ReadMemory(this.#buffer.buffer);
      this.#used = 0;
    }
    return this.#buffer.subarray(this.#used);
  }

  advance(length: number): void {
    this.#used += length;
  }
}

/**
 * Writes of so many bytes do not wait for others of their turn: the peer works on an object while the rest of the turn
 * prepares the next one.
 */
const LARGE_WRITE = 64 * 1024;

class SocketTransport implements Transport {
  readonly #socket: Socket;
  #listener: TransportListener | undefined;
  #error: Error | undefined;
  #closed = false;
  #tls: TlsReport | undefined;
  /** Writes wait for the end of this turn. */
  #gathering = false;

  constructor(
    open: (deliver: (chunk: Uint8Array, memory?: ReadMemory) => void) => Socket,
    connecting: boolean,
  ) {
    const socket = open((chunk, memory) => {
      if (!this.#closed) this.#listener?.onChunk(chunk, memory);
    });
    this.#socket = socket;
    this.#tls = tlsReport(socket);
    if (connecting) {
      const event = 'encrypted' in socket ? 'secureConnect' : 'connect';
      socket.once(event, () => this.#listener?.onConnected());
      // Before the certificate is judged: of a connection that was refused nothing can be learned any more.
      socket.prependOnceListener('secure', () => {
        this.#tls = tlsReport(socket);
      });
    }
    socket.on('error', (error) => {
      this.#error = error;
    });
    // The end of the peer's half ends the association: waiting for 'close' could hang on a write nobody reads.
    socket.on('end', () => {
      socket.destroySoon();
      this.#tellClosed();
    });
    socket.on('close', () => this.#tellClosed());
    socket.resume();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get tls(): TlsReport | undefined {
    return this.#tls;
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  write(parts: readonly Uint8Array[], done?: () => void): void {
    if (this.#closed || this.#socket.destroyed) return;
    if (!this.#gathering) {
      // Small messages of one turn, such as the matches of a query, go to the operating system in one call.
      this.#gathering = true;
      this.#socket.cork();
      process.nextTick(() => this.#send());
    }
    const last = parts.length - 1;
    let length = 0;
    for (const [index, part] of parts.entries()) {
      this.#socket.write(part, index < last ? undefined : done && ((error) => (error ? undefined : done())));
      length += part.length;
    }
    if (length >= LARGE_WRITE) this.#send();
  }

  #send(): void {
    this.#gathering = false;
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  unref(): void {
    this.#socket.unref();
  }

  #tellClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener?.onClosed(this.#error);
  }
}
