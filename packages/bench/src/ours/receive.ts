import { createArchiveScp, listen } from '@adit/dimse';

/*
 * receive.ts [FOLDER]: a server that keeps what it receives in a folder, or forgets it at once. Prints its port as
 * `{"port":n}` and serves until it is stopped.
 */
const [folder] = process.argv.slice(2);
const common = { aeTitle: 'ADIT', host: '127.0.0.1', port: 0 };
await using server = folder
  ? await createArchiveScp({ ...common, folder })
  : await listen({
      ...common,
      handlers: {
        async store({ dataset }) {
          for await (const _chunk of dataset) {
            // Read to its end.
          }
          return 0x0000;
        },
      },
    });
console.log(JSON.stringify({ port: server.port }));
await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
