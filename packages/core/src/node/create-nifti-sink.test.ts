import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textOf } from '../data/attribute-access.ts';
import { writePart10 } from '../data/part10.ts';
import { type SyntheticStudyOptions, syntheticStudy } from '../synthetic/index.ts';
import { transfer } from '../transfer/transfer.ts';
import { createFolderSource } from './create-folder-source.ts';
import { type ConvertedSeries, createNiftiSink, type NiftiSinkOptions } from './create-nifti-sink.ts';
import { walkFiles } from './walk-files.ts';

let folder: string;
let target: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-nifti-'));
  target = join(folder, 'images');
});

afterEach(() => rm(folder, { recursive: true }));

const patient = { id: 'P1', name: 'Müller^Jörg', birthDate: '19800301', sex: 'M' as const };

async function folderWith(
  options: SyntheticStudyOptions,
): Promise<{ source: string; studyInstanceUid: string }> {
  const source = await mkdtemp(join(folder, 'source-'));
  const instances = syntheticStudy({ patient, study: { date: '20240115', time: '101500' }, ...options });
  for (const [i, instance] of instances.entries()) {
    await writeFile(join(source, `${i}.dcm`), writePart10(instance));
  }
  return { source, studyInstanceUid: textOf(instances[0]!.attributes, 'StudyInstanceUID')! };
}

async function convert(
  { source, studyInstanceUid }: { source: string; studyInstanceUid: string },
  options: NiftiSinkOptions = {},
  excludeModalities?: string[],
) {
  const series: ConvertedSeries[] = [];
  await using sink = createNiftiSink(target, { onSeries: (one) => series.push(one), ...options });
  const result = await transfer({
    source: createFolderSource(source),
    sink,
    selection: { studyInstanceUid, ...(excludeModalities && { excludeModalities }) },
    verify: sink.verify,
  });
  // Whatever happened: nothing of the objects is left, converted or not.
  const left = (await readdir(target).catch(() => [])).filter((name) => name.endsWith('.part'));
  expect(await Promise.all(left.map((name) => readdir(join(target, name))))).toEqual(left.map(() => []));
  return { result, series };
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const file of walkFiles(target)) found.push(file.slice(target.length + 1));
  return found.sort();
}

describe.each<[string, NiftiSinkOptions]>([
  ['the native program', { program: 'dcm2niix' }],
  ['WebAssembly', {}],
])('createNiftiSink with %s', (_, how) => {
  it('makes an image with a sidecar of each series', async () => {
    const study = await folderWith({
      series: [
        { kind: 'CT', instances: 5, rows: 32, description: 'Kopf / nativ' },
        { kind: 'MR', instances: 4, rows: 32, description: 'T1' },
        { kind: 'SR' },
      ],
    });
    const { result, series } = await convert(study, how, ['SR', 'KO', 'PR']);
    expect(result, JSON.stringify([result.problem?.message, series])).toMatchObject({
      ok: true,
      verification: 'reread',
      counts: { expected: 10, stored: 9, skipped: 1, verified: 9, failed: 0 },
    });
    expect(series.map(({ instances, images, problem }) => [instances, images, problem])).toEqual([
      [5, 1, undefined],
      [4, 1, undefined],
    ]);
    const study1 = 'P1/20240115-101500';
    expect(await names()).toEqual([
      `${study1}/1-Kopf _ nativ.json`,
      `${study1}/1-Kopf _ nativ.nii.gz`,
      `${study1}/2-T1.json`,
      `${study1}/2-T1.nii.gz`,
    ]);
    const image = gunzipSync(await readFile(join(target, `${study1}/1-Kopf _ nativ.nii.gz`)));
    expect([42, 44, 46].map((at) => image.readInt16LE(at))).toEqual([32, 32, 5]);
    const sidecar = JSON.parse(await readFile(join(target, `${study1}/2-T1.json`), 'utf8'));
    expect(sidecar).toMatchObject({
      ConversionSoftware: 'dcm2niix',
      Modality: 'MR',
      PatientID: 'P1',
      PatientName: 'Müller^Jörg',
      PatientBirthDate: '19800301',
      PatientSex: 'M',
      PatientAgeAtStudy: 43,
      StudyInstanceUID: study.studyInstanceUid,
      StudyDate: '20240115',
      SeriesNumber: 2,
      SeriesDescription: 'T1',
    });
    await sameAgain(study);
  });

  async function sameAgain(study: Awaited<ReturnType<typeof folderWith>>) {
    const before = await names();
    const { result } = await convert(study, how, ['SR']);
    expect(result).toMatchObject({ ok: true, counts: { verified: 9 } });
    expect(await names()).toEqual(before);
  }

  it('counts the instances of a series that cannot be converted, and says why', async () => {
    const study = await folderWith({ series: [{ kind: 'MR', instances: 2, rows: 32 }] });
    // Its images lack what an image needs.
    const files = await readdir(study.source);
    for (const file of files) {
      const bytes = await readFile(join(study.source, file));
      const rows = bytes.indexOf(Buffer.from([0x28, 0x00, 0x10, 0x00]));
      bytes.writeUInt16LE(0, rows + 8);
      await writeFile(join(study.source, file), bytes);
    }
    const { result, series } = await convert(study, how);
    expect(result).toMatchObject({ ok: false, counts: { expected: 2, stored: 2, verified: 0 } });
    expect(result.reasons).toMatchObject([{ outcome: 'failed', count: 2 }]);
    expect(series).toMatchObject([{ instances: 2, images: 0, problem: expect.any(String) }]);
    expect(await names()).toEqual([]);
  });
});

