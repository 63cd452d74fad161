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

export interface TransportOptions {
  /** What errors call the service. */
  name: string;
  /** Milliseconds for a connection to come about. */
  connectTimeout: number;
  /** Milliseconds until an answer must begin. */
  answerTimeout: number;
  /** Milliseconds an answer may pause, while it is being read. */
  idleTimeout: number;
  /** Connections at once. In a browser, the browser decides. */
  maxConnections: number;
  /** Certificates in PEM form. In a browser, the browser's apply. */
  tls: { ca?: string; cert?: string; key?: string };
}

/** Sends HTTP requests. Throws `DicomWebError`, or the reason of the signal. */
export interface Transport extends AsyncDisposable {
  get(
    url: string,
    options: { headers: Readonly<Record<string, string>>; signal?: AbortSignal | undefined },
  ): Promise<HttpAnswer>;
}
