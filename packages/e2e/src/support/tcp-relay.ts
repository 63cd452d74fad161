import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP port of this machine that stands before another one. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
}

/**
 * Opens a relay. Where one end of a connection closes, the other one is closed as well.
 *
 * @param join joins the two ends of a new connection; `end` closes both
 */
export async function openTcpRelay(
  port: number,
  join: (client: Socket, peer: Socket, end: () => void) => void,
): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const peer = connect(port, '127.0.0.1');
    const end = () => {
      client.destroy();
      peer.destroy();
    };
    for (const socket of [client, peer]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    join(client, peer, end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
