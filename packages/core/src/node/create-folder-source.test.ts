import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberOf, textOf, textsOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { encodeDataset } from '../data/dataset.ts';
import { encodeFileMeta, writePart10 } from '../data/part10.ts';
import { Tags } from '../data/tags.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import type { Query } from '../query/types.ts';
import { type SyntheticInstance, syntheticInstance, syntheticStudy } from '../synthetic/index.ts';
import type { DicomInstance, RetrieveFailure, Selection } from '../transfer/types.ts';
import { createFolderSource, type FolderSource } from './create-folder-source.ts';
import type { SkippedFile } from './file-index.ts';
import { readDicomFile } from './read-dicom-file.ts';
import { walkFiles } from './walk-files.ts';

const head = syntheticStudy({
  seed: 'head',
  patient: { id: 'P1', name: 'Müller^Jörg' },
  study: { date: '20240115', description: 'Schädel' },
  series: [
    { kind: 'CT', instances: 3, rows: 512 },
    { kind: 'SR' },
    { kind: 'MR', rows: 32, transferSyntaxUid: TransferSyntax.DeflatedExplicitVrLittleEndian },
  ],
});
const trunk = syntheticStudy({
  seed: 'trunk',
  patient: { id: 'P1', name: 'Müller^Jörg' },
  study: { date: '20240220' },
  series: [{ kind: 'CT', rows: 32, transferSyntaxUid: TransferSyntax.ExplicitVrBigEndian }],
});
const other = syntheticStudy({
  seed: 'other',
  patient: { id: 'P2', name: 'Yamada^Tarou=山田^太郎=やまだ^たろう' },
  series: [{ kind: 'US', rows: 32, transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian }],
});
const all = [...head, ...trunk, ...other];

const studyOf = (instances: readonly SyntheticInstance[]) =>
  textOf(instances[0]!.attributes, 'StudyInstanceUID')!;
const seriesOf = (instance: SyntheticInstance) => textOf(instance.attributes, 'SeriesInstanceUID')!;
const sops = (instances: readonly DicomInstance[]) =>
  instances.map(({ sopInstanceUid }) => sopInstanceUid).sort();

async function bytesOf(dataset: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const array: T[] = [];
  for await (const item of items) array.push(item);
  return array;
}

