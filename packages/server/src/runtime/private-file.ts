import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file that its owner alone may read (mode 0600). Readers see the old content or the new, never a part, and the
 * new content survives a crash right afterwards.
 *
 * @param replace False: a file that is there already stays as it is. Default: true.
 * @returns Whether the content was written.
 */
export async function writePrivateFile(
  path: string,
  content: string,
  { replace = true }: { replace?: boolean } = {},
): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (replace) {
      await rename(temporary, path);
      return true;
    }
    await link(temporary, path);
    return true;
  } catch (error) {
    if (!replace && (error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}
