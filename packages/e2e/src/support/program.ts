import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a program ended, and what it said. */
export interface ProgramResult {
  /** Exit status; `undefined` when a signal ended it. */
  status: number | undefined;
  stdout: string;
  stderr: string;
}

/** A program that runs until it is stopped. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** All it has said so far, stdout and stderr in the order of arrival. */
  output(): string;
  /** Settles when the program has ended, whoever ended it. */
  readonly ended: Promise<ProgramResult>;
  /** Asks it to end (SIGTERM), and ends it (SIGKILL) when it has not after `grace` milliseconds. Default: 10 s. */
  stop(grace?: number): Promise<ProgramResult>;
}

export interface ProgramOptions {
  /** On top of the environment of this process. */
  env?: Readonly<Record<string, string>> | undefined;
  cwd?: string;
  /** The program is ended after so many milliseconds. Default: 5 minutes. */
  timeout?: number;
  /** Of what it prints. Default: `utf8`. */
  encoding?: 'utf8' | 'latin1';
}

/**
 * Starts a program that cannot outlive this process: the kernel ends it when we die, however we die
 * (`setpriv --pdeathsig`, from Debian's util-linux).
 */
export function startProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): RunningProgram {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const all: string[] = [];
  const stdout: string[] = [];
  const stderr: string[] = [];
  for (const [stream, own] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    stream.setEncoding(options.encoding ?? 'utf8').on('data', (text: string) => {
      all.push(text);
      own.push(text);
    });
  }
  const ended = endOf(child).then((status) => ({ status, stdout: stdout.join(''), stderr: stderr.join('') }));

  async function stop(grace = 10_000): Promise<ProgramResult> {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), grace);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    pid: child.pid ?? -1,
    output: () => all.join(''),
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Runs a program to its end. A status other than 0 is a value here. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const program = startProgram(command, args, options);
  const limit = options.timeout ?? 300_000;
  const timer = setTimeout(() => void program.stop(2_000), limit);
  try {
    return await program.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a program that must succeed, and gives what it wrote to stdout. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<string> {
  const { status, stdout, stderr } = await runProgram(command, args, options);
  if (status !== 0) {
    throw new Error(`${command} ended with ${status ?? 'a signal'}: ${stderr || stdout}`);
  }
  return stdout;
}

/** Waits until `probe` gives something else than `undefined`, asking every 50 ms, or until the program has ended. */
export async function waitUntilReady<T>(
  program: RunningProgram,
  what: string,
  probe: () => Promise<T | undefined>,
  timeout = 30_000,
): Promise<T> {
  let over = false;
  void program.ended.then(() => {
    over = true;
  });
  const deadline = performance.now() + timeout;
  while (!over && performance.now() < deadline) {
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} ${over ? 'ended before it was ready' : 'is not ready'}:\n${program.output()}`);
}

async function endOf(child: ChildProcess): Promise<number | undefined> {
  const [code] = await once(child, 'close');
  return code ?? undefined;
}
