import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAdit } from './adit.ts';
import { type RunningProgram, waitUntilReady } from './program.ts';
import { createTempFolder } from './temp-folder.ts';

/** What `adit serve` keeps in its data directory for whoever starts it first. */
export interface FirstLogin {
  url: string;
  username: string;
  password: string;
}

/** The whole product with its demo archives, on free ports, with its data in a temporary folder. */
export interface ServedAdit extends AsyncDisposable {
  readonly url: string;
  readonly firstLogin: FirstLogin;
  readonly program: RunningProgram;
}

export async function serveAdit(): Promise<ServedAdit> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createTempFolder('served'));
  // Not below it: as root, PostgreSQL's user could not get there, and its files would be kept in /var/lib/adit.
  const data = folder.path;
  const program = cleanup.use(
    startAdit(['serve', '--json'], {
      cwd: folder.path,
      env: {
        ADIT_DATA: data,
        ADIT_PORT: '0',
        ADIT_RECEIVER_PORT: '0',
        ADIT_DEMO: 'on',
      },
    }),
  );
  // The first start creates a database and generates the demo's studies.
  const port = await waitUntilReady(program, 'adit serve', async () => listeningPort(program), 120_000);
  const firstLogin = JSON.parse(await readFile(join(data, 'first-login.json'), 'utf8')) as FirstLogin;
  const finished = cleanup.move();
  return {
    url: `http://127.0.0.1:${port}`,
    firstLogin,
    program,
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function listeningPort(program: RunningProgram): number | undefined {
  for (const line of program.output().split('\n').slice(0, -1)) {
    if (line.startsWith('{')) {
      const { event, port } = JSON.parse(line) as { event?: string; port?: number };
      if (event === 'listening') {
        return port;
      }
    }
  }
  return undefined;
}
