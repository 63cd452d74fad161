import type { Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { installationKey } from './installation-key.ts';

/**
 * Makes sure that this process has the secret key of the others on its database: with another one it could open neither
 * passwords of nodes nor the key of pseudonyms, and no receiver would hand anything over to it.
 *
 * @throws ServerError `SECRET_KEY` when it has another one.
 */
export async function checkSecretKey(db: Kysely<Schema>, secrets: Secrets): Promise<void> {
  try {
    await installationKey(db, secrets, 'pseudonyms');
  } catch (cause) {
    if (!(cause instanceof ServerError) || cause.code !== 'SECRET_UNREADABLE') throw cause;
    throw new ServerError(
      'SECRET_KEY',
      'This database is used with another secret key: set ADIT_SECRET_KEY to the one that the other processes have.',
      { cause },
    );
  }
}
