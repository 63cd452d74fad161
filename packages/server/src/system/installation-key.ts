import { randomKey } from '@adit/pseudonymize';
import type { Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import type { Secrets } from '../runtime/secrets.ts';

/**
 * The key of this installation for one purpose, such as `pseudonyms`: made when it is first asked for, then the same for
 * ever, kept sealed in the database. Of several processes that ask at once, all get the same one.
 */
export async function installationKey(
  db: Kysely<Schema>,
  secrets: Secrets,
  purpose: string,
): Promise<Uint8Array> {
  const context = `key:${purpose}`;
  await db
    .insertInto('keys')
    .values({ name: purpose, sealed: secrets.seal(Buffer.from(randomKey()).toString('base64'), context) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { sealed } = await db
    .selectFrom('keys')
    .select('sealed')
    .where('name', '=', purpose)
    .executeTakeFirstOrThrow();
  return new Uint8Array(Buffer.from(secrets.open(sealed, context), 'base64'));
}
