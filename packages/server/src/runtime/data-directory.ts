import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServerError } from '../errors.ts';

/**
 * Makes the data directory ready: created with mode 0700 when it is missing, writable by this user.
 *
 * @throws ServerError `DATA_DIRECTORY` when it cannot be used.
 */
export async function openDataDirectory(path: string): Promise<void> {
  try {
    // The folders above get the usual mode: as root, PostgreSQL's user has to pass through them.
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path, { mode: 0o700 }).catch(ignoreExisting);
    const found = await stat(path);
    if (!found.isDirectory()) throw Object.assign(new Error(), { code: 'EEXIST' });
    if (found.mode & 0o002) {
      throw new ServerError(
        'DATA_DIRECTORY',
        `Everybody may write to the data directory ${path}: choose a folder of your own with ADIT_DATA.`,
      );
    }
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw unusableDataDirectory(path, error);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** The sentence for trouble with a file or folder of the data directory. */
export function unusableDataDirectory(path: string, cause: unknown): ServerError {
  const { code, path: struck = path } = cause as NodeJS.ErrnoException;
  const reason = (code && reasons[code]) ?? (cause instanceof Error ? cause.message : String(cause));
  return new ServerError(
    'DATA_DIRECTORY',
    `The data directory cannot be used: ${struck} ${reason}; choose another folder with ADIT_DATA.`,
    { cause },
  );
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read and written by this user',
  EPERM: 'may not be changed by this user',
  EROFS: 'lies on a read-only file system',
  ENOSPC: 'lies on a full disk',
  EDQUOT: "is beyond this user's disk quota",
  ENOTDIR: 'goes through a file that is no folder',
  EEXIST: 'is a file, not a folder',
};
