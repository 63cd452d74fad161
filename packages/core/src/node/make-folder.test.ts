import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-make-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('makes a folder and those above it, as often as asked', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await makeFolder(path);
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
});

it('whoever else makes them meanwhile', async () => {
  for (let round = 0; round < 50; round += 1) {
    const top = join(folder, `round-${round}`);
    // Each begins where another may just have been.
    const made = Array.from({ length: 8 }, (_, i) => makeFolder(join(top, 'x', i % 2 === 0 ? 'y' : 'z')));
    await expect(Promise.all(made)).resolves.toBeDefined();
  }
});

it('says why it cannot', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file', 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
});

it.runIf(process.platform === 'linux')(
  'ends where a folder is denied as if its parent were missing',
  async () => {
    await expect(makeFolder('/proc/adit/x')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
