import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import { ServerError } from '../errors.ts';
import type { Schema } from './schema.ts';

export interface DatabaseOptions {
  /** PostgreSQL's address. */
  readonly connectionString: string;
  readonly logger: Logger;
  /** Most connections at once. Default: 20. */
  readonly maxConnections?: number;
}

export interface Database extends AsyncDisposable {
  readonly db: Kysely<Schema>;
  /** The connections that `db` uses, for libraries that bring their own SQL. */
  readonly pool: pg.Pool;
  /** Closes every connection; those in use are waited for. */
  close(): Promise<void>;
}

/**
 * Connects to PostgreSQL and makes sure that it answers.
 *
 * @throws ServerError `DATABASE` when it does not.
 */
export async function openDatabase({
  connectionString,
  logger,
  maxConnections = 20,
}: DatabaseOptions): Promise<Database> {
  const pool = new pg.Pool({
    connectionString,
    max: maxConnections,
    application_name: 'adit',
    connectionTimeoutMillis: 10_000,
  });
  // A connection that PostgreSQL cuts, waiting in the pool or lent out, would otherwise end the process.
  pool.on('error', (error) => {
    // One that we have closed may still hear that PostgreSQL stops.
    if (!pool.ending) logger.warn({ code: codeOf(error) }, 'a database connection was lost');
  });
  pool.on('connect', (client) => client.on('error', () => {}));

  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const close = async () => {
    await db.destroy();
    // Kysely leaves a pool alone that it has not used.
    if (!pool.ending) await pool.end();
  };
  try {
    await pool.query('SELECT 1');
  } catch (cause) {
    await close();
    throw new ServerError('DATABASE', `The database cannot be used: ${reasonOf(cause)}; see DATABASE_URL.`, {
      cause,
      retryable: true,
    });
  }
  return { db, pool, close, [Symbol.asyncDispose]: close };
}

function codeOf(error: Error): string | undefined {
  return (error as { code?: string }).code;
}

function reasonOf(error: unknown): string {
  // All addresses of a host were tried: an AggregateError, its own message empty.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
