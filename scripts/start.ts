import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './build.ts';

/*
 * `pnpm start`: builds what has changed and runs the built server in a process of its own, for which it waits. The server
 * stops by itself when this process or a package manager above it ends, in whichever way.
 */

const root = join(import.meta.dirname, '..');

/** Runs the server; resolved with the exit status for this process. */
function runServer(): Promise<number> {
  const command = [join(root, 'packages/server/bin/adit.js'), 'serve', '--demo', ...process.argv.slice(2)];
  const data = process.env.ADIT_DATA?.trim() || '.adit';
  const server = spawn(process.execPath, command, {
    cwd: root,
    env: { ADIT_LOG_FILE: join(data, 'adit.log'), ...process.env },
    // The channel tells the server that it shall not outlive this process.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C in a terminal reaches the server as well, which takes what comes twice for one.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => server.kill(name));
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (status, signal) => {
      if (signal) {
        console.error(
          `The server was ended by ${signal}. What it has stored is kept: run "pnpm start" again.`,
        );
      }
      resolve(status ?? 1);
    });
  });
}

try {
  ensureBuilt({ declarations: false });
  process.exitCode = await runServer();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
