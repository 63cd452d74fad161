import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  decodeDataset,
  type QueryLevel,
  readPart10,
  SopClass,
  Tags,
  TransferSyntax,
  textOf,
  textsOf,
  writePart10,
} from '@adit/core';
import { type SyntheticInstance, syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../connect.ts';
import { createDimseClient } from '../dimse-client.ts';
import { createDimseSink } from '../dimse-sink.ts';
import type { DimseNode } from '../node.ts';
import { runDcmtk } from '../testing/dcmtk.ts';
import { type ArchiveScp, createArchiveScp } from './create-archive-scp.ts';

const AE_TITLE = 'ARCHIVE';

let root: string;
let folder: string;
let archive: ArchiveScp;
let node: DimseNode;

async function start(): Promise<void> {
  archive = await createArchiveScp({ folder, aeTitle: AE_TITLE });
  node = { aeTitle: AE_TITLE, host: '127.0.0.1', port: archive.port };
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'adit-archive-'));
  folder = join(root, 'archive');
  await start();
});

afterEach(async () => {
  await archive.close();
  await rm(root, { recursive: true });
});

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function readInstance(path: string): Promise<DicomInstance> {
  const bytes = await readFile(path);
  return readPart10(
    (async function* () {
      yield bytes;
    })(),
  );
}

async function datasetOf(path: string): Promise<Buffer> {
  return bytesOf((await readInstance(path)).dataset);
}

/** Paths of all files in a folder, in order. */
async function filesIn(where: string): Promise<string[]> {
  const entries = await readdir(where, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(where, join(entry.parentPath, entry.name)))
    .sort();
}

async function saveAll(instances: readonly SyntheticInstance[]): Promise<string[]> {
  const place = await mkdtemp(join(root, 'files-'));
  return Promise.all(
    instances.map(async (instance) => {
      const path = join(place, instance.sopInstanceUid);
      await writeFile(path, writePart10(instance));
      return path;
    }),
  );
}

async function storeAll(instances: readonly DicomInstance[]): Promise<void> {
  for (const instance of instances) {
    expect(await archive.archive.store(instance)).toMatchObject({ state: 'stored' });
  }
}

/** Runs a tool of DCMTK against the archive. */
function dcmtk(tool: string, options: readonly string[], files: readonly string[] = []) {
  return runDcmtk(tool, ['-v', '-aec', AE_TITLE, ...options, '127.0.0.1', String(node.port), ...files]);
}

function keyOptions(level: QueryLevel, keys: readonly string[]): string[] {
  return [`QueryRetrieveLevel=${level}`, ...keys].flatMap((key) => ['-k', key]);
}

/** Asks by findscu and reads the answers from the files it writes. */
async function findscu(model: '-P' | '-S', level: QueryLevel, ...keys: string[]): Promise<Attributes[]> {
  const place = await mkdtemp(join(root, 'find-'));
  const { exitCode } = await dcmtk('findscu', [model, '-X', '-od', place, ...keyOptions(level, keys)]);
  expect(exitCode).toBe(0);
  return Promise.all(
    (await readdir(place)).sort().map(async (name) => {
      const { dataset, transferSyntaxUid } = await readInstance(join(place, name));
      return decodeDataset(await bytesOf(dataset), { transferSyntaxUid });
    }),
  );
}

/** Retrieves by getscu; gives the files' data sets by SOP Instance UID. */
async function getscu(options: readonly string[], level: QueryLevel, ...keys: string[]) {
  const place = await mkdtemp(join(root, 'get-'));
  const { output } = await dcmtk('getscu', [...options, '+B', '-od', place, ...keyOptions(level, keys)]);
  const datasets = new Map<string, Buffer>();
  for (const name of await readdir(place)) {
    const instance = await readInstance(join(place, name));
    datasets.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
  }
  return { output, datasets };
}

const studyUidOf = (study: readonly SyntheticInstance[]) => textOf(study[0]!.attributes, 'StudyInstanceUID')!;

