import type { Run } from '../measurement.ts';
import { runMeasured } from '../run-measured.ts';
import { summarize } from '../statistics.ts';

/** What one of DCMTK's programs takes to start and to end, in seconds, as `without` takes it off. */
export async function startUpOf(program: string): Promise<number> {
  const seconds: number[] = [];
  for (let count = 0; count < 9; count += 1) {
    seconds.push((await runMeasured(program, ['--version'])).seconds);
  }
  return summarize(seconds).median;
}

/** A run of a whole process without its start-up. */
export function without(startUp: number, run: Run): Run {
  return { ...run, seconds: run.seconds - startUp };
}