describe('createFolderSource', () => {
  let folder: string;
  let source: FolderSource;
  const skipped: SkippedFile[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adit-source-'));
    await mkdir(join(folder, 'deep/er'), { recursive: true });
    for (const [i, instance] of all.entries()) {
      await writeFile(join(folder, i % 2 ? 'deep/er' : '', `file ${i}`), writePart10(instance));
    }
    await writeFile(join(folder, 'a text.txt'), 'This is not DICOM. '.repeat(100));
    await writeFile(join(folder, 'empty.dcm'), '');
    await writeFile(join(folder, 'z copy.dcm'), writePart10(head[0]!));
    await writeFile(join(folder, '.half.part'), 'being written');
    await symlink('..', join(folder, 'deep', 'loop'));
    source = createFolderSource(folder, { onSkipped: (file) => skipped.push(file) });
  });

  afterAll(() => rm(folder, { recursive: true }));

  const find = (level: Query['level'], keys: Query['keys'] = {}, limit?: number): Promise<Attributes[]> =>
    toArray(source.find({ level, keys, ...(limit === undefined ? {} : { limit }) }));
  const texts = (found: readonly Attributes[], key: string) =>
    found.map((match) => textOf(match, key)).sort();

  async function retrieve(selection: Selection) {
    const received: string[] = [];
    const failures: RetrieveFailure[] = [];
    for await (const instance of source.retrieve(selection, { onFailure: (one) => failures.push(one) })) {
      const original = all.find(({ sopInstanceUid }) => sopInstanceUid === instance.sopInstanceUid)!;
      const { sopClassUid, transferSyntaxUid } = original;
      const bytes = await bytesOf(original.dataset);
      expect(instance).toMatchObject({ sopClassUid, transferSyntaxUid, byteLength: bytes.length });
      expect((await bytesOf(instance.dataset)).equals(bytes)).toBe(true);
      received.push(instance.sopInstanceUid);
    }
    return { received: received.sort(), failures };
  }

  it('finds patients, studies, series and instances', async () => {
    const patients = await find('PATIENT');
    expect(texts(patients, 'PatientID')).toEqual(['P1', 'P2']);
    expect(numberOf(patients[0]!, 'NumberOfPatientRelatedStudies')).toBe(2);

    const [study, ...more] = await find('STUDY', { PatientName: 'müller*', StudyDate: '-20240131' });
    expect(more).toEqual([]);
    expect(textOf(study!, 'StudyDescription')).toBe('Schädel');
    expect(textsOf(study!, 'ModalitiesInStudy')).toEqual(['CT', 'MR', 'SR']);
    expect(numberOf(study!, 'NumberOfStudyRelatedSeries')).toBe(3);
    expect(numberOf(study!, 'NumberOfStudyRelatedInstances')).toBe(5);

    const series = await find('SERIES', { StudyInstanceUID: studyOf(head), Modality: 'CT\\SR' });
    expect(texts(series, 'Modality')).toEqual(['CT', 'SR']);
    expect(texts(series, 'StudyInstanceUID')).toEqual([studyOf(head), studyOf(head)]);
    expect(series.map((one) => numberOf(one, 'NumberOfSeriesRelatedInstances')).sort()).toEqual([1, 3]);

    const images = await find('IMAGE', { SeriesInstanceUID: seriesOf(head[0]!) });
    expect(texts(images, 'SOPInstanceUID')).toEqual(sops(head.slice(0, 3)));
    expect(texts(images, 'InstanceNumber')).toEqual(['1', '2', '3']);
    expect(texts(images, 'SOPClassUID')).toEqual(head.slice(0, 3).map(({ sopClassUid }) => sopClassUid));
    expect(texts(images, 'PatientID')).toEqual(['P1', 'P1', 'P1']);
  });

  it('returns what was asked for, and nothing below the level', async () => {
    const [study] = await find('STUDY', { StudyInstanceUID: studyOf(head), ReferringPhysicianName: '' });
    expect(textOf(study!, 'ReferringPhysicianName')).toBe('Referring^Physician');
    expect(textOf(study!, 'SeriesInstanceUID')).toBeUndefined();
    expect(textOf(study!, 'Modality')).toBeUndefined();
  });

  it('matches by attributes that are only in the files', async () => {
    expect(texts(await find('SERIES', { BodyPartExamined: 'CHEST', Modality: 'US' }), 'PatientID')).toEqual([
      'P2',
    ]);
    expect(await find('SERIES', { BodyPartExamined: 'FOOT' })).toEqual([]);
    expect(await find('IMAGE', { Rows: '512' })).toHaveLength(3);
  });

  it('keeps to the limit and knows attributes', async () => {
    expect(await find('IMAGE', {}, 4)).toHaveLength(4);
    expect(await find('IMAGE', {}, 0)).toEqual([]);
    await expect(find('STUDY', { PatientShoeSize: '43' })).rejects.toMatchObject({ code: 'INVALID_QUERY' });
  });

  it('retrieves a study, series and instances byte for byte', async () => {
    for (const study of [head, trunk, other]) {
      expect(await retrieve({ studyInstanceUid: studyOf(study) })).toEqual({
        received: sops(study),
        failures: [],
      });
    }
    const study = { studyInstanceUid: studyOf(head) };
    expect((await retrieve({ ...study, seriesInstanceUids: [seriesOf(head[3]!)] })).received).toEqual(
      sops([head[3]!]),
    );
    expect((await retrieve({ ...study, excludeModalities: ['CT', 'SR'] })).received).toEqual(
      sops([head[4]!]),
    );
    const { received, failures } = await retrieve({
      ...study,
      sopInstanceUids: [...sops([head[1]!]), '1.2.3'],
    });
    expect(received).toEqual(sops([head[1]!]));
    expect(failures).toMatchObject([{ sopInstanceUid: '1.2.3', retryable: false }]);
  });

  it('says that it does not hold a study', async () => {
    await expect(retrieve({ studyInstanceUid: '1.2.3' })).rejects.toMatchObject({ code: 'STUDY_NOT_FOUND' });
  });

  it('reports files that are not part of it', () => {
    expect(skipped.map(({ path, code }) => [path.slice(folder.length + 1), code]).sort()).toEqual([
      ['a text.txt', 'NOT_DICOM'],
      ['empty.dcm', 'NOT_DICOM'],
      ['z copy.dcm', 'DUPLICATE'],
    ]);
  });

  it('refuses what nobody reads, and goes on after what was left early', async () => {
    const unread: DicomInstance[] = [];
    const read: string[] = [];
    for await (const instance of source.retrieve({ studyInstanceUid: studyOf(head) })) {
      if (unread.length === 0) unread.push(instance);
      else {
        for await (const _ of instance.dataset) break;
        read.push(instance.sopInstanceUid);
      }
    }
    expect(read).toHaveLength(head.length - 1);
    await expect(bytesOf(unread[0]!.dataset)).rejects.toMatchObject({ code: 'NOT_READ' });
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      const { signal } = controller;
      for await (const instance of source.retrieve({ studyInstanceUid: studyOf(head) }, { signal })) {
        await bytesOf(instance.dataset);
        controller.abort(reason);
      }
    };
    await expect(read()).rejects.toBe(reason);
    const aborted = { signal: AbortSignal.abort(reason) };
    await expect(
      toArray(createFolderSource(folder).find({ level: 'STUDY', keys: {} }, aborted)),
    ).rejects.toBe(reason);
  });

  it('closes every file it opens', async () => {
    const open = async () => (await readdir('/proc/self/fd')).length;
    await toArray(source.find({ level: 'STUDY', keys: {} }));
    const before = await open();
    for await (const instance of source.retrieve({ studyInstanceUid: studyOf(head) })) {
      for await (const _ of instance.dataset) break;
    }
    for await (const instance of source.retrieve({ studyInstanceUid: studyOf(head) })) {
      await instance.dataset[Symbol.asyncIterator]().next();
      break;
    }
    await expect.poll(open).toBeLessThanOrEqual(before);
  });

  it('says that a file has gone or was cut, without naming it', async () => {
    const own = await mkdtemp(join(tmpdir(), 'adit-source-'));
    const [path, instance] = [join(own, 'Doe^John.dcm'), syntheticInstance({ kind: 'CT', rows: 512 })];
    await writeFile(path, writePart10(instance));
    const gone = createFolderSource(own);
    expect(await toArray(gone.find({ level: 'STUDY', keys: {} }))).toHaveLength(1);
    await rename(path, `${path}.moved`);
    const studyInstanceUid = textOf(instance.attributes, 'StudyInstanceUID')!;
    for await (const one of gone.retrieve({ studyInstanceUid })) {
      const error: Error = await bytesOf(one.dataset).then(
        () => new Error('read'),
        (thrown: Error) => thrown,
      );
      expect(error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(own) });
      expect(`${error.message}${String(error.cause)}`).not.toContain('Doe');
    }
    await rm(own, { recursive: true });
  });
});