describe('archive SCP with DCMTK', () => {
  it('answers echoscu', async () => {
    expect((await dcmtk('echoscu', [])).exitCode).toBe(0);
    expect((await runDcmtk('echoscu', ['-aec', 'OTHER', '127.0.0.1', String(node.port)])).exitCode).not.toBe(
      0,
    );
  });

  it('keeps what storescu sends, under names that tell nothing of the patient', async () => {
    const study = syntheticStudy({
      patient: { name: 'Secret^Name', id: 'SECRET-ID' },
      series: [{ kind: 'CT', instances: 2, rows: 64 }, { kind: 'SR' }],
    });
    const { output, exitCode } = await dcmtk('storescu', ['-R'], await saveAll(study));
    expect(exitCode, output).toBe(0);

    expect(await filesIn(folder)).toEqual(
      study
        .map(({ attributes, sopInstanceUid }) =>
          join(
            textOf(attributes, 'StudyInstanceUID')!,
            textOf(attributes, 'SeriesInstanceUID')!,
            `${sopInstanceUid}.dcm`,
          ),
        )
        .sort(),
    );
    for (const [index, path] of (await filesIn(folder)).entries()) {
      const stored = await readInstance(join(folder, path));
      const sent = study.find(({ sopInstanceUid }) => sopInstanceUid === stored.sopInstanceUid)!;
      const { transferSyntaxUid } = stored;
      expect(decodeDataset(await bytesOf(stored.dataset), { transferSyntaxUid }), `file ${index}`).toEqual(
        decodeDataset(await bytesOf(sent.dataset), sent),
      );
      expect((await runDcmtk('dcmdump', ['-q', join(folder, path)])).exitCode).toBe(0);
    }
  });

  it('counts and lists at all levels, in both models', async () => {
    await storeAll([
      ...syntheticStudy({
        seed: 'first',
        patient: { id: 'P1' },
        series: [
          { kind: 'CT', instances: 3, rows: 16 },
          { kind: 'MR', instances: 2, rows: 16 },
        ],
      }),
      ...syntheticStudy({ seed: 'second', patient: { id: 'P1' }, series: [{ kind: 'US', rows: 16 }] }),
      ...syntheticStudy({ seed: 'third', patient: { id: 'P2' }, series: [{ kind: 'SR' }] }),
    ]);

    const patients = await findscu(
      '-P',
      'PATIENT',
      'PatientID',
      'NumberOfPatientRelatedStudies',
      'NumberOfPatientRelatedSeries',
      'NumberOfPatientRelatedInstances',
    );
    expect(
      patients.map((answer) => [
        textOf(answer, 'PatientID'),
        textOf(answer, 'NumberOfPatientRelatedStudies'),
        textOf(answer, 'NumberOfPatientRelatedSeries'),
        textOf(answer, 'NumberOfPatientRelatedInstances'),
      ]),
    ).toEqual([
      ['P1', '2', '3', '6'],
      ['P2', '1', '1', '1'],
    ]);

    for (const model of ['-P', '-S'] as const) {
      const studies = await findscu(
        model,
        'STUDY',
        'PatientID=P1',
        'ModalitiesInStudy',
        'SOPClassesInStudy',
        'NumberOfStudyRelatedSeries',
        'NumberOfStudyRelatedInstances',
      );
      expect(
        studies.map((answer) => [
          textsOf(answer, 'ModalitiesInStudy'),
          textsOf(answer, 'SOPClassesInStudy').length,
          textOf(answer, 'NumberOfStudyRelatedSeries'),
          textOf(answer, 'NumberOfStudyRelatedInstances'),
        ]),
      ).toEqual([
        [['CT', 'MR'], 2, '2', '5'],
        [['US'], 1, '1', '1'],
      ]);

      const [ct] = await findscu(
        model,
        'SERIES',
        `StudyInstanceUID=${textOf(studies[0]!, 'StudyInstanceUID')}`,
        'Modality=CT',
        'NumberOfSeriesRelatedInstances',
      );
      expect(textOf(ct!, 'NumberOfSeriesRelatedInstances')).toBe('3');

      const images = await findscu(
        model,
        'IMAGE',
        `StudyInstanceUID=${textOf(studies[0]!, 'StudyInstanceUID')}`,
        `SeriesInstanceUID=${textOf(ct!, 'SeriesInstanceUID')}`,
        'InstanceNumber',
        'SOPClassUID',
        'Rows',
      );
      expect(images.map((answer) => textOf(answer, 'InstanceNumber'))).toEqual(['1', '2', '3']);
      expect(
        images.every((answer) => textOf(answer, 'SOPInstanceUID') && textOf(answer, 'Rows') === '16'),
      ).toBe(true);
    }
  });

  it.each([
    ['a wildcard for an umlaut', 'PatientName=M?ller*', ['A', 'C']],
    ['a name without regard to case', 'PatientName=MULLER*', ['C']],
    ['a range of dates', 'StudyDate=20240101-20240131', ['A', 'B']],
    ['an open range of dates', 'StudyDate=20240201-', ['C']],
    ['a list of UIDs', () => `StudyInstanceUID=${studyUids.A}\\${studyUids.C}`, ['A', 'C']],
    ['a modality of the study', 'ModalitiesInStudy=SR', ['B']],
    ['a key that is not supported, by ignoring it', 'StudyComments=nothing', ['A', 'B', 'C']],
    ['a value that nothing has', 'AccessionNumber=NONE', []],
  ])('matches %s', async (_, key, expected) => {
    await storeThreeStudies();
    const answers = await findscu('-S', 'STUDY', typeof key === 'string' ? key : key(), 'StudyID');
    expect(answers.map((answer) => textOf(answer, 'StudyID')).sort()).toEqual(expected);
  });

  it('matches an umlaut in another character set than that of the objects', async () => {
    await storeThreeStudies();
    const answers = await findscu(
      '-S',
      'STUDY',
      'SpecificCharacterSet=ISO_IR 192',
      'PatientName=Mü*',
      'StudyID',
    );
    expect(answers.map((answer) => textOf(answer, 'StudyID'))).toEqual(['A']);
  });

  let studyUids: Record<string, string>;
  async function storeThreeStudies(): Promise<void> {
    const studies = [
      syntheticStudy({
        seed: 'A',
        patient: { name: 'Müller^Jörg' },
        study: { id: 'A', date: '20240103' },
        series: [{ kind: 'CT', rows: 16 }],
      }),
      syntheticStudy({
        seed: 'B',
        patient: { name: 'Doe^Jane' },
        study: { id: 'B', date: '20240131' },
        series: [{ kind: 'SR' }],
      }),
      syntheticStudy({
        seed: 'C',
        patient: { name: 'Muller^Jorg' },
        study: { id: 'C', date: '20240201' },
        series: [{ kind: 'MR', rows: 16 }],
      }),
    ];
    studyUids = Object.fromEntries(studies.map((study, i) => ['ABC'[i]!, studyUidOf(study)]));
    await storeAll(studies.flat());
  }

  it('answers in the character set of the objects', async () => {
    await storeAll([
      syntheticInstance({
        kind: 'SR',
        patient: { name: 'Yamada^Tarou=山田^太郎=やまだ^たろう' },
        specificCharacterSet: ['', 'ISO 2022 IR 87'],
      }),
    ]);
    const [answer] = await findscu('-P', 'PATIENT', 'PatientName');
    expect(textsOf(answer!, 'SpecificCharacterSet')).toEqual(['', 'ISO 2022 IR 87']);
    expect(textOf(answer!, 'PatientName')).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
  });

  it('gives getscu a study, a series or an image, byte for byte', async () => {
    const study = syntheticStudy({
      series: [
        { kind: 'CT', instances: 3, rows: 64 },
        { kind: 'enhanced-MR', rows: 32, frames: 3 },
      ],
    });
    await storeAll([...study, ...syntheticStudy({ seed: 'other', series: [{ kind: 'CT', rows: 16 }] })]);
    const studyKey = `StudyInstanceUID=${studyUidOf(study)}`;
    const seriesKey = `SeriesInstanceUID=${textOf(study[0]!.attributes, 'SeriesInstanceUID')}`;
    const expectSame = async (datasets: Map<string, Buffer>, instances: readonly SyntheticInstance[]) => {
      expect([...datasets.keys()].sort()).toEqual(
        instances.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
      );
      for (const { sopInstanceUid, dataset } of instances) {
        expect(datasets.get(sopInstanceUid)!.equals(await bytesOf(dataset))).toBe(true);
      }
    };

    await expectSame((await getscu(['-S'], 'STUDY', studyKey)).datasets, study);
    await expectSame((await getscu(['-P'], 'SERIES', studyKey, seriesKey)).datasets, study.slice(0, 3));
    const images = study.slice(1, 3);
    const imageKey = `SOPInstanceUID=${images.map(({ sopInstanceUid }) => sopInstanceUid).join('\\')}`;
    await expectSame((await getscu(['-S'], 'IMAGE', studyKey, seriesKey, imageKey)).datasets, images);
  });

  it('gives getscu all of a patient', async () => {
    await storeAll([
      ...syntheticStudy({ seed: '1', patient: { id: 'P1' }, series: [{ kind: 'SR' }] }),
      ...syntheticStudy({ seed: '2', patient: { id: 'P1' }, series: [{ kind: 'SR' }] }),
      ...syntheticStudy({ seed: '3', patient: { id: 'P2' }, series: [{ kind: 'SR' }] }),
    ]);
    expect((await getscu(['-P'], 'PATIENT', 'PatientID=P1')).datasets.size).toBe(2);
  });

  it('takes and gives objects in a compressed transfer syntax', async () => {
    const instance = syntheticInstance({
      kind: 'CT',
      rows: 64,
      transferSyntaxUid: TransferSyntax.RleLossless,
    });
    const { output, exitCode } = await dcmtk('storescu', ['-R', '-xr'], await saveAll([instance]));
    expect(exitCode, output).toBe(0);
    const [path] = await filesIn(folder);
    expect((await readInstance(join(folder, path!))).transferSyntaxUid).toBe(TransferSyntax.RleLossless);

    await using client = createDimseClient(node);
    const retrieved: Buffer[] = [];
    for await (const { transferSyntaxUid, dataset } of client.retrieve({
      studyInstanceUid: studyUidOf([instance]),
    })) {
      expect(transferSyntaxUid).toBe(TransferSyntax.RleLossless);
      retrieved.push(await bytesOf(dataset));
    }
    expect(retrieved).toEqual([await datasetOf(join(folder, path!))]);

    // Nobody recompresses: a peer that takes native pixels alone is told of a failure.
    const { output: answer } = await getscu(['-S'], 'STUDY', `StudyInstanceUID=${studyUidOf([instance])}`);
    expect(answer).toMatch(/Failed Suboperations\s*: 1/);
  });

  it('refuses a retrieval without the unique key of its level', async () => {
    expect((await getscu(['-S'], 'STUDY', 'PatientID=P1')).output).toContain('DataSetDoesNotMatchSOPClass');
  });
});

