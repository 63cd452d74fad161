import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { type Database, openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../postgres/embedded-postgres.ts';

export interface TestDatabase extends Database {
  readonly connectionString: string;
}

export interface TestPostgres {
  /** A database of its own for one test, its tables made unless `migrated` is false. */
  openDatabase(options?: { migrated?: boolean }): Promise<TestDatabase>;
}

const logger = pino({ level: 'silent' });

/** An embedded PostgreSQL for the tests of one file or one `describe`. */
export function testPostgres(): TestPostgres {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let count = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
    chmodSync(folder, 0o711); // as root, PostgreSQL's user has to pass through
    postgres = await startEmbeddedPostgres({ dataDirectory: folder });
  });
  afterAll(async () => {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    async openDatabase({ migrated = true } = {}) {
      count += 1;
      const name = `test_${count}`;
      {
        await using main = await openDatabase({ connectionString: postgres.connectionString, logger });
        await main.pool.query(`CREATE DATABASE ${name}`);
      }
      const address = new URL(postgres.connectionString);
      address.pathname = `/${name}`;
      const connectionString = address.href;
      const database = await openDatabase({ connectionString, logger });
      if (migrated) await migrate(database.db);
      return { ...database, connectionString };
    },
  };
}
