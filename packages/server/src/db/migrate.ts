import type { Kysely } from 'kysely';
import { type Migration, type MigrationResult, Migrator } from 'kysely/migration';
import { ServerError } from '../errors.ts';
import { migrations } from './migrations/index.ts';
import type { Schema } from './schema.ts';

/**
 * Brings the tables up to date. Several processes may do so at once: one works, the others wait.
 *
 * @param steps Default: the migrations of this version.
 * @returns Names of the migrations that were applied.
 * @throws ServerError `MIGRATION` when one fails; what it did is undone, as are those before it in this run.
 */
export async function migrate(
  db: Kysely<Schema>,
  steps: Readonly<Record<string, Migration>> = migrations,
): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...steps }) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return (results ?? []).map(({ migrationName }) => migrationName);
  throw new ServerError(
    'MIGRATION',
    sentence(
      results?.find(({ status }) => status === 'Error'),
      error,
    ),
    {
      cause: error,
    },
  );
}

function sentence(failed: MigrationResult | undefined, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return failed
    ? `The database's tables could not be brought up to date: step ${failed.migrationName} failed (${reason}).`
    : `The database's tables do not fit this version of ADIT: ${reason}.`;
}
