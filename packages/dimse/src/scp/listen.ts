import { createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions as NodeTlsOptions, TLSSocket } from 'node:tls';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import { nodeTls } from '../lazy-builtins.ts';
import { MessageExchange } from '../message-exchange.ts';
import { DEFAULT_MAXIMUM_PDU_LENGTH, isValidAeTitle } from '../node.ts';
import { negotiateWindow } from '../operations-window.ts';
import { APPLICATION_CONTEXT, type AssociateRj, type AssociateRq } from '../pdu.ts';
import { maximumFragmentLength } from '../pdv-framer.ts';
import { negotiateContexts } from '../presentation-context.ts';
import { Sta } from '../state-machine.ts';
import { handshakeFailure, refusalOf, serverTlsOptions, type TlsReport, tlsReport } from '../tls.ts';
import { acceptedTransport } from '../transport.ts';
import { UpperLayer } from '../upper-layer.ts';
import { decodeUserIdentity, type UserIdentity } from '../user-identity.ts';
import { acceptancePolicy } from './acceptance.ts';
import { createAddressList } from './address-list.ts';
import type { ScpHandlers } from './handlers.ts';
import { negotiateQueryExtensions, type QueryExtensions } from './query-extensions.ts';
import { serve } from './serve.ts';

/** Who asks for an association. */
export interface CallingPeer {
  callingAeTitle: string;
  calledAeTitle: string;
  /** IP address. */
  remoteAddress: string;
  /** Over TLS: the protocol, the cipher suite and the peer's certificate where one is asked for. */
  tls?: TlsReport;
}

/** A verdict on a user identity. The response is for the peer: a Kerberos server ticket or a SAML response. */
export type Authentication = boolean | { response: Uint8Array };

export interface ListenOptions {
  /** AE title or titles this server answers to; `*` answers to all. */
  aeTitle: string | readonly string[];
  /** Address to listen on. Default: all addresses. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  handlers: ScpHandlers;
  /** AE titles that may call; others are rejected with "calling AE title not recognised". Default: all. */
  callingAeTitles?: readonly string[];
  /**
   * IP addresses and networks (`10.0.0.0/8`, `2001:db8::/32`) that may ask for associations; others are rejected with no
   * reason given. Default: all.
   */
  addresses?: readonly string[];
  /**
   * Decides on each peer; false rejects with "calling AE title not recognised", and so does what it throws, which goes to
   * `onError`. Default: everybody.
   */
  allow?: (peer: CallingPeer) => boolean | Promise<boolean>;
  /**
   * Decides on the user identity of each request; undefined: it has none, or one of a kind that is not known. False rejects
   * with no reason given; what it throws does too, and goes to `onError`. Default: identities are taken no notice of.
   */
  authenticate?: (
    identity: UserIdentity | undefined,
    peer: CallingPeer,
  ) => Authentication | Promise<Authentication>;
  /**
   * Most requests of an association served at once, for peers that ask for an Asynchronous Operations Window (PS3.7
   * §D.3.3.3). Answers then come as they are ready. Default: 1, one after another.
   */
  operationsWindow?: number;
  /** What the handler for C-FIND can do beyond the baseline, for peers that ask for it. Default: nothing. */
  queryExtensions?: QueryExtensions;
  /** More associations at once are rejected for now. Default: 256. */
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
  /**
   * Accept TLS connections only: `cert` and `key` of this server, and `ca` where peers must present a certificate that
   * one of these authorities issued. The rest follows the BCP 195 profile (PS3.15 §B.10). Default: plain TCP.
   */
  tls?: NodeTlsOptions;
  /** Told what goes wrong with a peer, its aborts included, or in a handler, for logs. Default: nobody is told. */
  onError?: (error: unknown, peer: CallingPeer) => void;
}

export interface DimseServer extends AsyncDisposable {
  readonly port: number;
  /** Stops listening and aborts what is under way. */
  close(): Promise<void>;
}

const DEFAULT_MAX_ASSOCIATIONS = 256;
const DEFAULT_ARTIM_SECONDS = 30;
const DEFAULT_RESPONSE_SECONDS = 120;
const DEFAULT_IDLE_SECONDS = 300;
/**
 * Connections without an association, those before it and those that are over with it. The oldest one makes room for a
 * new one, so that peers which only connect keep nobody out.
 */
const MAXIMUM_WAITING = 256;