describe('walkFiles', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adit-walk-'));
    await mkdir(join(folder, 'b/c'), { recursive: true });
    for (const name of ['a', 'b/2', 'b/1', 'b/c/3', 'z', '.x.part']) await writeFile(join(folder, name), '');
    await symlink('../a', join(folder, 'b', 'link'));
    await symlink('nowhere', join(folder, 'dangling'));
    await symlink('.', join(folder, 'loop'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('gives files in the order of their names, each folder once', async () => {
    const files = (await toArray(walkFiles(folder))).map((path) => path.slice(folder.length + 1));
    expect(files).toEqual(['a', 'b/1', 'b/2', 'b/c/3', 'b/link', 'z']);
    expect(await toArray(walkFiles(join(folder, 'a')))).toEqual([join(folder, 'a')]);
  });

  it('says that a folder does not exist or may not be read', async () => {
    const missing = join(folder, 'missing');
    await expect(toArray(walkFiles(missing))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(missing),
    });
    const closed = join(folder, 'closed');
    await mkdir(closed);
    await chmod(closed, 0);
    const wasRoot = process.geteuid?.() === 0;
    await chmod(folder, 0o755);
    if (wasRoot) process.seteuid!(65_534);
    try {
      await expect(toArray(walkFiles(folder))).rejects.toMatchObject({ code: 'NOT_READABLE' });
    } finally {
      if (wasRoot) process.seteuid!(0);
      await chmod(closed, 0o755);
      await rm(closed, { recursive: true });
    }
  });
});

