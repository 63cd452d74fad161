import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePart10 } from '../data/part10.ts';
import { syntheticInstance } from '../synthetic/index.ts';
import { fileChunks } from './file-chunks.ts';
import { writeInstanceFile } from './instance-file.ts';
import { blockingFiles, pooledFiles } from './instance-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-instance-'));
});
afterAll(() => rm(folder, { recursive: true }));

const KIB = 1024;

describe.each([
  ['the thread pool', pooledFiles],
  ['calls that block', blockingFiles],
])('with %s', (name, files) => {
  const root = () => join(folder, name);
  const instance = (rows: number) => syntheticInstance({ kind: 'CT', rows, columns: rows });

  it.each([
    ['of one block', 16],
    ['of several blocks', 1024],
  ])('an instance %s is written whole, into folders that are made', async (_, rows) => {
    const path = join(root(), `${rows}`, 'new', 'a.dcm');
    const { outcome, bytes } = await writeInstanceFile(path, instance(rows), { root: root(), files });
    expect(outcome).toEqual({ state: 'stored' });
    const parts: Uint8Array[] = [];
    for await (const part of writePart10(instance(rows))) parts.push(part);
    const whole = Buffer.concat(parts);
    expect((await readFile(path)).equals(whole)).toBe(true);
    expect(bytes).toBeGreaterThan(rows * rows * 2);
    // Nothing else is left.
    expect(await readdir(join(root(), `${rows}`, 'new'))).toEqual(['a.dcm']);

    const chunks: Uint8Array[] = [];
    for await (const chunk of fileChunks(path, { files })) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    expect(chunks[0]!.length).toBe(Math.min(whole.length, 64 * KIB));
  });

  it('a file that is there is not replaced', async () => {
    const path = join(root(), 'there.dcm');
    const write = (rows: number) => writeInstanceFile(path, instance(rows), { root: root(), files });
    expect((await write(16)).outcome).toEqual({ state: 'stored' });
    const before = await readFile(path);
    expect((await write(16)).outcome).toEqual({ state: 'present' });
    expect((await write(32)).outcome).toMatchObject({ state: 'failed' });
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('trouble names the folder the user named and leaves nothing', async () => {
    await writeFile(join(root(), 'file'), 'no folder');
    const path = join(root(), 'file', 'a.dcm');
    const written = writeInstanceFile(path, instance(16), { root: root(), files });
    await expect(written).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(written).rejects.not.toThrow('a.dcm');

    async function* broken() {
      yield new Uint8Array(100);
      throw new Error('cut');
    }
    const cut = writeInstanceFile(
      join(root(), 'cut', 'a.dcm'),
      { ...instance(16), dataset: broken() },
      { root: root(), files },
    );
    await expect(cut).rejects.toThrow('cut');
    expect(await readdir(join(root(), 'cut'))).toEqual([]);
    await expect(fileChunks(join(root(), 'none'), { files }).next()).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});