describe('createNiftiSink', () => {
  const native = { program: 'dcm2niix' };

  it('refuses reports, which nobody has left out', async () => {
    const study = await folderWith({ series: [{ kind: 'CT', instances: 2, rows: 32 }, { kind: 'SR' }] });
    const { result } = await convert(study, native);
    expect(result).toMatchObject({ ok: false, counts: { stored: 2, verified: 2, failed: 1 } });
    expect(result.reasons[0]!.message).toContain('no NIfTI can be made of SR');
  });

  it('keeps series of the same name apart, and never replaces a file', async () => {
    const same = (seed: string) =>
      folderWith({ seed, series: [{ kind: 'CT', instances: 2, rows: 32, description: 'Same' }] });
    const [one, other] = [await same('one'), await same('other')];
    expect((await convert(one, native)).result.ok).toBe(true);
    expect((await convert(other, native)).result.ok).toBe(true);
    const folders = 'P1/20240115-101500';
    expect(await names()).toEqual([
      `${folders}/1-Same.json`,
      `${folders}/1-Same.nii.gz`,
      `${folders}/1-Same_2.json`,
      `${folders}/1-Same_2.nii.gz`,
    ]);
    await writeFile(join(target, folders, '1-Same.nii.gz'), 'precious');
    const { result, series } = await convert(one, native);
    expect(result).toMatchObject({ ok: false, counts: { verified: 0 } });
    expect(series[0]!.problem).toContain('is there already');
    expect(await readFile(join(target, folders, '1-Same.nii.gz'), 'utf8')).toBe('precious');
  });

  it('counts slices: a series that became fewer is not complete', async () => {
    const study = await folderWith({ series: [{ kind: 'CT', instances: 3, rows: 32 }] });
    // Stands in for a converter that leaves a slice out, as dcm2niix does with images it takes for copies.
    const program = join(folder, 'leaves-one-out');
    await writeFile(
      program,
      '#!/bin/sh\nfor last in "$@"; do :; done\nrm "$(ls -d "$last"/* | head -n 1)"\nexec dcm2niix "$@"\n',
    );
    await chmod(program, 0o755);
    const { result, series } = await convert(study, { program });
    expect(series[0]).toMatchObject({
      instances: 3,
      images: 1,
      problem: expect.stringContaining('only 2 slices'),
    });
    expect(result).toMatchObject({ ok: false, counts: { verified: 0 } });
  });

  it('says that the program is not there', async () => {
    const study = await folderWith({ series: [{ kind: 'CT', instances: 2, rows: 32 }] });
    const { result } = await convert(study, { program: join(folder, 'absent') });
    expect(result).toMatchObject({ ok: false, problem: { code: 'NO_DCM2NIIX' } });
  });

  it('lets no more wait than it may', async () => {
    const study = await folderWith({ series: [{ kind: 'CT', instances: 4, rows: 64 }] });
    const { result } = await convert(study, { ...native, maxWaitingBytes: 20_000 });
    expect(result).toMatchObject({ ok: false, problem: { code: 'NO_SPACE' } });
  });

  it('holds what waits where nobody else may read, and removes it', async () => {
    const { source, studyInstanceUid } = await folderWith({
      series: [{ kind: 'CT', instances: 2, rows: 32 }],
    });
    await mkdir(target, { mode: 0o755 });
    const sink = createNiftiSink(target, native);
    for await (const instance of createFolderSource(source).retrieve({ studyInstanceUid })) {
      expect(await sink.store(instance)).toEqual({ state: 'stored' });
    }
    const [waiting] = await readdir(target);
    expect((await stat(join(target, waiting!))).mode & 0o777).toBe(0o700);
    expect(await names()).toEqual([]);
    await sink[Symbol.asyncDispose]();
    expect(await readdir(target)).toEqual([]);
  });

  it('stops a conversion that nobody wants any more', async () => {
    const { source, studyInstanceUid } = await folderWith({
      series: [{ kind: 'CT', instances: 2, rows: 32 }],
    });
    const program = join(folder, 'never-ends');
    await writeFile(program, '#!/bin/sh\nexec sleep 60\n');
    await chmod(program, 0o755);
    for (const how of [{ program }, {}]) {
      await using sink = createNiftiSink(target, how);
      for await (const instance of createFolderSource(source).retrieve({ studyInstanceUid })) {
        await sink.store(instance);
      }
      const stop = new AbortController();
      const verifying = sink.verify({ studyInstanceUid, instances: [] }, { signal: stop.signal });
      setTimeout(() => stop.abort(new Error('enough')), 50);
      await expect(verifying).rejects.toThrow('enough');
    }
  });
});