/**
 * Starts a DICOM server. Throws `DimseError` with code `LISTEN` when it cannot, for example because the port is in use.
 *
 * @example
 * await using server = await listen({
 *   aeTitle: 'ME',
 *   host: '127.0.0.1',
 *   port: 0,
 *   addresses: ['127.0.0.0/8'],
 *   handlers: {
 *     store: async ({ sopInstanceUid, dataset }) => {
 *       let length = 0;
 *       for await (const chunk of dataset) length += chunk.length;
 *       console.log(sopInstanceUid, length);
 *       return Status.success;
 *     },
 *   },
 * });
 */
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
  const addresses = options.addresses && createAddressList(options.addresses);
  const access: Access = {
    isCalled: (title) => aeTitles.includes('*') || aeTitles.includes(title),
    mayConnect: addresses ?? (() => true),
    mayCall: (title) => options.callingAeTitles?.some((one) => one.trim() === title) ?? true,
  };
  const connections = new Set<Connection>();
  // Under TLS a socket is no connection of ours before its handshake, and another one then: peers' addresses tell them.
  const sockets = new Map<string, Socket>();
  const waiting = new Set<string>();
  const wait = (address: string) => {
    const [oldest] = waiting;
    if (waiting.size >= MAXIMUM_WAITING && oldest !== undefined) {
      waiting.delete(oldest);
      sockets.get(oldest)?.destroy();
    }
    if (sockets.has(address)) waiting.add(address);
  };
  const onSocket = (socket: Socket) => {
    const address = addressOf(socket);
    const connection = new Connection(socket, options, access, connections, (associated) => {
      if (associated) waiting.delete(address);
      else wait(address);
    });
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  };
  const server = options.tls
    ? nodeTls().createServer(
        {
          handshakeTimeout: (options.timeouts?.artim ?? DEFAULT_ARTIM_SECONDS) * 1000,
          ...serverTlsOptions(options.tls),
          noDelay: true,
        },
        onSocket,
      )
    : createServer({ noDelay: true }, onSocket);
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    const remoteAddress = socket.remoteAddress ?? '';
    // Node itself leaves a connection open whose handshake takes too long.
    socket.destroy();
    options.onError?.(tlsClientError(error, socket, remoteAddress), { ...NOBODY, remoteAddress });
  });
  server.on('connection', (socket: Socket) => {
    const address = addressOf(socket);
    sockets.set(address, socket);
    wait(address);
    socket.once('close', () => {
      sockets.delete(address);
      waiting.delete(address);
    });
  });
  await bind(server, options);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of connections) connection.close();
    for (const socket of sockets.values()) socket.destroySoon();
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

