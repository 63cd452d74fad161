import { join } from 'node:path';
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from './program.ts';

/** The built command, started as its users start it. */
export const aditBin = join(import.meta.dirname, '../../../server/bin/adit.js');

/** The last line a command prints with `--json`. */
export interface AditSummary {
  event: 'summary';
  ok: boolean;
  expected: number;
  instances: number;
  skipped: number;
  verified: number;
  verification: 'image' | 'count' | 'commitment' | 'reread' | 'none';
  warnings: number;
  failed: number;
  held: number;
  bytes: number;
  seconds: number;
  wall: number;
  matches?: number;
}

export interface AditResult extends ProgramResult {
  /** What it printed, line by line. */
  events: Record<string, unknown>[];
  summary: AditSummary;
}

/** Runs `adit … --json` to its end. Throws when stdout holds anything but objects, or the last is no summary. */
export async function adit(args: readonly string[], options: ProgramOptions = {}): Promise<AditResult> {
  const result = await runProgram(
    process.execPath,
    [aditBin, ...args, '--json'],
    withoutNodeOptions(options),
  );
  const events = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const summary = events.at(-1);
  if (summary?.event !== 'summary') {
    throw new Error(
      `adit ended with ${result.status} and without a summary: ${result.stdout}${result.stderr}`,
    );
  }
  return { ...result, events, summary: summary as unknown as AditSummary };
}

/** Starts `adit …`, to be stopped by the caller. */
export function startAdit(args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  return startProgram(process.execPath, [aditBin, ...args], withoutNodeOptions(options));
}

/** The test runner's settings of Node are not for the program under test: it must find its packages as built. */
function withoutNodeOptions(options: ProgramOptions): ProgramOptions {
  return { ...options, env: { ...options.env, NODE_OPTIONS: '' } };
}