describe('readDicomFile', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adit-read-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reads a header, and the data set as often as it is asked for', async () => {
    const path = join(folder, 'a.dcm');
    await writeFile(path, writePart10(head[0]!));
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength } = head[0]!;
    for (let i = 0; i < 2; i++) {
      const file = await readDicomFile(path);
      expect(file).toMatchObject({ sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength });
      expect(textOf(file.attributes, 'PatientName')).toBe('Müller^Jörg');
      expect(textOf(file.attributes, 'SeriesInstanceUID')).toBe(seriesOf(head[0]!));
      expect((await bytesOf(file.dataset)).equals(await bytesOf(head[0]!.dataset))).toBe(true);
    }
    const { attributes } = await readDicomFile(path, { tags: [Tags.Rows] });
    expect(Object.keys(attributes)).toEqual(['00280010']);
  });

  it.each([0, 15_000, 16_000, 16_384, 100_000, 2_000_000])(
    'reads a header with a value of %i bytes in it',
    async (length) => {
      const { sopClassUid, sopInstanceUid } = head[0]!;
      const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
      const attributes: Attributes = {
        '00080018': { vr: 'UI', Value: [sopInstanceUid] },
        '00090010': { vr: 'LO', Value: ['ADIT TEST'] },
        '00091001': { vr: 'OB', InlineBinary: Buffer.alloc(length, 7).toString('base64') },
        '00100020': { vr: 'LO', Value: ['P1'] },
        '00200013': { vr: 'IS', Value: [5] },
      };
      const bytes = encodeDataset(attributes, { transferSyntaxUid });
      const meta = encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid });
      const path = join(folder, `value of ${length}`);
      await writeFile(path, Buffer.concat([meta, bytes]));
      for (const tags of [[Tags.PatientID], [Tags.PatientID, Tags.PixelData]]) {
        const file = await readDicomFile(path, { tags });
        expect(file).toMatchObject({ sopClassUid, sopInstanceUid, transferSyntaxUid });
        expect(file).toMatchObject({ byteLength: bytes.length, datasetOffset: meta.length });
        expect(file.attributes).toEqual({ '00100020': { vr: 'LO', Value: ['P1'] } });
      }
    },
  );

  it('reads files without preamble or meta information', async () => {
    const path = join(folder, 'bare');
    await writeFile(path, head[0]!.dataset);
    const file = await readDicomFile(path);
    expect(file.sopInstanceUid).toBe(head[0]!.sopInstanceUid);
    expect((await bytesOf(file.dataset)).equals(await bytesOf(head[0]!.dataset))).toBe(true);
  });

  it('calls what is no DICOM file so', async () => {
    const path = join(folder, 'text');
    await writeFile(path, 'Once upon a time. '.repeat(1_000));
    await expect(readDicomFile(path)).rejects.toMatchObject({ code: 'NOT_DICOM' });
    const cut = join(folder, 'cut.dcm');
    await writeFile(cut, writePart10(head[0]!));
    await truncate(cut, 400);
    await expect(readDicomFile(cut)).rejects.toMatchObject({ code: 'TRUNCATED' });
  });
});