describe('archive SCP with our own client', () => {
  it('gives back what it was given, byte for byte, over several associations', async () => {
    const study = syntheticStudy({
      series: [
        { kind: 'CT', instances: 12, rows: 256 },
        {
          kind: 'US-multi-frame',
          rows: 240,
          frames: 20,
          transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian,
        },
        { kind: 'SR' },
      ],
    });
    await using sink = createDimseSink(node);
    await Promise.all(
      study.map(async (instance) => expect(await sink.store(instance)).toMatchObject({ state: 'stored' })),
    );
    expect(archive.archive.size).toBe(study.length);

    await using client = createDimseClient(node);
    const expected = new Map(study.map((instance) => [instance.sopInstanceUid, instance]));
    for await (const { sopInstanceUid, dataset } of client.retrieve({
      studyInstanceUid: studyUidOf(study),
    })) {
      expect((await bytesOf(dataset)).equals(await bytesOf(expected.get(sopInstanceUid)!.dataset))).toBe(
        true,
      );
      expected.delete(sopInstanceUid);
    }
    expect([...expected]).toEqual([]);
  });

  it('finds images by their study', async () => {
    const study = syntheticStudy({ series: [{ kind: 'CT', instances: 5, rows: 16 }] });
    await storeAll(study);
    await using client = createDimseClient(node);
    const found: string[] = [];
    for await (const answer of client.find({
      level: 'IMAGE',
      keys: { StudyInstanceUID: studyUidOf(study) },
    })) {
      found.push(textOf(answer, 'SOPInstanceUID')!);
    }
    expect(found).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid));
  });

  it('answers a question for the PATIENT level of the study root model with A900', async () => {
    await using association = await connect(node, {
      contexts: [
        { abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian] },
      ],
    });
    const identifier = attributesFrom({ QueryRetrieveLevel: 'PATIENT', PatientID: '' });
    const ask = async () => {
      for await (const _ of association.cFind({ sopClassUid: SopClass.StudyRootFind, identifier }));
    };
    await expect(ask()).rejects.toMatchObject({ status: 0xa900 });
  });

  it('keeps no half file when the peer goes away in the middle of an object', async () => {
    const instance = syntheticInstance({ kind: 'US-multi-frame', frames: 8 });
    async function* cut() {
      let sent = 0;
      for await (const chunk of instance.dataset) {
        yield chunk;
        sent += chunk.length;
        if (sent < 3 * 1024 * 1024) continue;
        // Not before the archive has begun to write.
        await expect.poll(() => filesIn(folder), { timeout: 10_000 }).toHaveLength(1);
        throw new Error('source cut');
      }
    }
    await using sink = createDimseSink(node);
    await expect(sink.store({ ...instance, dataset: cut() })).rejects.toThrow('source cut');
    await expect.poll(() => filesIn(folder), { timeout: 10_000 }).toEqual([]);
    expect(archive.archive.size).toBe(0);
  });
});

