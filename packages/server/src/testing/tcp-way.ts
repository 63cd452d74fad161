import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP way to a port of this machine, worse than the direct one. */
export interface TcpWay extends AsyncDisposable {
  readonly port: number;
  /** How often it broke off. */
  cuts(): number;
  /** From now on it is as good as the direct way. */
  mend(): void;
}

async function way(port: number, judge: (bytes: number) => 'pass' | 'cut' | 'hold'): Promise<TcpWay> {
  let mended = false;
  let total = 0;
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(port, '127.0.0.1');
    const end = () => {
      incoming.destroy();
      outgoing.destroy();
    };
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    outgoing.pipe(incoming);
    incoming.on('data', async (chunk) => {
      total += chunk.length;
      const verdict = mended ? 'pass' : judge(total);
      if (verdict === 'cut') {
        cuts += 1;
        return end();
      }
      if (verdict === 'hold') {
        incoming.pause();
        while (!mended && !incoming.destroyed) await sleep(10);
        incoming.resume();
      }
      outgoing.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    mend: () => {
      mended = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Breaks off whenever so many bytes have passed. */
export function lossyWay(port: number, every: number): Promise<TcpWay> {
  let next = every;
  return way(port, (total) => {
    if (total < next) return 'pass';
    next = total + every;
    return 'cut';
  });
}

/** Stands still after so many bytes. */
export function slowWay(port: number, after: number): Promise<TcpWay> {
  return way(port, (total) => (total < after ? 'pass' : 'hold'));
}
