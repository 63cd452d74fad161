import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WriteFileError, writeFile } from './write-file.ts';

const run = promisify(execFile);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-write-file-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Chunks of the given lengths; byte n of the file is n mod 251. */
async function* chunksOf(lengths: Iterable<number>): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for (const length of lengths) {
    const chunk = new Uint8Array(length);
    for (let i = 0; i < length; i++) chunk[i] = (position + i) % 251;
    yield chunk;
    position += length;
  }
}

describe('writeFile', () => {
  it.each([
    ['nothing', []],
    ['less than one write', [1, 0, 5000]],
    ['exactly one write', [1024 * 1024]],
    ['many writes of odd chunks', Array.from({ length: 700 }, (_, i) => 16_381 + (i % 7))],
  ])('writes %s, every byte in its place', async (_, lengths) => {
    const path = join(folder, 'file');
    const { size } = await writeFile(path, chunksOf(lengths));
    const expected = lengths.reduce((sum, length) => sum + length, 0);
    expect(size).toBe(expected);
    const bytes = await readFile(path);
    expect(bytes.length).toBe(expected);
    expect(bytes.every((byte, i) => byte === i % 251)).toBe(true);
  });

  it('throws what the chunks throw, and leaves no file', async () => {
    const cut = new Error('connection lost');
    async function* broken() {
      yield* chunksOf(Array.from({ length: 40 }, () => 100_000));
      throw cut;
    }
    await expect(writeFile(join(folder, 'file'), broken())).rejects.toBe(cut);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says so when the file cannot be created', async () => {
    await expect(writeFile(join(folder, 'missing', 'file'), chunksOf([1]))).rejects.toBeInstanceOf(
      WriteFileError,
    );
  });

  it('does not overwrite a file', async () => {
    await writeFile(join(folder, 'file'), chunksOf([3]));
    await expect(writeFile(join(folder, 'file'), chunksOf([5]))).rejects.toBeInstanceOf(WriteFileError);
    expect(await readFile(join(folder, 'file'))).toHaveLength(3);
  });

  it('throws and leaves no file when the disk takes no more', async () => {
    // A limit on the file size is a full disk that needs no privileges: it fails with EFBIG in the middle of a write.
    const script = `
      import { writeFile } from ${JSON.stringify(fileURLToPath(new URL('write-file.ts', import.meta.url)))};
      let produced = 0;
      async function* chunks() { for (; produced < 400; produced++) yield new Uint8Array(64 * 1024); }
      const error = await writeFile(process.argv[1], chunks()).catch((error) => error);
      console.log(JSON.stringify({ name: error.name, code: error.cause?.code, produced }));
    `;
    // In blocks of 512 bytes: 3 MiB of the 25 that are coming.
    const { stdout } = await run('sh', [
      '-c',
      'ulimit -f 6144; exec "$@"',
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      join(folder, 'file'),
    ]);
    const { produced, ...error } = JSON.parse(stdout);
    expect(error).toEqual({ name: 'WriteFileError', code: 'EFBIG' });
    expect(produced).toBeLessThan(400);
    expect(await readdir(folder)).toEqual([]);
  });
});
