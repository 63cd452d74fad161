import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DicomError } from '../errors.ts';
import { syntheticStudy } from '../synthetic/index.ts';
import { transfer } from '../transfer/transfer.ts';
import { createFolderSource } from './create-folder-source.ts';
import { createZipSink } from './create-zip-sink.ts';
import { walkFiles } from './walk-files.ts';

const run = promisify(execFile);

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-zip-'));
  path = join(folder, 'study.zip');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const study = () =>
  syntheticStudy({
    patient: { id: 'P1', name: 'Müller^Jörg' },
    study: { date: '20240115', time: '101500' },
    series: [{ kind: 'CT', instances: 3, rows: 32, description: 'Kopf / nativ' }, { kind: 'SR' }],
  });

async function datasetsBelow(unpacked: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const studyUid = String(study()[0]!.attributes['0020000D']!.Value![0]);
  for await (const instance of createFolderSource(unpacked).retrieve({ studyInstanceUid: studyUid })) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of instance.dataset) chunks.push(chunk);
    found.set(instance.sopInstanceUid, Buffer.concat(chunks));
  }
  return found;
}

async function bytesOf(dataset: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('createZipSink', () => {
  it.each([
    ['without a password', undefined],
    ['with a password', 'Grüße 17'],
  ])('makes an archive %s that 7-Zip unpacks, byte for byte', async (_, password) => {
    const zip = await createZipSink(path, password === undefined ? {} : { password });
    const outcomes = await Promise.all(study().map((instance) => zip.store(instance)));
    expect(outcomes).toEqual(Array(4).fill({ state: 'stored' }));
    expect(await zip.finish()).toEqual({ verified: 4, missing: [] });
    expect(await readdir(folder)).toEqual(['study.zip']);

    const unpacked = join(folder, 'unpacked');
    await mkdir(unpacked);
    await run('7z', [
      'x',
      '-bd',
      `-o${unpacked}`,
      ...(password === undefined ? [] : [`-p${password}`]),
      path,
    ]);
    const found = await datasetsBelow(unpacked);
    for (const instance of study()) {
      expect(found.get(instance.sopInstanceUid)).toEqual(await bytesOf(instance.dataset));
    }
    const names: string[] = [];
    for await (const file of walkFiles(unpacked)) names.push(file.slice(unpacked.length + 1));
    expect(names[0]).toMatch(/^P1\/20240115-101500\/1-Kopf _ nativ\/[\d.]+\.dcm$/);
  });

  it('keeps what is in it from whoever has no password', async () => {
    const zip = await createZipSink(path, { password: 'secret' });
    for (const instance of study()) await zip.store(instance);
    await zip.finish();
    const { stdout } = await run('7z', ['l', '-slt', path]);
    expect(stdout).toContain('AES-256');
    expect((await readFile(path)).includes('Jörg')).toBe(false);
    await expect(run('7z', ['t', '-bd', '-pwrong', path])).rejects.toThrow();
  });

  it('leaves out an instance whose data set fails, and goes on with the next', async () => {
    const [first, second, third] = study();
    const cut = new DicomError('CONNECTION_LOST', 'The source was cut.', { retryable: true });
    async function* half() {
      yield (await bytesOf(second!.dataset)).subarray(0, 2_000);
      throw cut;
    }
    const zip = await createZipSink(path);
    await zip.store(first!);
    await expect(zip.store({ ...second!, dataset: half() })).rejects.toBe(cut);
    await zip.store(third!);
    expect(await zip.finish()).toEqual({ verified: 2, missing: [] });
    await run('7z', ['t', '-bd', path]);
    const { stdout } = await run('7z', ['l', '-ba', path]);
    expect(stdout.trim().split('\n')).toHaveLength(2);
  });

  it('says which instances are not there any more as they were stored', async () => {
    const zip = await createZipSink(path);
    const instances = study();
    for (const instance of instances) await zip.store(instance);
    await zip.finish();
    const file = await open(path, 'r+');
    // In the pixel data of the first instance, which are the last of its bytes.
    const needle = await bytesOf(instances[0]!.dataset);
    const at = (await readFile(path)).indexOf(needle.subarray(-64));
    await file.write(Uint8Array.of(needle.at(-1)! ^ 1), 0, 1, at + 63);
    await file.close();
    expect(await zip.finish()).toEqual({ verified: 3, missing: [instances[0]!.sopInstanceUid] });
  });

  it('never replaces a file, and makes none of nothing', async () => {
    await (await createZipSink(path)).finish();
    expect(await readdir(folder)).toEqual([]);
    await writeFile(path, 'precious');
    await expect(createZipSink(path)).rejects.toMatchObject({ code: 'ALREADY_THERE' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('is the destination of a transfer', async () => {
    const source = join(folder, 'source');
    await mkdir(source);
    const instances = study();
    const { writePart10 } = await import('../data/part10.ts');
    for (const [index, instance] of instances.entries()) {
      await writeFile(join(source, `${index}.dcm`), writePart10(instance));
    }
    const studyInstanceUid = String(instances[0]!.attributes['0020000D']!.Value![0]);
    await using zip = await createZipSink(path);
    const result = await transfer({
      source: createFolderSource(source),
      sink: zip,
      selection: { studyInstanceUid },
    });
    expect(result).toMatchObject({ ok: true, counts: { stored: 4 } });
  });
});
