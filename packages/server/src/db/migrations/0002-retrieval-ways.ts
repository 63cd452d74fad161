import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Ways to retrieve from a node became a list, in the order they are tried. */
export const retrievalWays: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      update nodes
      set settings = jsonb_set(settings, '{retrieve}', jsonb_build_array(settings->'retrieve'))
      where jsonb_typeof(settings->'retrieve') = 'string'
    `.execute(db);
  },
};
