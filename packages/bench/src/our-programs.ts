import { join } from 'node:path';
import {
  aditBin,
  type DcmtkPeer,
  type RunningProgram,
  startProgram,
  waitUntilReady,
} from '@adit/e2e/support';
import type { Run } from './measurement.ts';
import { runMeasured } from './run-measured.ts';

/*
 * Our programs, with the packages as they were built. Those in `ours/` count from the first connection to the last answer;
 * the command's time is that of its whole process.
 */

/** What one of our programs printed about itself. */
export interface OwnReport {
  seconds: number;
  instances?: number;
  [figure: string]: number | undefined;
}

/** Runs one of our programs to its end; the time that counts is the one it measured itself. */
export async function runOurs(script: string, args: readonly string[] = []): Promise<Run & OwnReport> {
  const { stdout, peakMemoryBytes } = await runMeasured(process.execPath, ownArguments(script, args));
  return { peakMemoryBytes, ...(JSON.parse(stdout) as OwnReport) };
}

/** Runs `adit …` to its end; the time that counts is that of the whole process. */
export async function runAdit(args: readonly string[]): Promise<Run> {
  return runMeasured(process.execPath, [aditBin, ...args, '--json']);
}

export interface OurServer extends DcmtkPeer, AsyncDisposable {
  readonly program: RunningProgram;
}

/** Starts `ours/receive.ts`. */
export async function startOurServer(args: readonly string[] = []): Promise<OurServer> {
  const program = startProgram(process.execPath, ownArguments('receive.ts', args));
  const dicomPort = await waitUntilReady(program, 'our server', async () => {
    const [line, rest] = program.output().split('\n', 2);
    return rest === undefined ? undefined : Number(JSON.parse(line!).port);
  });
  return {
    aeTitle: 'ADIT',
    dicomPort,
    program,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

export function dicomUrl({ aeTitle, dicomPort }: DcmtkPeer): string {
  return `dicom://${aeTitle}@127.0.0.1:${dicomPort}`;
}

/** What Node is called with to run one of our programs. */
export function ownArguments(script: string, args: readonly string[]): string[] {
  return ['--expose-gc', join(import.meta.dirname, 'ours', script), ...args];
}
