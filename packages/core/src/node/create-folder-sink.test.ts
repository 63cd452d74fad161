import { execFile, execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textOf } from '../data/attribute-access.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import { syntheticInstance, syntheticStudy } from '../synthetic/index.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { createFolderSink, type FolderSink } from './create-folder-sink.ts';
import { createFolderSource } from './create-folder-source.ts';
import { walkFiles } from './walk-files.ts';

const run = promisify(execFile);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-sink-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** All files below the folder, hidden ones included. */
async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

const storeAll = (sink: FolderSink, instances: readonly DicomInstance[]) =>
  Promise.all(instances.map((instance) => sink.store(instance)));

const ct = (options: Partial<Parameters<typeof syntheticInstance>[0]> = {}) =>
  syntheticInstance({ kind: 'CT', rows: 32, patient: { id: 'P1', name: 'Doe^John' }, ...options });

/** An instance whose data set is something else. */
const withDataset = (instance: DicomInstance, dataset: () => AsyncGenerator<Uint8Array>): DicomInstance => ({
  ...instance,
  dataset: { [Symbol.asyncIterator]: dataset },
});

describe('createFolderSink', () => {
  it('writes files that DCMTK reads, in folders by patient, study and series', async () => {
    const instances = syntheticStudy({
      patient: { id: 'P1', name: 'Müller^Jörg' },
      study: { date: '20240115', time: '101500' },
      series: [
        { kind: 'CT', instances: 2, rows: 32, description: 'Head / native' },
        { kind: 'MR', rows: 32, transferSyntaxUid: TransferSyntax.RleLossless },
        { kind: 'SR', description: '' },
      ],
    });
    const sink = createFolderSink(join(folder, 'new'), { modalitiesOf: () => ['MR', 'CT', 'SR'] });
    expect(await storeAll(sink, instances)).toEqual(Array(4).fill({ state: 'stored' }));

    const [first, second, mr, sr] = instances.map(({ sopInstanceUid }) => sopInstanceUid);
    const study = 'new/P1/20240115-101500-CT,MR,SR';
    expect(await filesIn(folder)).toEqual(
      [
        `${study}/1-Head _ native/${first}.dcm`,
        `${study}/1-Head _ native/${second}.dcm`,
        `${study}/2-Synthetic MR/${mr}.dcm`,
        `${study}/3-Undefined/${sr}.dcm`,
      ].sort(),
    );
    for await (const path of walkFiles(folder)) {
      // Fails when the file is no valid Part 10 file.
      await run('dcmftest', [path]);
      const { stdout } = await run('dcmdump', [
        '-q',
        '+P',
        'TransferSyntaxUID',
        '+P',
        'SOPInstanceUID',
        path,
      ]);
      expect(stdout).toContain(path.split('/').at(-1)!.replace('.dcm', ''));
    }
  });

  it('writes all files into the folder itself when it is to be flat', async () => {
    const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 2, rows: 32 }, { kind: 'SR' }] });
    await storeAll(createFolderSink(folder, { layout: 'flat' }), instances);
    expect(await filesIn(folder)).toEqual(
      instances.map(({ sopInstanceUid }) => `${sopInstanceUid}.dcm`).sort(),
    );
  });

  it('writes the data set byte for byte, in blocks of any size', async () => {
    const large = ct({ rows: 2048 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of large.dataset) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    for (const [i, size] of [1_000, 65_536, 3_000_000].entries()) {
      const target = join(folder, String(i));
      const instance = withDataset(large, async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      });
      await createFolderSink(target).store(instance);
      const [path] = await filesIn(target);
      const file = await readFile(join(target, path!));
      expect(file.subarray(-bytes.length).equals(bytes)).toBe(true);
    }
  });

  it('says that the same file is there already', async () => {
    expect(await createFolderSink(folder).store(ct())).toEqual({ state: 'stored' });
    const sink = createFolderSink(folder);
    expect(await sink.store(ct())).toEqual({ state: 'present' });
    expect(await sink.store(ct())).toEqual({ state: 'present' });
    expect(await filesIn(folder)).toHaveLength(1);
  });

  it('never replaces a file that is different', async () => {
    const sink = createFolderSink(folder);
    await sink.store(ct({ patient: { id: 'P1', name: 'Doe^John' } }));
    const [path] = await filesIn(folder);
    const before = await readFile(join(folder, path!));
    const outcome = await sink.store(ct({ patient: { id: 'P1', name: 'Doe^Jane' } }));
    expect(outcome).toMatchObject({ state: 'failed', message: expect.stringContaining(folder) });
    expect(outcome.retryable ?? false).toBe(false);
    expect(outcome.message).not.toContain('P1');
    expect(await filesIn(folder)).toEqual([path]);
    expect(await readFile(join(folder, path!))).toEqual(before);
  });

  it('keeps one of two that come at once under the same UID', async () => {
    const sink = createFolderSink(folder);
    const outcomes = await storeAll(sink, [ct(), ct(), ct({ patient: { id: 'P1', name: 'Doe^Jane' } })]);
    const states = outcomes.map(({ state }) => state);
    expect(states.filter((state) => state === 'stored')).toHaveLength(1);
    expect(states.filter((state) => state === 'failed').length).toBeGreaterThan(0);
    expect(await filesIn(folder)).toHaveLength(1);
  });

  it('keeps patients, studies and series of the same names apart, in later runs as well', async () => {
    const same = { date: '', time: '' };
    const instances = [
      ct({ seed: 'a', patient: { id: 'A/B' }, study: same, description: 'x' }),
      ct({ seed: 'b', patient: { id: 'A:B' }, study: same, description: 'x' }),
      ct({ seed: 'c', patient: { id: 'A:B' }, study: same, description: 'x' }),
      ct({
        seed: 'c',
        patient: { id: 'A:B' },
        study: same,
        description: 'x',
        instanceNumber: 2,
        instances: 2,
      }),
    ];
    const expected = [
      `A_B/nodate-notime/1-x/${instances[0]!.sopInstanceUid}.dcm`,
      `A_B_2/nodate-notime/1-x/${instances[1]!.sopInstanceUid}.dcm`,
      `A_B_2/nodate-notime_2/1-x/${instances[2]!.sopInstanceUid}.dcm`,
      `A_B_2/nodate-notime_2/1-x/${instances[3]!.sopInstanceUid}.dcm`,
    ].sort();
    for (const order of [instances, instances.toReversed()]) {
      // A sink for each, as if the program had been started again.
      for (const instance of order) {
        expect((await createFolderSink(folder).store(instance)).state).not.toBe('failed');
      }
      expect(await filesIn(folder)).toEqual(expected);
    }
  });

  it('keeps two series of one number and description apart', async () => {
    const [one, other] = [1, 2].map((seriesNumber) =>
      ct({ seriesNumber, attributes: { '00200011': { vr: 'IS', Value: [7] } } }),
    );
    await storeAll(createFolderSink(folder), [one!, other!]);
    const series = (await filesIn(folder)).map((path) => path.split('/')[2]);
    expect(series.sort()).toEqual(['7-Synthetic CT', '7-Synthetic CT_2']);
  });

  it('leaves nothing behind when reading fails, and passes the error on', async () => {
    const instance = ct({ rows: 512 });
    const broken = withDataset(instance, async function* () {
      for await (const chunk of instance.dataset) {
        yield chunk;
        throw new Error('source cut');
      }
    });
    await expect(createFolderSink(folder).store(broken)).rejects.toThrow('source cut');
    expect(await filesIn(folder)).toEqual([]);
  });

  it('stops when it is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const instance = ct({ rows: 512 });
    const aborting = withDataset(instance, async function* () {
      for await (const chunk of instance.dataset) {
        for (let at = 0; at < chunk.length; at += 10_000) yield chunk.subarray(at, at + 10_000);
        controller.abort(reason);
      }
      yield new Uint8Array(2);
    });
    await expect(createFolderSink(folder).store(aborting, { signal: controller.signal })).rejects.toBe(
      reason,
    );
    expect(await filesIn(folder)).toEqual([]);
  });

  it('shows a file only when it is complete', async () => {
    const instance = ct({ rows: 512 });
    const seen: string[][] = [];
    const watched = withDataset(instance, async function* () {
      for await (const chunk of instance.dataset) {
        yield chunk;
        const visible: string[] = [];
        for await (const path of walkFiles(folder)) visible.push(path);
        seen.push(visible);
      }
    });
    await createFolderSink(folder).store(watched);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.flat()).toEqual([]);
  });

  it('says that no space is left', async ({ skip }) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      return skip('mounting a small file system is not permitted');
    }
    try {
      const sink = createFolderSink(folder);
      expect(await sink.store(ct({ rows: 512 }))).toEqual({ state: 'stored' });
      await expect(sink.store(ct({ seed: 'big', rows: 2048 }))).rejects.toMatchObject({
        code: 'NO_SPACE',
        retryable: false,
        message: expect.stringContaining(folder),
      });
      expect(await filesIn(folder)).toHaveLength(1);
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it('says that the folder may not be written to, without naming patients', async () => {
    await createFolderSink(folder).store(ct({ patient: { id: 'SECRET' } }));
    await chmod(folder, 0o755);
    await withoutPrivileges(async () => {
      for (const id of ['SECRET', 'ANOTHER']) {
        let left = false;
        const instance = ct({ seed: id, patient: { id } });
        const watched = withDataset(instance, async function* () {
          try {
            yield* instance.dataset;
          } finally {
            left = true;
          }
        });
        const error: Error = await createFolderSink(folder)
          .store(watched)
          .then(() => new Error('stored'))
          .catch((one: Error) => one);
        expect(error).toMatchObject({ code: 'NOT_WRITABLE', retryable: false });
        expect(JSON.stringify([error.message, String(error.cause)])).not.toMatch(/SECRET|ANOTHER/);
        expect(left).toBe(true);
      }
    });
  });

  it('says that a folder cannot be made', async ({ skip }) => {
    if (process.platform !== 'linux') return skip('/proc is a thing of Linux');
    await expect(createFolderSink('/proc/adit/x').store(ct())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('says that a file is where a folder is needed', async () => {
    await writeFile(join(folder, 'P1'), 'a file');
    await expect(createFolderSink(folder).store(ct())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('verifies what it stored by reading it again', async () => {
    const instances = [1, 2, 3, 4].map((instanceNumber) => ct({ instances: 4, instanceNumber }));
    const sink = createFolderSink(folder);
    await storeAll(sink, instances);
    const study = {
      studyInstanceUid: textOf(instances[0]!.attributes, 'StudyInstanceUID')!,
      instances: instances.map(({ sopInstanceUid, byteLength }) => ({ sopInstanceUid, bytes: byteLength! })),
    };
    expect(await sink.verify(study)).toEqual({ verification: 'reread', verified: 4, missing: [] });

    const pathOf = async (i: number) => {
      const paths = await filesIn(folder);
      return join(folder, paths.find((path) => path.includes(instances[i]!.sopInstanceUid))!);
    };
    const flipped = await pathOf(0);
    const bytes = await readFile(flipped);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(flipped, bytes);
    await truncate(await pathOf(1), (await stat(await pathOf(1))).size - 2);
    await rm(await pathOf(2));
    const uids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
    const missing = uids.slice(0, 3);
    expect(await sink.verify(study)).toEqual({ verification: 'reread', verified: 1, missing });
    // What an earlier sink stored has to be there whole; what each of its bytes was, nobody knows any more.
    expect(await createFolderSink(folder).verify(study)).toEqual({
      verification: 'reread',
      verified: 2,
      missing: uids.slice(1, 3),
    });
  });

  it('writes what a folder source reads again, byte for byte', async () => {
    const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 3, rows: 64 }, { kind: 'SR' }] });
    await storeAll(createFolderSink(folder), instances);
    const studyInstanceUid = textOf(instances[0]!.attributes, 'StudyInstanceUID')!;
    const sink = createFolderSink(join(folder, 'copy'));
    for await (const instance of createFolderSource(folder).retrieve({ studyInstanceUid })) {
      expect(await sink.store(instance)).toEqual({ state: 'stored' });
    }
    const originals = (await filesIn(folder)).filter((path) => !path.startsWith('copy'));
    expect((await filesIn(join(folder, 'copy'))).sort()).toEqual(originals.sort());
    for (const path of originals) {
      expect(await readFile(join(folder, 'copy', path))).toEqual(await readFile(join(folder, path)));
    }
  });
});

/** Root may write everywhere: does something as somebody who may not. */
async function withoutPrivileges(work: () => Promise<void>): Promise<void> {
  const wasRoot = process.geteuid?.() === 0;
  if (wasRoot) process.seteuid!(65_534);
  else await chmod(folder, 0o555);
  try {
    await work();
  } finally {
    if (wasRoot) process.seteuid!(0);
    else await chmod(folder, 0o755);
  }
}
