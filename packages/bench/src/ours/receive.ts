import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createArchiveScp, listen } from '@adit/dimse';

/*
 * receive.ts [--megabytes-per-second N] [FOLDER]: a server that keeps what it receives in a folder, or forgets it at once,
 * or at that speed. Prints its port as `{"port":n}` and serves until it is stopped.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'megabytes-per-second': { type: 'string' } },
});
const [folder] = positionals;
const bytesPerMillisecond = Number(values['megabytes-per-second'] ?? Number.POSITIVE_INFINITY) * 1000;
const common = { aeTitle: 'ADIT', host: '127.0.0.1', port: 0 };
await using server = folder
  ? await createArchiveScp({ ...common, folder })
  : await listen({
      ...common,
      handlers: {
        async store({ dataset }) {
          const started = performance.now();
          let bytes = 0;
          for await (const chunk of dataset) {
            bytes += chunk.length;
            dataset.release(chunk);
            const ahead = bytes / bytesPerMillisecond - (performance.now() - started);
            if (ahead > 0) await sleep(ahead);
          }
          return 0x0000;
        },
      },
    });
console.log(JSON.stringify({ port: server.port }));
await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