/** What kept a peer from getting in over TLS. */
function tlsClientError(error: Error, socket: TLSSocket, remoteAddress: string): DimseError {
  // Of a certificate that was refused, Node tells here only that the connection was closed.
  const refusal = refusalOf(String(socket.authorizationError ?? ''));
  const reason = refusal
    ? `its certificate was refused, for ${refusal.why}; ${refusal.remedy}`
    : (handshakeFailure(error) ?? `it ended the handshake (${error.message})`);
  return new DimseError(
    'UNREACHABLE',
    `A peer at ${remoteAddress || 'an unknown address'} did not get in over TLS: ${reason}.`,
    { cause: error },
  );
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTERS = /[\x00-\x1f\x7f-\x9f]/;
/** Rejected-permanent by the service user, no reason given (PS3.8 Table 9-21). */
const NO_REASON = { result: 1, source: 1, reason: 1 } as const;
/** The same, calling AE title not recognised. */
const UNKNOWN_CALLER = { result: 1, source: 1, reason: 3 } as const;
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

/** Who may have an association. */
interface Access {
  isCalled(aeTitle: string): boolean;
  mayConnect(address: string): boolean;
  mayCall(aeTitle: string): boolean;
}

/** One connection of a peer, from its first byte to its last. */
class Connection {
  readonly #upper: UpperLayer;
  readonly #socket: Socket;
  readonly #options: ListenOptions;
  readonly #access: Access;
  readonly #all: ReadonlySet<Connection>;
  readonly #onAssociated: (associated: boolean) => void;
  #peer: CallingPeer;
  #exchange: MessageExchange | undefined;

  /** @param onAssociated called when there is an association, and when it is over */
  constructor(
    socket: Socket,
    options: ListenOptions,
    access: Access,
    all: ReadonlySet<Connection>,
    onAssociated: (associated: boolean) => void,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#access = access;
    this.#all = all;
    this.#onAssociated = onAssociated;
    const tls = tlsReport(socket);
    this.#peer = { ...NOBODY, remoteAddress: socket.remoteAddress ?? '', ...(tls && { tls }) };
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
    this.#peer = { ...this.#peer, callingAeTitle, calledAeTitle };
    const rejection = this.#judge(request);
    const { allow, authenticate } = this.#options;
    if (rejection) this.#reject(rejection);
    else if (allow || authenticate) void this.#decide(request);
    else this.#accept(request);
  }

  /** Asks those outside who may have to look it up. The peer may have gone meanwhile. */
  async #decide(request: AssociateRq): Promise<void> {
    const { authenticate } = this.#options;
    const allowed = await this.#isAllowed();
    if (this.#upper.state !== Sta.awaitingLocalAssociateResponse) return;
    if (!allowed) this.#reject(UNKNOWN_CALLER);
    else if (authenticate) await this.#authenticate(request, authenticate);
    else this.#accept(request);
  }

  async #authenticate(
    request: AssociateRq,
    authenticate: NonNullable<ListenOptions['authenticate']>,
  ): Promise<void> {
    const item = request.userInformation.userIdentity;
    const identity = item && decodeUserIdentity(item);
    let verdict: Authentication = false;
    try {
      verdict = await authenticate(identity, this.#peer);
    } catch (error) {
      this.#options.onError?.(error, this.#peer);
    }
    if (this.#upper.state !== Sta.awaitingLocalAssociateResponse) return;
    if (verdict === false) {
      this.#reject(NO_REASON);
      return;
    }
    const response = typeof verdict === 'object' ? verdict.response : new Uint8Array(0);
    this.#accept(request, identity, item?.responseRequested ? response : undefined);
  }

  #reject(rejection: Omit<AssociateRj, 'type'>): void {
    this.#upper.reject({ type: 'A-ASSOCIATE-RJ', ...rejection });
  }

  #accept(request: AssociateRq, identity?: UserIdentity, identityResponse?: Uint8Array): void {
    const { callingAeTitle, calledAeTitle, userInformation: asked } = request;
    const { handlers, timeouts, maxAssociations = DEFAULT_MAX_ASSOCIATIONS } = this.#options;
    const established = [...this.#all].filter((connection) => connection.established).length;
    if (established >= maxAssociations) {
      this.#reject({ result: 2, source: 3, reason: 2 });
      return;
    }
    const { results, roles, agreed } = negotiateContexts(request, acceptancePolicy(handlers));
    const { item, window } = negotiateWindow(
      asked.asynchronousOperations,
      this.#options.operationsWindow ?? 1,
    );
    const extensions = negotiateQueryExtensions(
      asked.extendedNegotiation,
      this.#options.queryExtensions ?? {},
    );
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
        ...(item && { asynchronousOperations: item }),
        ...(extensions.items.length > 0 && { extendedNegotiation: extensions.items }),
        ...(identityResponse && { userIdentityResponse: identityResponse }),
      },
    });
    const exchange = new MessageExchange(this.#upper, {
      peer: this.#name(),
      contexts: agreed,
      window,
      peerMaximumLength: asked.maximumLength,
      responseSeconds: timeouts?.response ?? DEFAULT_RESPONSE_SECONDS,
      idleSeconds: timeouts?.idle ?? DEFAULT_IDLE_SECONDS,
    });
    this.#exchange = exchange;
    this.#onAssociated(true);
    void exchange.ended.then(() => {
      this.#onAssociated(false);
      const { failure } = exchange;
      // This side closing down is no trouble.
      if (failure && failure.code !== 'CLOSED') this.#options.onError?.(failure, this.#peer);
    });
    serve(
      exchange,
      handlers,
      { ...this.#peer, ...(identity && { userIdentity: identity }) },
      { onError: (error) => this.#options.onError?.(error, this.#peer), extensions: extensions.agreed },
    );
  }

  /** An `allow` that throws lets nobody in. */
  async #isAllowed(): Promise<boolean> {
    try {
      return (await this.#options.allow?.(this.#peer)) ?? true;
    } catch (error) {
      this.#options.onError?.(error, this.#peer);
      return false;
    }
  }

  /** PS3.8 Table 9-21. */
  #judge(request: AssociateRq): Omit<AssociateRj, 'type'> | undefined {
    const permanent = (reason: number) => ({ result: 1, source: 1, reason });
    if (!this.#access.mayConnect(this.#peer.remoteAddress)) return NO_REASON;
    if (request.applicationContext !== APPLICATION_CONTEXT) return permanent(2);
    // Titles get into logs: no line breaks, no colours.
    if (CONTROL_CHARACTERS.test(request.callingAeTitle)) return UNKNOWN_CALLER;
    if (!this.#access.isCalled(request.calledAeTitle)) return permanent(7);
    if (!this.#access.mayCall(request.callingAeTitle)) return UNKNOWN_CALLER;
    if (maximumFragmentLength(request.userInformation.maximumLength) === 0) return NO_REASON;
    return undefined;
  }
}
