import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@adit/client';
import { pino } from 'pino';
import { createUser } from '../accounts/service.ts';
import { createSecrets } from '../runtime/secrets.ts';
import { createServer, type Server, type ServerOptions } from '../server.ts';
import type { TestDatabase } from './test-postgres.ts';

export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly url: string;
  readonly dataDirectory: string;
  /** Clients that are logged in. */
  readonly admin: Client;
  readonly anna: Client;
  readonly bert: Client;
  /** A client that is not. */
  readonly stranger: Client;
  /** Everything that was logged, as lines of JSON. */
  readonly log: readonly string[];
}

export const PASSWORD = 'correct horse battery staple';

/** A server on a database, with an administrator and two users who are logged in. */
export async function startTestServer(
  database: TestDatabase,
  {
    receiverPort = 0,
    ...options
  }: Partial<Omit<ServerOptions, 'config' | 'db' | 'pool'>> & {
    receiverPort?: number;
  } = {},
): Promise<TestServer> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'adit-test-'));
  const log: string[] = [];
  const server = await createServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      aeTitle: 'ADIT',
      receiverHost: '127.0.0.1',
      handOver: { host: '127.0.0.1', port: 0, address: '127.0.0.1' },
      receiverPort,
      dataDirectory,
    },
    db: database.db,
    pool: database.pool,
    secrets: createSecrets(new Uint8Array(32).fill(7)),
    logger: pino({ level: 'debug' }, { write: (line: string) => void log.push(line) }),
    ...options,
  });
  const stranger = createClient({ baseUrl: server.url });
  const login = async (username: string, administrator: boolean) => {
    await createUser(database.db, { username, password: PASSWORD, administrator }).catch(() => {});
    const client = createClient({ baseUrl: server.url });
    await client.login({ body: { username, password: PASSWORD } });
    return client;
  };
  return {
    server,
    url: server.url,
    dataDirectory,
    admin: await login('admin', true),
    anna: await login('anna', false),
    bert: await login('bert', false),
    stranger,
    log,
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
