import { contract } from '@adit/client';
import { openApiDocument } from '@adit/client/openapi';
import { type Kysely, sql } from 'kysely';
import type { Schema } from '../db/schema.ts';
import type { ApiHandlers } from '../http/api-handler.ts';

export function systemRoutes(options: {
  db: Kysely<Schema>;
  version: string;
}): ApiHandlers<'health' | 'openapi'> {
  const { db, version } = options;
  let document: Record<string, unknown> | undefined;
  return {
    async health() {
      await sql`select 1`.execute(db);
      return { ok: true, version };
    },
    async openapi() {
      document ??= openApiDocument(contract, { version });
      return document;
    },
  };
}