describe('archive SCP on a full disk', () => {
  /** An archive in a process that may write files up to a size: the rest fails as on a full disk, in mid-object. */
  async function startLimited(limitBytes: number) {
    const script = `
      import { createArchiveScp } from ${JSON.stringify(fileURLToPath(new URL('create-archive-scp.ts', import.meta.url)))};
      const { port } = await createArchiveScp({ folder: process.argv[1], aeTitle: '${AE_TITLE}' });
      console.log(port);
    `;
    const node = [process.execPath, '--conditions=@adit/source', '--input-type=module', '-e', script];
    const limited = join(root, 'limited');
    const child = spawn('sh', ['-c', `ulimit -f ${limitBytes / 512}; exec "$@"`, 'sh', ...node, limited], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    return {
      port: Number(line),
      folder: limited,
      async [Symbol.asyncDispose]() {
        const exited = once(child, 'exit');
        child.kill();
        await exited;
      },
    };
  }

  it('answers A700, keeps no half file, and goes on', async () => {
    await using limited = await startLimited(2 * 1024 * 1024);
    const store = async (instance: SyntheticInstance) => {
      const place = ['-aec', AE_TITLE, '127.0.0.1', String(limited.port)];
      return await runDcmtk('storescu', ['-v', '-R', ...place, ...(await saveAll([instance]))]);
    };
    const tooLarge = await store(syntheticInstance({ kind: 'US-multi-frame', frames: 8 }));
    expect(tooLarge.output).toMatch(/Store Response \(Refused: OutOfResources\)/);
    expect(await filesIn(limited.folder)).toEqual([]);

    const small = syntheticInstance({ kind: 'SR' });
    expect((await store(small)).exitCode).toBe(0);
    expect(await filesIn(limited.folder)).toEqual([expect.stringContaining(small.sopInstanceUid)]);
  });
});

describe('archive', () => {
  it('overwrites an object with the same SOP Instance UID', async () => {
    const first = syntheticInstance({ kind: 'CT', rows: 16, description: 'first' });
    const second = syntheticInstance({ kind: 'CT', rows: 32, description: 'second' });
    expect(second.sopInstanceUid).toBe(first.sopInstanceUid);
    await storeAll([first, second]);
    const files = await filesIn(folder);
    expect(files).toHaveLength(1);
    expect((await datasetOf(join(folder, files[0]!))).equals(await bytesOf(second.dataset))).toBe(true);
    const [answer] = archive.archive.find('SERIES', attributesFrom({ SeriesDescription: '' }));
    expect(textOf(answer!, 'SeriesDescription')).toBe('second');
  });

  it('moves an overwritten object that says another study of itself', async () => {
    const first = syntheticInstance({ kind: 'SR' });
    const moved = syntheticInstance({
      kind: 'SR',
      attributes: attributesFrom({ StudyInstanceUID: '1.2.3', SeriesInstanceUID: '1.2.3.4' }),
    });
    await storeAll([first, moved]);
    expect(await filesIn(folder)).toEqual([join('1.2.3', '1.2.3.4', `${first.sopInstanceUid}.dcm`)]);
    const studies = [...archive.archive.find('STUDY', attributesFrom({ NumberOfStudyRelatedInstances: '' }))];
    expect(studies.map((answer) => textOf(answer, 'StudyInstanceUID'))).toEqual(['1.2.3']);
  });

  it('holds one whole object when the same is stored many times at once', async () => {
    const versions = [16, 300, 32, 512, 64, 128].map((rows) => syntheticInstance({ kind: 'CT', rows }));
    await Promise.all(versions.map((instance) => archive.archive.store(instance)));
    const files = await filesIn(folder);
    expect(files).toHaveLength(1);
    const [kept] = archive.archive.select({});
    const bytes = await bytesOf(kept!.dataset);
    expect(bytes.length).toBe(kept!.byteLength);
    expect(versions.map(({ byteLength }) => byteLength)).toContain(bytes.length);
    expect(bytes.equals(await datasetOf(join(folder, files[0]!)))).toBe(true);
    const [answer] = archive.archive.find('IMAGE', attributesFrom({ Rows: '' }));
    const { Rows } = { Rows: textOf(decodeDataset(bytes, { ...kept!, stopAt: Tags.PixelData }), 'Rows') };
    expect(textOf(answer!, 'Rows')).toBe(Rows);
  });

  it('knows after a restart what it knew before', async () => {
    await storeAll(
      syntheticStudy({
        patient: { name: 'Ångström^Åke' },
        series: [
          { kind: 'CT', instances: 3, rows: 16 },
          { kind: 'enhanced-CT', rows: 16, frames: 200 },
          { kind: 'MR', rows: 16, transferSyntaxUid: TransferSyntax.DeflatedExplicitVrLittleEndian },
          { kind: 'SR', transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian },
        ],
      }),
    );
    const keys = attributesFrom({
      PatientName: '',
      NumberOfStudyRelatedInstances: '',
      ModalitiesInStudy: '',
      Rows: '',
    });
    const answers = () =>
      [...archive.archive.find('IMAGE', keys)].sort((a, b) =>
        textOf(a, 'SOPInstanceUID')!.localeCompare(textOf(b, 'SOPInstanceUID')!),
      );
    const before = answers();
    expect(before).toHaveLength(6);
    await archive.close();
    await start();
    expect(answers()).toEqual(before);
    for (const instance of archive.archive.select({})) {
      expect((await bytesOf(instance.dataset)).length).toBe(instance.byteLength);
    }
  });

  it('serves files under other names and leaves alone what is no DICOM file', async () => {
    const instance = syntheticInstance({ kind: 'CT', rows: 16 });
    await archive.close();
    await mkdir(join(folder, 'from elsewhere'), { recursive: true });
    await rename((await saveAll([instance]))[0]!, join(folder, 'from elsewhere', 'IM0001'));
    await writeFile(join(folder, 'notes.txt'), 'not DICOM');
    await writeFile(join(folder, 'empty'), '');
    await mkdir(join(folder, '.incoming'), { recursive: true });
    await writeFile(join(folder, '.incoming', 'half'), 'of an interrupted run');
    await start();
    expect(archive.archive.size).toBe(1);
    const [served] = archive.archive.select({});
    expect((await bytesOf(served!.dataset)).equals(await bytesOf(instance.dataset))).toBe(true);
    expect(await filesIn(folder)).toEqual(['empty', join('from elsewhere', 'IM0001'), 'notes.txt']);
  });

  it('refuses an object whose UIDs are not those of the command', async () => {
    const instance = syntheticInstance({ kind: 'SR' });
    expect(await archive.archive.store({ ...instance, sopInstanceUid: '1.2.3' })).toMatchObject({
      state: 'failed',
      status: 0xa900,
    });
    expect(await filesIn(folder)).toEqual([]);
  });

  it.each(['../../escape', '1.2.3/../../4', 'not a UID', '.'])('refuses %s as a UID', async (uid) => {
    const instance = syntheticInstance({
      kind: 'SR',
      attributes: { '0020000D': { vr: 'UI', Value: [uid] } },
    });
    expect(await archive.archive.store(instance)).toMatchObject({ state: 'failed', status: 0xc000 });
    expect(await filesIn(root)).toEqual([]);
  });

  it('refuses a data set that cannot be read', async () => {
    const instance = syntheticInstance({ kind: 'SR' });
    const broken = {
      ...instance,
      dataset: (async function* () {
        yield Buffer.from('this is no data set, whatever the command says of it');
      })(),
    };
    expect(await archive.archive.store(broken)).toMatchObject({ state: 'failed', status: 0xc000 });
    expect(await filesIn(folder)).toEqual([]);
  });

  it('fails a retrieval of a file that was replaced behind its back', async () => {
    const instance = syntheticInstance({ kind: 'SR' });
    await storeAll([instance]);
    const [served] = archive.archive.select({});
    await writeFile(join(folder, (await filesIn(folder))[0]!), 'something else');
    await expect(bytesOf(served!.dataset)).rejects.toThrow('replaced');
  });
});
