import { pino } from 'pino';
import { openDatabase } from '../db/database.ts';
import { createSecrets } from '../runtime/secrets.ts';
import { createServer } from '../server.ts';

/**
 * A server in a process of its own, which a test may kill: `run-server.ts CONNECTION DATA`. Prints its URL when it is there.
 */
const [connectionString = '', dataDirectory = ''] = process.argv.slice(2);
const logger = pino({ level: 'silent' });
const { db, pool } = await openDatabase({ connectionString, logger });
const { url } = await createServer({
  config: {
    host: '127.0.0.1',
    port: 0,
    aeTitle: 'ADIT',
    receiverHost: '127.0.0.1',
    handOver: { host: '127.0.0.1', port: 0, address: '127.0.0.1' },
    receiverPort: 0,
    dataDirectory,
  },
  db,
  pool,
  secrets: createSecrets(new Uint8Array(32).fill(7)),
  logger,
});
console.log(url);
