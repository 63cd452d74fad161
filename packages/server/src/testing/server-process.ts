import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { killWhenFinished } from './embedded-postgres.ts';

/** What `adit serve --json` says. */
export interface ServerEvent {
  event: string;
  [key: string]: unknown;
}

export interface ServerProcess {
  readonly child: ChildProcess;
  /** The next event of this name; fails when the process ends before. */
  event(name: string): Promise<ServerEvent>;
  /** Standard error so far. */
  stderr(): string;
  /** Exit status, or the signal's name. */
  readonly ended: Promise<number | string>;
}

const main = new URL('../cli/main.ts', import.meta.url).pathname;

/** `adit serve --demo --json` from the sources, on any port, with its data in this folder. */
export function startServer(data: string, environment: NodeJS.ProcessEnv = {}): ServerProcess {
  return startProcess(['serve', '--demo', '--json'], data, environment);
}

/** `adit …` from the sources, on any port, with its data in this folder. */
export function startProcess(
  args: readonly string[],
  data: string,
  environment: NodeJS.ProcessEnv,
): ServerProcess {
  return watchServer(
    spawn(process.execPath, ['--conditions=@adit/source', main, ...args], {
      env: serverEnvironment(data, environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

export function serverEnvironment(data: string, environment: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ADIT_DATA: data,
    ADIT_PORT: '0',
    ADIT_RECEIVER_PORT: '0',
    ADIT_LOG_LEVEL: 'warn',
    ...environment,
  };
}

/** Follows a process that says on standard output what `adit serve --json` says. */
export function watchServer(child: ChildProcess): ServerProcess {
  killWhenFinished(child);
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([status, signal]) => status ?? signal);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    child,
    ended,
    stderr: () => stderr,
    async event(name) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`The server ended (${await ended}) before it said "${name}": ${stderr}`);
        // A package manager in between prints lines of its own, and a terminal writes ^C where it is typed.
        const json = /\{"event":.*\}$/.exec(value)?.[0];
        const event = json === undefined ? undefined : (JSON.parse(json) as ServerEvent);
        if (event?.event === name) return event;
      }
    },
  };
}
