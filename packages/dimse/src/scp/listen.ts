import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions as NodeTlsOptions } from 'node:tls';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import { MessageExchange } from '../message-exchange.ts';
import { DEFAULT_MAXIMUM_PDU_LENGTH, isValidAeTitle } from '../node.ts';
import { APPLICATION_CONTEXT, type AssociateRj, type AssociateRq } from '../pdu.ts';
import { maximumFragmentLength } from '../pdv-framer.ts';
import { negotiateContexts } from '../presentation-context.ts';
import { acceptedTransport } from '../transport.ts';
import { UpperLayer } from '../upper-layer.ts';
import { acceptancePolicy } from './acceptance.ts';
import type { ScpHandlers } from './handlers.ts';
import { serve } from './serve.ts';

/** Who asks for an association. */
export interface CallingPeer {
  callingAeTitle: string;
  calledAeTitle: string;
  /** IP address. */
  remoteAddress: string;
}

export interface ListenOptions {
  /** AE title or titles this server answers to; `*` answers to all. */
  aeTitle: string | readonly string[];
  /** Address to listen on. Default: all addresses. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  handlers: ScpHandlers;
  /** Decides on each peer; false rejects with "calling AE title not recognised". Default: everybody. */
  allow?: (peer: CallingPeer) => boolean;
  /** More associations at once are rejected for now. Default: 64. */
  maxAssociations?: number;
  /** Longest P-DATA-TF PDU to receive, in bytes. Default: 1 MiB. */
  maximumPduLength?: number;
  timeouts?: {
    /** For a peer to ask for an association, and to close an ended one, in seconds (ARTIM). Default: 30. */
    artim?: number;
    /** For a peer that owes bytes or answers, in seconds. Default: 120. */
    response?: number;
    /** For an association on which nothing is asked for, in seconds. Default: 300. */
    idle?: number;
  };
  /** Accept TLS connections only. Default: plain TCP. */
  tls?: NodeTlsOptions;
  /** Told what goes wrong with a peer, its aborts included, or in a handler, for logs. Default: nobody is told. */
  onError?: (error: unknown, peer: CallingPeer) => void;
}

export interface DimseServer extends AsyncDisposable {
  readonly port: number;
  /** Stops listening and aborts what is under way. */
  close(): Promise<void>;
}

const DEFAULT_MAX_ASSOCIATIONS = 64;
const DEFAULT_ARTIM_SECONDS = 30;
const DEFAULT_RESPONSE_SECONDS = 120;
const DEFAULT_IDLE_SECONDS = 300;
/** Connections that have not asked for an association yet are let in beyond the limit, so that they can be told of it. */
const SPARE_CONNECTIONS = 32;

