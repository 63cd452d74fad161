import { setTimeout as sleep } from 'node:timers/promises';
import type { Notification, Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';

/** Wait before a lost connection is made again, in milliseconds. */
const RECONNECT_WAIT = 500;

/** What PostgreSQL notifies this process of (LISTEN), over one connection that is made again when it is lost. */
export interface Notifications extends AsyncDisposable {
  /**
   * Calls a handler with the payload of each notification, and with undefined whenever the connection was made: what was
   * notified before is lost, so the handler has to look for itself. Returns a function that ends it.
   */
  on(channel: string, handler: (payload: string | undefined) => void): () => void;
}

/** Listens to channels. Resolves when the connection is there. */
export async function listenTo(options: {
  pool: Pool;
  logger: Logger;
  channels: readonly string[];
}): Promise<Notifications> {
  const { pool, logger, channels } = options;
  const handlers = new Map(channels.map((channel) => [channel, new Set<(payload?: string) => void>()]));
  const stop = new AbortController();
  let client: PoolClient | undefined;

  async function connect(): Promise<void> {
    const connected = await pool.connect();
    let lost = false;
    const lose = (error?: Error) => {
      if (lost || stop.signal.aborted) return;
      lost = true;
      client = undefined;
      connected.removeAllListeners('notification');
      connected.release(error ?? true);
      logger.warn('the connection for notifications was lost');
      void reconnect();
    };
    connected.on('error', lose);
    connected.on('end', () => lose());
    connected.on('notification', ({ channel, payload }: Notification) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload ?? '');
    });
    try {
      for (const channel of channels) await connected.query(`listen ${connected.escapeIdentifier(channel)}`);
    } catch (error) {
      lost = true;
      connected.release(true);
      throw error;
    }
    client = connected;
    for (const [, set] of handlers) for (const handler of set) handler(undefined);
  }

  async function reconnect(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await sleep(RECONNECT_WAIT, undefined, { signal: stop.signal });
        await connect();
        if (stop.signal.aborted) release();
        return;
      } catch {
        // Not there yet; the pool's own errors are logged where it was made.
      }
    }
  }

  /** The connection listens, so nobody else may get it from the pool. */
  function release(): void {
    client?.release(true);
    client = undefined;
  }

  await connect();
  return {
    on(channel, handler) {
      const set = handlers.get(channel);
      if (!set) throw new Error(`Nobody listens to ${channel}.`);
      set.add(handler);
      return () => set.delete(handler);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      release();
    },
  };
}
