import type { Kysely } from 'kysely';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Notifications } from '../db/notifications.ts';
import type { Schema } from '../db/schema.ts';
import type { NodeService } from '../nodes/service.ts';
import type { Secrets } from '../runtime/secrets.ts';

/** What the roles of a process have in common. */
export interface RoleContext {
  readonly config: Pick<
    Config,
    'host' | 'port' | 'trustedProxies' | 'aeTitle' | 'receiverHost' | 'receiverPort'
  > & {
    /** Undefined where no other process shares the database. */
    readonly handOver?: Config['handOver'] | undefined;
  };
  readonly db: Kysely<Schema>;
  readonly pool: Pool;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly notifications: Notifications;
  readonly nodes: NodeService;
}
