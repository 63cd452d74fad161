import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DicomError } from '../errors.ts';
import { syntheticStudy } from '../synthetic/index.ts';
import { createFolderSource } from './create-folder-source.ts';
import { createSevenZipSink } from './create-seven-zip-sink.ts';
import { walkFiles } from './walk-files.ts';

const run = promisify(execFile);

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-7z-'));
  path = join(folder, 'study.7z');
});

afterEach(() => rm(folder, { recursive: true }));

const instances = syntheticStudy({
  seed: '7z',
  patient: { id: 'P1', name: 'Müller^Jörg' },
  study: { date: '20240115', time: '101500' },
  // 130 of them need more than one byte for their number, and the large ones for their length.
  series: [
    { kind: 'CT', instances: 2, rows: 512, description: 'Kopf / nativ' },
    { kind: 'SR' },
    { kind: 'SC', instances: 130, rows: 8 },
  ],
});
const few = instances.slice(0, 3);
const studyUid = String(instances[0]!.attributes['0020000D']!.Value![0]);

async function bytesOf(dataset: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('createSevenZipSink', () => {
  it.each([
    ['without a password', undefined],
    ['with a password', 'Grüße 17 ☂'],
  ])('makes an archive %s that 7-Zip unpacks, byte for byte', async (_, password) => {
    const archive = await createSevenZipSink(path, password === undefined ? {} : { password });
    for (const instance of instances) {
      expect(await archive.store(instance)).toEqual({ state: 'stored' });
    }
    expect(await archive.finish()).toEqual({ verified: instances.length, missing: [] });
    expect(await readdir(folder)).toEqual(['study.7z']);

    const unpacked = join(folder, 'unpacked');
    await run('7z', ['x', '-bd', `-o${unpacked}`, ...(password ? [`-p${password}`] : []), path]);
    const found = new Map<string, Buffer>();
    const source = createFolderSource(unpacked);
    for await (const instance of source.retrieve({ studyInstanceUid: studyUid })) {
      found.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
    }
    for (const instance of instances) {
      expect(found.get(instance.sopInstanceUid)?.equals(await bytesOf(instance.dataset))).toBe(true);
    }
    const names: string[] = [];
    for await (const file of walkFiles(unpacked)) names.push(file.slice(unpacked.length + 1));
    expect(names[0]).toMatch(/^P1\/20240115-101500\/1-Kopf _ nativ\/[\d.]+\.dcm$/);
    expect(names).toHaveLength(instances.length);
  });

  it('keeps what is in it, and what it is called, from whoever has no password', async () => {
    const archive = await createSevenZipSink(path, { password: 'secret' });
    for (const instance of few) await archive.store(instance);
    await archive.finish();
    const bytes = await readFile(path);
    expect(bytes.includes('Jörg')).toBe(false);
    expect(bytes.includes(Buffer.from('20240115', 'utf16le'))).toBe(false);
    await expect(run('7z', ['l', '-bd', '-pwrong', path])).rejects.toThrow();
    const { stdout } = await run('7z', ['l', '-slt', '-psecret', path]);
    expect(stdout.match(/^Method = 7zAES:19$/gm)).toHaveLength(few.length);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each(['plain', 'encrypted'])('has nothing of an instance whose data set fails (%s)', async (how) => {
    const [first, second, third] = few;
    const cut = new DicomError('CONNECTION_LOST', 'The source was cut.', { retryable: true });
    async function* half() {
      yield (await bytesOf(second!.dataset)).subarray(0, 100_001);
      throw cut;
    }
    const password = how === 'plain' ? {} : { password: 'secret' };
    const archive = await createSevenZipSink(path, password);
    await archive.store(first!);
    await expect(archive.store({ ...second!, dataset: half() })).rejects.toBe(cut);
    await archive.store(third!);
    await expect(archive.store({ ...second!, dataset: half() })).rejects.toBe(cut);
    expect(await archive.finish()).toEqual({ verified: 2, missing: [] });
    await run('7z', ['t', '-bd', '-psecret', path]);
    const { stdout } = await run('7z', ['l', '-ba', '-psecret', path]);
    expect(stdout.trim().split('\n')).toHaveLength(2);
  });

  it('says which instances are not there any more as they were stored', async () => {
    const archive = await createSevenZipSink(path, { password: 'secret' });
    for (const instance of few) await archive.store(instance);
    await archive.finish();
    const flip = async (position: number) => {
      const file = await open(path, 'r+');
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
      await file.write(Uint8Array.of(buffer[0]! ^ 1), 0, 1, position);
      await file.close();
    };
    await flip(10_000);
    expect(await archive.finish()).toEqual({ verified: 2, missing: [few[0]!.sopInstanceUid] });
    // In the header: nobody finds anything any more.
    await flip((await stat(path)).size - 1);
    expect(await archive.finish()).toMatchObject({ verified: 0 });
  });

  it('never replaces a file, and makes none of nothing', async () => {
    await (await createSevenZipSink(path, { password: 'secret' })).finish();
    expect(await readdir(folder)).toEqual([]);
    await writeFile(path, 'precious');
    await expect(createSevenZipSink(path)).rejects.toMatchObject({ code: 'ALREADY_THERE' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });
});