/** Starts a DICOM server. Throws `DimseError` with code `LISTEN` when it cannot, for example because the port is in use. */
export async function listen(options: ListenOptions): Promise<DimseServer> {
  const aeTitles = typeof options.aeTitle === 'string' ? [options.aeTitle] : options.aeTitle;
  for (const title of aeTitles) {
    if (!isValidAeTitle(title)) {
      throw new DimseError(
        'INVALID_NODE',
        `"${title}" is no AE title: use 1 to 16 ASCII characters without a backslash.`,
      );
    }
  }
  const connections = new Set<Connection>();
  const onSocket = (socket: Socket) => {
    if (connections.size >= (options.maxAssociations ?? DEFAULT_MAX_ASSOCIATIONS) + SPARE_CONNECTIONS) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, options, aeTitles, connections);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  };
  const server = options.tls
    ? createTlsServer({ ...options.tls, noDelay: true }, onSocket)
    : createServer({ noDelay: true }, onSocket);
  // Under TLS a socket is no connection of ours before its handshake.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await bind(server, options);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of connections) connection.close();
    for (const socket of sockets) socket.destroySoon();
    await closed;
  };
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${options.host ?? 'all addresses'}, port ${options.port}`;
      reject(
        new DimseError('LISTEN', `Cannot listen on ${place}: ${listenTrouble(error)}.`, { cause: error }),
      );
    });
    server.listen({ port: options.port, host: options.host }, () => {
      server.removeAllListeners('error');
      // Trouble with accepting one connection must not end the others.
      server.on('error', (error) => options.onError?.(error, NOBODY));
      resolve();
    });
  });
}

const NOBODY: CallingPeer = { callingAeTitle: '', calledAeTitle: '', remoteAddress: '' };

function listenTrouble(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the other program or choose another port';
    case 'EACCES':
      return 'this port needs more rights; choose one above 1023 or allow it to the program';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have the address; choose one of its own';
    default:
      return error.message;
  }
}

/** One connection of a peer, from its first byte to its last. */
class Connection {
  readonly #upper: UpperLayer;
  readonly #socket: Socket;
  readonly #options: ListenOptions;
  readonly #aeTitles: readonly string[];
  readonly #all: ReadonlySet<Connection>;
  #peer: CallingPeer;
  #exchange: MessageExchange | undefined;

  constructor(
    socket: Socket,
    options: ListenOptions,
    aeTitles: readonly string[],
    all: ReadonlySet<Connection>,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#aeTitles = aeTitles;
    this.#all = all;
    this.#peer = { ...NOBODY, remoteAddress: socket.remoteAddress ?? '' };
    this.#upper = new UpperLayer(
      acceptedTransport(socket),
      {
        onAssociateRequest: (request) => this.#onRequest(request),
        onAbort: (indication) => {
          if (indication.by === 'protocol') {
            const message = `${this.#name()} broke the DICOM protocol: ${indication.message}.`;
            options.onError?.(new DimseError('PROTOCOL', message), this.#peer);
          }
        },
        onFragment: () => undefined,
        onReleaseRequest: () => undefined,
        onReleased: () => undefined,
        onActivity: () => undefined,
      },
      {
        requestor: false,
        maximumLength: options.maximumPduLength ?? DEFAULT_MAXIMUM_PDU_LENGTH,
        artimSeconds: options.timeouts?.artim ?? DEFAULT_ARTIM_SECONDS,
      },
    );
  }

  get established(): boolean {
    return this.#exchange !== undefined && !this.#exchange.over;
  }

  close(): void {
    if (this.established) this.#exchange?.abort();
    else this.#socket.destroy();
    // The server is going: peers get no time to answer.
    this.#socket.destroySoon();
  }

  #name(): string {
    const { callingAeTitle, remoteAddress } = this.#peer;
    return callingAeTitle === '' ? remoteAddress : `${callingAeTitle}@${remoteAddress}`;
  }

  #onRequest(request: AssociateRq): void {
    const { callingAeTitle, calledAeTitle } = request;
    this.#peer = { callingAeTitle, calledAeTitle, remoteAddress: this.#peer.remoteAddress };
    const rejection = this.#judge(request);
    if (rejection) {
      this.#upper.reject({ type: 'A-ASSOCIATE-RJ', ...rejection });
      return;
    }
    const { handlers, timeouts } = this.#options;
    const { results, roles, agreed } = negotiateContexts(request, acceptancePolicy(handlers));
    this.#upper.accept({
      type: 'A-ASSOCIATE-AC',
      protocolVersion: 1,
      // PS3.8 §9.3.3: as they were in the request.
      calledAeTitle,
      callingAeTitle,
      applicationContext: APPLICATION_CONTEXT,
      contexts: results,
      userInformation: {
        maximumLength: this.#options.maximumPduLength ?? DEFAULT_MAXIMUM_PDU_LENGTH,
        implementationClassUid: IMPLEMENTATION_CLASS_UID,
        implementationVersionName: IMPLEMENTATION_VERSION_NAME,
        roles,
      },
    });
    const exchange = new MessageExchange(this.#upper, {
      peer: this.#name(),
      contexts: agreed,
      peerMaximumLength: request.userInformation.maximumLength,
      responseSeconds: timeouts?.response ?? DEFAULT_RESPONSE_SECONDS,
      idleSeconds: timeouts?.idle ?? DEFAULT_IDLE_SECONDS,
    });
    this.#exchange = exchange;
    void exchange.ended.then(() => {
      const { failure } = exchange;
      // This side closing down is no trouble.
      if (failure && failure.code !== 'CLOSED') this.#options.onError?.(failure, this.#peer);
    });
    serve(exchange, handlers, this.#peer, (error) => this.#options.onError?.(error, this.#peer));
  }

  /** An `allow` that throws lets nobody in. */
  #isAllowed(): boolean {
    try {
      return this.#options.allow?.(this.#peer) ?? true;
    } catch (error) {
      this.#options.onError?.(error, this.#peer);
      return false;
    }
  }

  /** PS3.8 Table 9-21. */
  #judge(request: AssociateRq): Omit<AssociateRj, 'type'> | undefined {
    const permanent = (reason: number) => ({ result: 1, source: 1, reason });
    if (request.applicationContext !== APPLICATION_CONTEXT) return permanent(2);
    if (!this.#aeTitles.includes('*') && !this.#aeTitles.includes(request.calledAeTitle)) return permanent(7);
    if (!this.#isAllowed()) return permanent(3);
    if (maximumFragmentLength(request.userInformation.maximumLength) === 0) return permanent(1);
    const established = [...this.#all].filter((connection) => connection.established).length;
    if (established >= (this.#options.maxAssociations ?? DEFAULT_MAX_ASSOCIATIONS)) {
      return { result: 2, source: 3, reason: 2 };
    }
    return undefined;
  }
}
