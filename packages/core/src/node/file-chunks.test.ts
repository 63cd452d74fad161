import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileChunks } from './file-chunks.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-chunks-'));
});
afterAll(() => rm(folder, { recursive: true }));

const KIB = 1024;
const MIB = 1024 * KIB;

it.each([
  [0, []],
  [1, [1]],
  [64 * KIB - 1, [64 * KIB - 1]],
  [64 * KIB, [64 * KIB]],
  [64 * KIB + 1, [64 * KIB, 1]],
  [64 * KIB + 2 * MIB, [64 * KIB, MIB, MIB]],
  [64 * KIB + 2 * MIB + 5, [64 * KIB, MIB, MIB, 5]],
])('reads a file of %i bytes in blocks', async (size, lengths) => {
  const path = join(folder, 'file');
  const bytes = Buffer.alloc(size, 'The quick brown fox. ');
  await writeFile(path, bytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of fileChunks(path)) chunks.push(chunk);
  // Compared at the end: the memory of a block is not used for another.
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  expect(chunks.map(({ length }) => length)).toEqual(lengths);
});
