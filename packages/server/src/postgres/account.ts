import { readFileSync } from 'node:fs';
import { ServerError } from '../errors.ts';

/** The user PostgreSQL runs as, where it is not ours. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to run PostgreSQL as: it refuses to run as root, so root takes the owner of an existing cluster, else
 * `postgres`, else `nobody`.
 *
 * @param owner User number of the existing cluster's folder.
 * @returns Undefined for any user but root: PostgreSQL then runs as that user.
 * @throws ServerError `POSTGRES_ACCOUNT` when root has none of them.
 */
export function postgresAccount(owner?: number): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = systemAccounts();
  const found =
    owner === undefined || owner === 0
      ? (accounts.find(({ name }) => name === 'postgres') ?? accounts.find(({ name }) => name === 'nobody'))
      : accounts.find(({ uid }) => uid === owner);
  if (found) return found;
  throw new ServerError(
    'POSTGRES_ACCOUNT',
    owner
      ? `The embedded PostgreSQL belongs to user number ${owner}, which this machine does not know: start ADIT as the user who started it before.`
      : 'PostgreSQL does not run as root, and there is no user postgres or nobody to run it: start ADIT as another user, or set DATABASE_URL.',
  );
}

function systemAccounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) }));
}
