import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import type { Account } from './account.ts';

/**
 * What PostgreSQL's processes see of the environment: not our secrets, and not the user's own PG… variables.
 * The working directory is the root, which every user may enter.
 */
export const postgresSurroundings = {
  cwd: '/',
  env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
};

/** Options of child_process that make the child run as this account. */
export function runAs(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/** Runs a short command as this account and gives what it said. */
export function tryAs(
  account: Account | undefined,
  command: string,
  ...commandArguments: string[]
): SpawnSyncReturns<string> {
  return spawnSync(command, commandArguments, {
    ...postgresSurroundings,
    ...runAs(account),
    encoding: 'utf8',
    timeout: 10_000,
  });
}

/** Whether this account can enter a folder and write to it. */
export function canUseFolder(account: Account | undefined, path: string): boolean {
  return tryAs(account, '/bin/sh', '-c', 'cd -- "$1" && test -w .', 'sh', path).status === 0;
}
