import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDirectory } from './data-directory.ts';

describe('openDataDirectory', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes the folder for its owner alone, and those above as usual', async () => {
    const path = join(folder, 'srv', 'adit');
    await openDataDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'srv')).mode & 0o777).toBe(0o777 & ~process.umask());
    await openDataDirectory(path);
  });

  it('leaves the mode of an existing folder alone', async () => {
    chmodSync(folder, 0o750);
    await openDataDirectory(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o750);
  });

  it('refuses a folder that everybody may write to', async () => {
    chmodSync(folder, 0o1777);
    await expect(openDataDirectory(folder)).rejects.toMatchObject({
      code: 'DATA_DIRECTORY',
      message: `Everybody may write to the data directory ${folder}: choose a folder of your own with ADIT_DATA.`,
    });
  });

  it('says in one sentence that a file is in the way', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(openDataDirectory(file)).rejects.toThrow(
      /: .*file is a file, not a folder; choose .* ADIT_DATA\.$/,
    );
    await expect(openDataDirectory(join(file, 'data'))).rejects.toThrow(/: .*file is a file, not a folder;/);
  });

  it('says in one sentence that the folder is not for this user', async () => {
    const path = join(folder, 'data');
    mkdirSync(path);
    chmodSync(path, 0o500);
    chmodSync(folder, 0o755);
    const program = `
      import { openDataDirectory } from ${JSON.stringify(import.meta.resolve('./data-directory.ts'))};
      // Modes mean nothing to root; by now everything is loaded, wherever it lies.
      if (process.getuid() === 0) process.setuid('nobody');
      await openDataDirectory(${JSON.stringify(path)}).catch(({ code, message }) => console.log(code, message));`;
    const { stdout } = spawnSync(
      process.execPath,
      ['--conditions=@adit/source', '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe(
      `DATA_DIRECTORY The data directory cannot be used: ${path} may not be read and written by this user; choose another folder with ADIT_DATA.\n`,
    );
  });
});
