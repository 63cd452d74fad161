/** What a service answered, with its body still to come. */
export interface HttpAnswer {
  status: number;
  /** A header by its lower-case name; repeated ones joined by commas. */
  header(name: string): string | undefined;
  /** Has one reader. Leaving it early, like `discard`, ends the request. */
  body: AsyncIterable<Uint8Array>;
  /** Gives up a body that nobody is going to read. */
  discard(): Promise<void>;
}

/** The body of a request, made as it is sent. */
export interface RequestBody {
  /** The bytes from the first one on. May be called again while it is `repeatable`. */
  open(): AsyncIterable<Uint8Array>;
  /** Can the request be sent again? May become false while it is being sent. */
  readonly repeatable: boolean;
  /** Number of bytes, where it is known beforehand. */
  readonly byteLength?: number;
}

export interface TransportOptions {
  /** What errors call the service. */
  name: string;
  /** Milliseconds for a connection to come about. */
  connectTimeout: number;
  /** Milliseconds until an answer must begin, once the request is sent. */
  answerTimeout: number;
  /** Milliseconds an answer may pause, while it is being read. */
  idleTimeout: number;
  /** Connections at once. In a browser, the browser decides. */
  maxConnections: number;
  /** Certificates in PEM form. In a browser, the browser's apply. */
  tls: { ca?: string; cert?: string; key?: string };
}

export interface SendOptions {
  /** Default: `GET`. */
  method?: 'GET' | 'POST' | 'OPTIONS';
  headers: Readonly<Record<string, string>>;
  /** What it throws while it is sent ends the request, unfinished, and is thrown as it is. */
  body?: RequestBody;
  signal?: AbortSignal | undefined;
}

/** Sends HTTP requests. Throws `DicomWebError`, the reason of the signal, or what the request's body throws. */
export interface Transport extends AsyncDisposable {
  send(url: string, options: SendOptions): Promise<HttpAnswer>;
}
