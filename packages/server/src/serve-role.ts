import type { Kysely } from 'kysely';
import { checkCredentials, ensureFirstUser } from './accounts/service.ts';
import type { Config } from './config.ts';
import type { Schema } from './db/schema.ts';
import { ServerError } from './errors.ts';
import {
  aborted,
  listenFailure,
  openTables,
  type Program,
  type ProgramOptions,
  runUntilStopped,
} from './run-until-stopped.ts';
import { openDataDirectory } from './runtime/data-directory.ts';
import { currentFirstLogin, firstLoginPath, prepareFirstLogin } from './runtime/first-login.ts';
import { createSecrets } from './runtime/secrets.ts';
import { type Role, startRoles } from './server.ts';
import { checkSecretKey } from './system/secret-key-check.ts';

/**
 * Runs one role in this process until the signal is aborted: `web`, `worker` or `receiver` of an installation of several
 * processes, which share a PostgreSQL and a secret key.
 *
 * @returns True when it was stopped in order.
 * @throws ServerError `CONFIG` when it is not told these two; what else keeps it from starting.
 */
export function serveRole(role: Role, options: ProgramOptions): Promise<boolean> {
  let shared: Shared;
  return runUntilStopped(
    options,
    async (config) => {
      shared = sharedSettings(role, config);
      // Only the web server keeps something: the first login.
      if (role === 'web') await openDataDirectory(config.dataDirectory);
    },
    async (program) => {
      const { config, logger, running, output, signal } = program;
      const secrets = createSecrets(shared.secretKey);
      const { db, pool } = await openTables(shared.databaseUrl, program);
      await checkSecretKey(db, secrets);
      if (role === 'web') await ensureFirstUser(db, () => prepareFirstLogin(config.dataDirectory));
      signal.throwIfAborted();

      const { trustedProxies } = config;
      const roles = running.use(
        await startRoles({ config, db, pool, secrets, logger, trustedProxies }, [role]).catch(
          listenFailure(config),
        ),
      );
      const port = roles.web?.port ?? roles.receiver?.receiver.port;
      logger.info({ role, port }, 'role is running');
      if (port === undefined) output.event({ event: 'ready' }, 'The worker is ready. Ctrl-C stops it.');
      else
        output.event({ event: 'listening', port }, `The ${role} listens on port ${port}. Ctrl-C stops it.`);
      if (roles.web) await sayFirstLogin(program, db, roles.web.url);
      await aborted(signal);
    },
  );
}

async function sayFirstLogin({ config, output }: Program, db: Kysely<Schema>, url: string): Promise<void> {
  const { dataDirectory } = config;
  const login = await currentFirstLogin(dataDirectory, url, (kept) => checkCredentials(db, kept));
  // Not the password: what a server says may end up in logs.
  if (login) output.say(`User name and password are in ${firstLoginPath(dataDirectory)}.`);
}

interface Shared {
  databaseUrl: string;
  secretKey: Uint8Array;
}

/** What the processes of an installation must have in common. */
function sharedSettings(role: Role, { databaseUrl, secretKey }: Config): Shared {
  const missing = [
    ...(databaseUrl === undefined ? ['DATABASE_URL'] : []),
    ...(secretKey === undefined ? ['ADIT_SECRET_KEY'] : []),
  ];
  if (databaseUrl !== undefined && secretKey !== undefined) return { databaseUrl, secretKey };
  throw new ServerError(
    'CONFIG',
    `"adit ${role}" is one process of several: set ${missing.join(' and ')} as in all others, or start "adit serve", which needs no others.`,
  );
}
