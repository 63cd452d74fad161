import type { Socket } from 'node:net';
import { openTcpRelay, type TcpRelay } from './tcp-relay.ts';

export interface TcpWayOptions {
  /** Which bytes are counted: those that clients send, or those that the server answers with. */
  of: 'requests' | 'answers';
  /** After so many of them, over all connections, the way fails. */
  after: number;
  /** `cut` ends the connection; `hang` lets nothing pass any more, and nobody is told. */
  failure: 'cut' | 'hang';
}

/** A TCP way to a port of this machine that fails once, until it is mended. */
export interface TcpWay extends TcpRelay {
  /** Resolves when it has failed. */
  readonly failed: Promise<void>;
  /** Bytes that have passed so far, both ways. */
  passed(): number;
  /** From now on it is as good as the direct way; connections that hang are cut. */
  mend(): void;
}

/** Opens a way to a port of this machine that fails as told. */
export async function openTcpWay(port: number, options: TcpWayOptions): Promise<TcpWay> {
  let left = options.after;
  let mended = false;
  let passed = 0;
  const failed = Promise.withResolvers<void>();
  const hanging = new Set<Socket>();

  const relay = await openTcpRelay(port, (client, peer, end) => {
    for (const socket of [client, peer]) socket.on('close', () => hanging.delete(socket));
    pass(client, peer, options.of === 'requests', end);
    pass(peer, client, options.of === 'answers', end);
  });

  function pass(from: Socket, to: Socket, counts: boolean, end: () => void): void {
    from.on('data', (chunk) => {
      if (hanging.has(from)) return;
      if (counts && !mended) {
        left -= chunk.length;
        if (left <= 0) {
          failed.resolve();
          if (options.failure === 'cut') {
            end();
            return;
          }
          // Nothing goes either way, and nothing is read any more, so that the sender's socket fills.
          hanging.add(from).add(to);
          from.pause();
          to.pause();
          return;
        }
      }
      passed += chunk.length;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => {
          if (!hanging.has(from)) from.resume();
        });
      }
    });
  }

  return {
    ...relay,
    failed: failed.promise,
    passed: () => passed,
    mend() {
      mended = true;
      for (const socket of hanging) socket.destroy();
    },
  };
}
