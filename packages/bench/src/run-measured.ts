import { readFile } from 'node:fs/promises';
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  startProgram,
} from '@adit/e2e/support';

export interface Measured extends ProgramResult {
  /** From the start of the process to its end. */
  seconds: number;
  /** Most memory it had resident at once. */
  peakMemoryBytes: number;
  /** Bytes it caused to be written to disks. */
  diskBytes: number;
}

/** Runs a whole process to its end, which must be a good one, and says what it cost. */
export async function runMeasured(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Measured> {
  const started = performance.now();
  const program = startProgram(command, args, options);
  const memory = watchMemory(program);
  const result = await program.ended;
  const seconds = (performance.now() - started) / 1000;
  if (result.status !== 0) {
    throw new Error(`${command} ended with ${result.status}: ${result.stderr || result.stdout}`);
  }
  return { ...result, seconds, peakMemoryBytes: memory.peakBytes(), diskBytes: memory.diskBytes() };
}

/**
 * Follows the peak of a program's resident memory (VmHWM) and what it writes to disks, which the kernel keeps until the
 * process is gone.
 */
export function watchMemory(program: RunningProgram): { peakBytes(): number; diskBytes(): number } {
  let peak = 0;
  let written = 0;
  let over = false;
  void program.ended.then(() => {
    over = true;
  });
  void (async () => {
    while (!over) {
      const status = await readFile(`/proc/${program.pid}/status`, 'utf8').catch(() => '');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
      const io = await readFile(`/proc/${program.pid}/io`, 'utf8').catch(() => '');
      written = Math.max(written, Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return { peakBytes: () => peak, diskBytes: () => written };
}
