import { chmod, chown, lstat, mkdir, mkdtemp, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../errors.ts';
import { type Account, postgresAccount } from './account.ts';
import { canUseFolder } from './run-as.ts';
import { SYSTEM_DIRECTORY } from './system-directory.ts';

/** The folder of the embedded PostgreSQL, and who runs it there. */
export interface ClusterHome {
  /** Holds the cluster, its lock and, where its path is short enough, the Unix socket. Links resolved. */
  readonly folder: string;
  readonly account: Account | undefined;
}

/** Where PostgreSQL's folder is, or a link to it. */
export function clusterHomePath(dataDirectory: string): string {
  return join(dataDirectory, 'postgres');
}

/**
 * The folder `postgres` of the data directory, made on first use, mode 0700 and owned by the user who runs PostgreSQL.
 *
 * As root that user is another one. Where it cannot reach the data directory (root's home has mode 0700, and opening that
 * is not ours to do), the folder is made below /var/lib/adit, and `postgres` is a link to it.
 *
 * @throws ServerError `DATA_DIRECTORY` when an existing one cannot be reached any more.
 */
export async function openClusterHome(dataDirectory: string): Promise<ClusterHome> {
  const place = clusterHomePath(dataDirectory);
  const existing = await stat(place).catch(() => undefined);
  const account = postgresAccount(existing?.uid);

  if (!existing) {
    if ((await lstat(place).catch(() => undefined))?.isSymbolicLink()) {
      throw new ServerError(
        'DATA_DIRECTORY',
        `The database's folder, to which ${place} is a link, is gone: bring it back, or remove the link to start with an empty database.`,
      );
    }
    await makeHome(dataDirectory, place, account);
  }
  const folder = await realpath(place);
  if (account) await letThrough(dataDirectory, account);
  if (!canUseFolder(account, folder)) {
    throw new ServerError(
      'DATA_DIRECTORY',
      `${account ? `User ${account.name}` : 'This user'}, who runs PostgreSQL, cannot reach ${folder}: open the folders above for passing through, or choose another data directory with ADIT_DATA.`,
    );
  }
  return { folder, account };
}

async function makeHome(dataDirectory: string, place: string, account: Account | undefined): Promise<void> {
  // Under another name until it is as it should be, so that a start cut short leaves nothing half done.
  const made = await mkdtemp(`${place}.`);
  try {
    if (account) {
      await chown(made, account.uid, account.gid);
      await letThrough(dataDirectory, account);
    }
    if (canUseFolder(account, made)) {
      await rename(made, place);
      return;
    }
  } catch (error) {
    if (!account) throw error;
    // A file system that knows no owners: the other place it is.
  }
  await rm(made, { recursive: true });
  await mkdir(SYSTEM_DIRECTORY, { recursive: true, mode: 0o755 });
  const elsewhere = await mkdtemp(join(SYSTEM_DIRECTORY, 'postgres-'));
  if (account) await chown(elsewhere, account.uid, account.gid);
  await symlink(elsewhere, place);
}

/** Lets the account pass through a data directory that only root may enter, without seeing what is in it. */
async function letThrough(dataDirectory: string, account: Account): Promise<void> {
  const { uid, mode } = await stat(dataDirectory);
  if (uid !== 0 || (mode & 0o077) !== 0) return;
  await chown(dataDirectory, 0, account.gid);
  await chmod(dataDirectory, 0o710);
}
