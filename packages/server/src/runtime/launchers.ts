import { basename } from 'node:path';
import {
  commandLineOf,
  identifyProcess,
  isRunning,
  type ProcessIdentity,
  parentOf,
} from './process-identity.ts';

const POLL_MS = 500;
const MAX_CHAIN = 16;

/**
 * The processes that started this one for somebody at a terminal: its parent, and above it the package managers (pnpm,
 * npm, npx) with the shells they run scripts in. The terminal's own shell, or whatever else stands above, is none of them.
 */
export function findLaunchers(): ProcessIdentity[] {
  const launchers: ProcessIdentity[] = [];
  let shells: ProcessIdentity[] = [];
  let pid: number | undefined = process.ppid;
  for (let step = 0; step < MAX_CHAIN && pid !== undefined && pid > 1; step++) {
    const identity = identifyProcess(pid);
    if (!identity) break;
    const commandLine = commandLineOf(pid);
    if (step === 0 || isPackageManager(commandLine)) {
      launchers.push(...shells, identity);
      shells = [];
    } else if (isShellWithCommand(commandLine)) {
      shells.push(identity); // Counts if a package manager stands above it.
    } else {
      break;
    }
    if (isNpx(commandLine)) break;
    pid = parentOf(pid);
  }
  return launchers;
}

/**
 * A signal that is aborted within a second when one of this process's launchers has ended, killed or not.
 *
 * Only for a process whose parent has opened a channel to it (`stdio: 'ipc'`), which says that it shall not outlive it;
 * otherwise, as for a service that a shell has started, the signal is never aborted.
 */
export function launchersEnded(): AbortSignal {
  const controller = new AbortController();
  if (process.connected) {
    const launchers = findLaunchers();
    const timer = setInterval(() => {
      if (process.connected && launchers.every(isRunning)) return;
      clearInterval(timer);
      controller.abort(new Error('what started this process has ended'));
    }, POLL_MS);
    timer.unref();
  }
  return controller.signal;
}

/** The program's name; of a script that node runs, the script's. npm writes its whole command into the first argument. */
function programOf([program = '', script = '']: readonly string[]): string {
  const name = basename(program.split(' ')[0] ?? '');
  return /^node\d*$/.test(name) ? basename(script) : name;
}

function isPackageManager(commandLine: readonly string[]): boolean {
  return /^(pnpm|npm|npx)(-cli)?(\.[cm]?js)?$/.test(programOf(commandLine));
}

function isNpx(commandLine: readonly string[]): boolean {
  return /^npx/.test(programOf(commandLine)) || /^npm exec\b/.test(commandLine[0] ?? '');
}

function isShellWithCommand(commandLine: readonly string[]): boolean {
  return /^(sh|dash|bash|ash|zsh|busybox)$/.test(programOf(commandLine)) && commandLine.includes('-c');
}
