export { ensureFirstUser } from './accounts/service.ts';
export { type Config, readConfig } from './config.ts';
export { type Database, type DatabaseOptions, openDatabase } from './db/database.ts';
export { migrate } from './db/migrate.ts';
export { ServerError } from './errors.ts';
export { openSecrets, type Secrets } from './runtime/secrets.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
