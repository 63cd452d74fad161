import { afterEach } from 'vitest';
import type { DimseNode } from '../node.ts';
import { type DimseServer, type ListenOptions, listen } from '../scp/listen.ts';

/** A server of its own for each test of a file: `start` listens on a free port of loopback, the test's end closes it. */
export function useServer() {
  let server: DimseServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  return {
    async start(options: Partial<ListenOptions> = {}): Promise<DimseNode & { port: number }> {
      server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: {}, ...options });
      return { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port, connectAttempts: 1 };
    },
    /** What `start` started last. Throws when nothing has been. */
    get running(): DimseServer {
      if (!server) throw new Error('No server was started');
      return server;
    },
  };
}
