import type { Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import type { ApiHandlers } from '../http/api-handler.ts';
import { checkCredentials, toUser } from './service.ts';

export function accountRoutes(db: Kysely<Schema>): ApiHandlers<'login' | 'whoAmI' | 'logout'> {
  return {
    async login({ body, session }) {
      const actor = await checkCredentials(db, body);
      await session.start(actor.userId);
      return toUser(actor);
    },
    whoAmI: async ({ actor }) => toUser(actor),
    logout: ({ session }) => session.end(),
  };
}
