import { readFileSync } from 'node:fs';

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot of the machine and the process's start in clock ticks since then; empty where there is no /proc. */
  readonly started: string;
}

/** The process with this number; undefined when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (process.platform !== 'linux') {
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    }
    return { pid, started: '' };
  }
  const status = processStatus(pid);
  return status && { pid, started: `${bootId()}/${status.startTicks}` };
}

/** Whether the process still runs; one that has ended and waits for its parent does not. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  return identifyProcess(pid)?.started === started;
}

/** Number of a process's parent; undefined when it has ended. */
export function parentOf(pid: number): number | undefined {
  return processStatus(pid)?.parent;
}

/** Its command line; empty when it has ended or keeps that to itself. */
export function commandLineOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function processStatus(pid: number): { parent: number; startTicks: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // proc_pid_stat(5): the second field, the name in parentheses, may hold anything; state is the third, parent the fourth.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return { parent: Number(parent), startTicks: fields[19] ?? '' };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
