import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  url: string;
  /** `GET /path` of each request so far. */
  requests: string[];
}

/** A server on the loopback interface that answers as told. With `tls`, over TLS. */
export async function serve(
  listener: RequestListener,
  tls?: { key: string; cert: string },
): Promise<TestServer> {
  const requests: string[] = [];
  const record: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  };
  const server: Server = tls ? createTlsServer(tls, record) : createServer(record);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
