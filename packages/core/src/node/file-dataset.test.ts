import { appendFile, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoredDataset } from '../transfer/types.ts';
import { fileDataset } from './file-dataset.ts';

const MIB = 1024 * 1024;
const OFFSET = 348;

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-dataset-'));
  path = join(folder, 'file');
});
afterAll(() => rm(folder, { recursive: true }));

/** A file whose data set is the bytes behind the offset. */
async function file(byteLength: number): Promise<{ dataset: StoredDataset; bytes: Buffer }> {
  const bytes = Buffer.alloc(byteLength, 'The quick brown fox. ');
  await writeFile(path, Buffer.concat([Buffer.alloc(OFFSET), bytes]));
  return { dataset: fileDataset({ path, offset: OFFSET, byteLength }), bytes };
}

async function chunksOf(dataset: StoredDataset): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return chunks;
}

/** Descriptors this process has open. */
const openFiles = async () => (await readdir('/proc/self/fd')).length;

describe('the data set of a file', () => {
  it.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])(
    'of %i bytes is read in blocks, more than once',
    async (length) => {
      const { dataset, bytes } = await file(length);
      for (let time = 0; time < 2; time++) {
        const chunks = await chunksOf(dataset);
        // Compared at the end: the memory of a block is not used for another.
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        expect(chunks).toHaveLength(Math.ceil(length / MIB));
      }
    },
  );

  it('fills buffers of any lengths, one after another', async () => {
    const { dataset, bytes } = await file(2 * MIB);
    const reader = await dataset.open();
    expect(reader.byteLength).toBe(2 * MIB);
    // More buffers than systems take in one call.
    const first = Array.from({ length: 3000 }, (_, index) => Buffer.alloc(index % 5));
    const second = [Buffer.alloc(MIB), Buffer.alloc(1)];
    await reader.fill(first);
    await reader.fill(second);
    reader.close();
    const filled = Buffer.concat([...first, ...second]);
    expect(filled.equals(bytes.subarray(0, filled.length))).toBe(true);
  });

  describe('closes the file', () => {
    let before: number;
    beforeEach(async () => {
      before = await openFiles();
    });

    it('at the end, when it is left early, and after a reading that is under way', async () => {
      const { dataset } = await file(3 * MIB);
      await chunksOf(dataset);
      for await (const _chunk of dataset) break;
      const reader = await dataset.open();
      const target = Buffer.alloc(MIB);
      const filling = reader.fill([target]);
      reader.close();
      reader.close();
      await filling;
      expect(target.subarray(0, 9).toString()).toBe('The quick');
      await expect(reader.fill([target])).rejects.toThrow(TypeError);
      await expect.poll(openFiles).toBe(before);
    });

    it('when it was changed meanwhile, which is told', async () => {
      const { dataset } = await file(MIB);
      const reader = await dataset.open();
      await truncate(path, 1000);
      await expect(reader.fill([Buffer.alloc(MIB)])).rejects.toMatchObject({ code: 'CHANGED' });
      reader.close();
      await expect(chunksOf(dataset)).rejects.toMatchObject({ code: 'CHANGED', retryable: true });
      await appendFile(path, Buffer.alloc(2 * MIB));
      await expect(chunksOf(dataset)).rejects.toMatchObject({ code: 'CHANGED' });
      await rm(path);
      await expect(chunksOf(dataset)).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await openFiles()).toBe(before);
    });
  });
});
