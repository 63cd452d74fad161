import { open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readInto } from './read-into.ts';

const path = join(tmpdir(), `adit-read-into-${process.pid}`);
afterAll(() => rm(path, { force: true }));

test.each([1_000, 2_000_000])('reads %i bytes into buffers, and nothing at the end', async (length) => {
  const bytes = Buffer.alloc(length, 'The quick brown fox. ');
  await writeFile(path, bytes);
  await using file = await open(path);
  const buffers = [Buffer.alloc(length - 100), Buffer.alloc(100)];
  expect(await readInto(file.fd, buffers, 0, length)).toBe(length);
  expect(Buffer.concat(buffers).equals(bytes)).toBe(true);
  expect(await readInto(file.fd, buffers, 40, length)).toBe(length - 40);
  expect(buffers[0]!.subarray(0, 60).equals(bytes.subarray(40, 100))).toBe(true);
  expect(await readInto(file.fd, buffers, length, length)).toBe(0);
});

test('throws what the file system says', async () => {
  await using folder = await open(tmpdir());
  for (const length of [1, 2_000_000]) {
    await expect(readInto(folder.fd, [Buffer.alloc(1)], 0, length)).rejects.toMatchObject({ code: 'EISDIR' });
  }
});
