import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attributesFrom, TransferSyntax } from '@adit/core';
import { type SyntheticStudyOptions, syntheticStudy } from '@adit/core/synthetic';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type AditSummary,
  adit,
  createTempFolder,
  dataSetOf,
  filesBelow,
  freePort,
  loadInstances,
  mustRun,
  type Orthanc,
  pixelDigestsOf,
  startOrthanc,
  startStorescp,
  storescu,
  type TempFolder,
  textValuesOf,
} from './support/index.ts';

/*
 * The main job with everything real: a stock Orthanc, our command as a process of its own, another stock Orthanc. What
 * arrived is judged by DCMTK and by bytes.
 */

/** Elements of a manufacturer, with a name hidden in one of them. */
const privateElements = attributesFrom({
  '00290010': { vr: 'LO', Value: ['ADIT TEST'] },
  '00291001': { vr: 'LO', Value: ['Größenwahn^Käthe'] },
  '00291002': { vr: 'OB', InlineBinary: 'AAECAwQFBgc=' },
});

const generated: readonly (SyntheticStudyOptions & { name: string })[] = [
  {
    name: 'Latin-1 umlauts, private elements and a report that names the patient',
    patient: { id: 'PAT-4711-Ä', name: 'Größenwahn^Käthe', birthDate: '19391103' },
    study: { accessionNumber: 'ACC998877', referringPhysicianName: 'Überwald^Jörg' },
    series: [
      { kind: 'CT', instances: 4, rows: 64, attributes: privateElements },
      { kind: 'SR', findings: 'Größenwahn Käthe shows nothing of note.' },
    ],
  },
  {
    name: 'Japanese names by ISO 2022 code extensions',
    patient: { id: 'JP-0001-77', name: 'Yamada^Tarou=山田^太郎=やまだ^たろう', birthDate: '19551231' },
    specificCharacterSet: ['', 'ISO 2022 IR 87'],
    series: [{ kind: 'MR', instances: 3, rows: 64 }],
  },
  {
    name: 'UTF-8, enhanced multi-frame and ultrasound clips',
    patient: { id: 'Пациент-12', name: 'Люкceмбypг^Ядвига', birthDate: '20010203' },
    specificCharacterSet: ['ISO_IR 192'],
    series: [
      { kind: 'enhanced-MR', rows: 64, frames: 8 },
      { kind: 'enhanced-CT', rows: 64, frames: 8 },
      { kind: 'US-multi-frame', rows: 48, columns: 64, frames: 5 },
    ],
  },
  {
    name: 'several transfer syntaxes in one study',
    patient: { id: 'SYNTAX-99', name: 'Mixed^Encodings', birthDate: '19700101' },
    series: [
      { kind: 'CT', instances: 2, rows: 64, transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian },
      { kind: 'CT', instances: 2, rows: 64, transferSyntaxUid: TransferSyntax.ExplicitVrBigEndian },
      { kind: 'SC', instances: 2, rows: 64, transferSyntaxUid: TransferSyntax.RleLossless },
    ],
  },
];

interface Loaded {
  studyInstanceUid: string;
  instances: number;
}

let folder: TempFolder;
let source: Orthanc;
let destination: Orthanc;

/** Where the source sends to when it is asked by C-MOVE, and the destination reports what it commits to. */
let receiverPort: number;

beforeAll(async () => {
  receiverPort = await freePort();
  [folder, source, destination] = await Promise.all([
    createTempFolder('relay'),
    startOrthanc({
      aeTitle: 'SOURCE',
      settings: { DicomModalities: { adit: ['ADIT_RECEIVER', '127.0.0.1', receiverPort] } },
    }),
    startOrthanc({
      aeTitle: 'DESTINATION',
      settings: { DicomModalities: { adit: ['ADIT_RECEIVER', '127.0.0.1', receiverPort] } },
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([source, destination, folder].map((one) => one?.[Symbol.asyncDispose]()));
});

afterEach(async () => {
  await Promise.all([source.clear(), destination.clear()]);
});

describe.each(generated)('a generated study: $name', ({ name, ...options }) => {
  async function load(): Promise<Loaded> {
    const study = syntheticStudy({ seed: name, ...options });
    await loadInstances(source, join(folder.path, createHash('md5').update(name).digest('hex')), study);
    return { studyInstanceUid: studyInstanceUidOf(study[0]!.attributes), instances: study.length };
  }

  test('arrives byte for byte', async () => {
    await expectExactCopy(await load(), source.dicomUrl);
  });

  test('arrives under a pseudonym with the same pixels and nothing that names the patient', async () => {
    await expectPseudonymized(await load());
  });
});

test('a study fetched over DICOMweb arrives byte for byte', async () => {
  const study = syntheticStudy({ seed: 'web', series: [{ kind: 'CT', instances: 5, rows: 64 }] });
  await loadInstances(source, join(folder.path, 'web'), study);
  const loaded = { studyInstanceUid: studyInstanceUidOf(study[0]!.attributes), instances: study.length };
  await expectExactCopy(loaded, `dicomweb+${source.dicomWebUrl}`);
});

test('a study arrives over DICOMweb byte for byte, whether its source speaks DIMSE or DICOMweb', async () => {
  const study = syntheticStudy({
    seed: 'stow',
    series: [{ kind: 'CT', instances: 5, rows: 64 }, { kind: 'SR' }],
  });
  await loadInstances(source, join(folder.path, 'stow'), study);
  const loaded = { studyInstanceUid: studyInstanceUidOf(study[0]!.attributes), instances: study.length };
  for (const from of [source.dicomUrl, `dicomweb+${source.dicomWebUrl}`]) {
    await expectExactCopy(loaded, from, `dicomweb+${destination.dicomWebUrl}`);
    await destination.clear();
  }
});

test('a study sent by C-MOVE to our receiver arrives byte for byte', async () => {
  const study = syntheticStudy({
    seed: 'move',
    series: [{ kind: 'CT', instances: 5, rows: 64 }, { kind: 'SR' }],
  });
  await loadInstances(source, join(folder.path, 'move'), study);
  const loaded = { studyInstanceUid: studyInstanceUidOf(study[0]!.attributes), instances: study.length };
  await expectExactCopy(loaded, `${source.dicomUrl}?get=c-move`, destination.dicomUrl, [
    ...['--receiver', `ADIT_RECEIVER:${receiverPort}`],
  ]);
});

test('files are stored over DICOMweb byte for byte', async () => {
  const study = syntheticStudy({ seed: 'files', series: [{ kind: 'CT', instances: 5, rows: 64 }] });
  await loadInstances(source, join(folder.path, 'files'), study);
  const { status, summary, stderr } = await adit([
    ...['store', `dicomweb+${destination.dicomWebUrl}`, join(folder.path, 'files')],
  ]);
  expect(summary, stderr).toMatchObject({ ok: true, expected: 5, instances: 5, failed: 0 });
  expect(status).toBe(0);
  expect(await dataSetDigests(destination)).toEqual(await dataSetDigests(source));
});

test('a study arrives in a folder byte for byte', async () => {
  const study = syntheticStudy({ seed: 'folder', series: [{ kind: 'CT', instances: 5, rows: 64 }] });
  await loadInstances(source, join(folder.path, 'to-folder'), study);
  const target = join(folder.path, 'archive');
  const { status, summary } = await adit([
    ...['transfer', '--from', source.dicomUrl, '--to', target],
    ...['--study', studyInstanceUidOf(study[0]!.attributes)],
  ]);
  expect(summary).toMatchObject({ ok: true, expected: 5, instances: 5, failed: 0 });
  expect(status).toBe(0);
  const files = await filesBelow(target);
  const stored = await Promise.all(files.map((file) => readFile(file)));
  expect(stored.map((file) => sha256(dataSetOf(file))).sort()).toEqual(await dataSetDigests(source));
});

test('studies of a list arrive in an encrypted archive under their pseudonyms, with a manifest', async () => {
  const studies = [1, 2].map((number) =>
    syntheticStudy({ seed: `zip ${number}`, series: [{ kind: 'CT', instances: 3, rows: 64 }] }),
  );
  await loadInstances(source, join(folder.path, 'to-zip'), studies.flat());
  const file = (name: string) => join(folder.path, name);
  const uids = studies.map((study) => studyInstanceUidOf(study[0]!.attributes));
  await writeFile(file('list.csv'), `StudyInstanceUID;Pseudonym\n${uids[0]};One\n${uids[1]};Two\n`);
  await writeFile(file('password'), 'sesame open\n');
  const { status, summary } = await adit([
    ...[
      'transfer',
      '--from',
      source.dicomUrl,
      '--to',
      `zip:${file('studies.zip')}`,
      '--list',
      file('list.csv'),
    ],
    ...['--password-file', file('password'), '--manifest', file('manifest.jsonl')],
  ]);
  expect(summary).toMatchObject({ ok: true, instances: 6, verified: 6, verification: 'reread' });
  expect(status).toBe(0);
  const unpacked = file('unpacked');
  await mustRun('7z', ['x', '-bd', `-o${unpacked}`, '-psesame open', file('studies.zip')]);
  const files = await filesBelow(unpacked);
  expect(new Set(files.map((path) => path.slice(unpacked.length + 1).split('/')[0]))).toEqual(
    new Set(['One', 'Two']),
  );
  const manifest = (await readFile(file('manifest.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(manifest.map(({ sopInstanceUid }) => `${sopInstanceUid}.dcm`).sort()).toEqual(
    files.map((path) => path.split('/').at(-1)).sort(),
  );
  expect(JSON.stringify(manifest)).not.toContain(uids[0]!.slice(0, -4));
});

describe('a destination that commits to what it stored', () => {
  const receiver = () => ['--receiver', `ADIT_RECEIVER:${receiverPort}`];

  test('is asked for it, while its objects still come by C-MOVE', async () => {
    const study = syntheticStudy({
      seed: 'committed',
      series: [{ kind: 'CT', instances: 5, rows: 64 }, { kind: 'SR' }],
    });
    await loadInstances(source, join(folder.path, 'committed'), study);
    const loaded = { studyInstanceUid: studyInstanceUidOf(study[0]!.attributes), instances: study.length };
    const { verification } = await expectExactCopy(
      loaded,
      `${source.dicomUrl}?get=c-move`,
      destination.dicomUrl,
      ['--verify', 'commitment', ...receiver()],
    );
    expect(verification).toBe('commitment');
  });

  test('is asked again for what an earlier run had stored, and does not answer for what it lost', async () => {
    const study = syntheticStudy({
      seed: 'lost',
      series: [{ kind: 'CT', instances: 3, rows: 64 }, { kind: 'SR' }],
    });
    await loadInstances(source, join(folder.path, 'lost'), study);
    const ledger = join(folder.path, 'lost.ledger');
    const transfer = (...args: string[]) =>
      adit([
        ...['transfer', '--from', source.dicomUrl, '--to', destination.dicomUrl],
        ...['--study', studyInstanceUidOf(study[0]!.attributes), ...args],
      ]);
    expect((await transfer('--ledger', ledger, '--verify', 'none')).summary).toMatchObject({ instances: 4 });
    const [lost] = await destination.instanceIds();
    await destination.remove(lost!);
    const again = ['--resume', ledger, '--verify', 'commitment', ...receiver()];
    expect((await transfer(...again)).summary).toMatchObject({
      ...{ ok: false, instances: 0, skipped: 3, failed: 1, verification: 'commitment' },
    });
    expect((await transfer(...again)).summary).toMatchObject({
      ...{ ok: true, instances: 1, skipped: 3, verified: 1, verification: 'commitment' },
    });
    expect(await destination.instanceIds()).toEqual(await source.instanceIds());
  });
});

test('a destination that commits to nothing is no success where that was asked for', async () => {
  const study = syntheticStudy({ seed: 'uncommitted', series: [{ kind: 'CT', instances: 2, rows: 64 }] });
  await loadInstances(source, join(folder.path, 'uncommitted'), study);
  await using storescp = await startStorescp();
  const { status, summary, stderr } = await adit([
    ...['transfer', '--from', source.dicomUrl, '--to', `dicom://STORESCP@127.0.0.1:${storescp.dicomPort}`],
    ...['--study', studyInstanceUidOf(study[0]!.attributes), '--verify', 'commitment'],
  ]);
  expect({ status, ...summary }).toMatchObject({ status: 1, ok: false, instances: 2, verification: 'none' });
  expect(stderr).toContain('could not be asked for a verification by commitment');
});

test('counts what would be transferred, and transfers nothing, in a dry run', async () => {
  const study = syntheticStudy({
    seed: 'dry run',
    series: [{ kind: 'CT', instances: 3, rows: 64 }, { kind: 'SR' }],
  });
  await loadInstances(source, join(folder.path, 'dry-run'), study);
  for (const from of [source.dicomUrl, `dicomweb+${source.dicomWebUrl}`]) {
    const { status, summary, stderr } = await adit([
      ...['transfer', '--from', from, '--to', destination.dicomUrl, '--exclude-modality', 'SR'],
      ...['--study', studyInstanceUidOf(study[0]!.attributes), '--dry-run'],
    ]);
    expect(summary, stderr).toMatchObject({ ok: true, expected: 4, skipped: 1, instances: 0 });
    expect(status).toBe(0);
  }
  expect(await destination.instanceIds()).toEqual([]);
});

test('leaves out the modalities it is told to, and counts them', async () => {
  const study = syntheticStudy({
    seed: 'excluded',
    series: [{ kind: 'CT', instances: 3, rows: 64 }, { kind: 'SR' }],
  });
  await loadInstances(source, join(folder.path, 'excluded'), study);
  const { status, summary } = await adit([
    ...['transfer', '--from', source.dicomUrl, '--to', destination.dicomUrl],
    ...['--study', studyInstanceUidOf(study[0]!.attributes), '--exclude-modality', 'SR'],
  ]);
  expect(summary).toMatchObject({ ok: true, expected: 4, instances: 3, skipped: 1, verified: 3 });
  expect(status).toBe(0);
  expect(await destination.instanceIds()).toHaveLength(3);
});

test('the same key and pseudonym give the same objects again', async () => {
  const study = syntheticStudy({ seed: 'again', series: [{ kind: 'CT', instances: 3, rows: 64 }] });
  await loadInstances(source, join(folder.path, 'again'), study);
  const key = join(folder.path, 'key');
  await writeFile(key, 'sixteen bytes or more, whatever they are');
  const args = [
    ...['transfer', '--from', source.dicomUrl, '--to', destination.dicomUrl, '--pseudonym', 'P1'],
    ...['--key-file', key, '--study', studyInstanceUidOf(study[0]!.attributes)],
  ];
  expect((await adit(args)).status).toBe(0);
  const first = await dataSetDigests(destination);
  await destination.clear();
  expect((await adit(args)).status).toBe(0);
  expect(await dataSetDigests(destination)).toEqual(first);
});

describe('the real studies of ADIT_CORPUS', () => {
  test('arrive byte for byte, and pseudonymized', { timeout: 300_000 }, async ({ skip }) => {
    const corpus = process.env.ADIT_CORPUS;
    if (!corpus) {
      return skip('ADIT_CORPUS does not name a folder with real studies');
    }
    const patients = await readdir(join(corpus, 'studies'));
    expect(patients).not.toEqual([]);
    for (const patient of patients) {
      for (const study of await readdir(join(corpus, 'studies', patient))) {
        const path = join(corpus, 'studies', patient, study);
        for (const judge of [
          (loaded: Loaded) => expectExactCopy(loaded, source.dicomUrl),
          (loaded: Loaded) => expectExactCopy(loaded, `dicomweb+${source.dicomWebUrl}`),
          (loaded: Loaded) => expectExactCopy(loaded, source.dicomUrl, `dicomweb+${destination.dicomWebUrl}`),
          expectPseudonymized,
        ]) {
          await storescu(source, [path]);
          const files = await filesBelow(path);
          const uid = (await textValuesOf(files[0]!)).find(({ tag }) => tag === '0020,000d')!.text;
          await judge({ studyInstanceUid: uid, instances: files.length });
          await Promise.all([source.clear(), destination.clear()]);
        }
      }
    }
  });
});

/** Transfers without a pseudonym and compares the data sets both Orthancs keep. */
async function expectExactCopy(
  { studyInstanceUid, instances }: Loaded,
  from: string,
  to = destination.dicomUrl,
  more: readonly string[] = [],
): Promise<AditSummary> {
  const result = await adit(['transfer', '--from', from, '--to', to, '--study', studyInstanceUid, ...more]);
  expect(result.summary, result.stderr).toMatchObject({
    ok: true,
    expected: instances,
    instances,
    verified: instances,
    warnings: 0,
    failed: 0,
    held: 0,
  });
  expect(result.status).toBe(0);
  expect(await destination.instanceIds()).toEqual(await source.instanceIds());
  expect(await dataSetDigests(destination)).toEqual(await dataSetDigests(source));
  return result.summary;
}

/** Transfers under a pseudonym, then looks for the same pixels and for anything left of the patient. */
async function expectPseudonymized({ studyInstanceUid, instances }: Loaded): Promise<void> {
  const result = await adit([
    ...['transfer', '--from', source.dicomUrl, '--to', destination.dicomUrl],
    ...['--study', studyInstanceUid, '--pseudonym', 'Subject 07'],
  ]);
  expect(result.summary, result.stderr).toMatchObject({
    ok: true,
    expected: instances,
    instances,
    verified: instances,
    failed: 0,
    held: 0,
  });
  expect(result.status).toBe(0);

  await using originals = await download(source);
  await using pseudonymized = await download(destination);
  expect(pseudonymized.files).toHaveLength(instances);
  expect(await pixelDigests(pseudonymized.files)).toEqual(await pixelDigests(originals.files));

  const identifiers = new Set<string>();
  for (const file of originals.files) {
    for (const identifier of identifiersIn(await textValuesOf(file))) {
      identifiers.add(identifier);
    }
  }
  expect(identifiers.size).toBeGreaterThan(5);
  for (const file of pseudonymized.files) {
    const values = await textValuesOf(file);
    expect(values.filter(({ text, vr }) => identifiers.has(text) && vr !== 'IS' && vr !== 'DS')).toEqual([]);
    const bytes = await readFile(file);
    const left = [...identifiers].filter((text) => text.length > 5 && bytes.includes(text, 0, 'latin1'));
    expect(left).toEqual([]);
    expect(values).toContainEqual({ tag: '0010,0020', vr: 'LO', text: 'Subject 07' });
    expect(values).toContainEqual({ tag: '0010,0010', vr: 'PN', text: 'Subject 07' });
  }
}

/** Patient name (whole, and each component), id, birth date, accession number and every UID of an instance of its own. */
function* identifiersIn(values: Awaited<ReturnType<typeof textValuesOf>>): Generator<string> {
  const direct = new Set(['0010,0010', '0010,0020', '0010,0030', '0008,0050', '0010,1000', '0010,1001']);
  for (const { tag, vr, text } of values) {
    if (text === '' || tag.startsWith('0002,')) {
      continue;
    }
    if (direct.has(tag) || (vr === 'UI' && !text.startsWith('1.2.840.10008.'))) {
      yield text;
    }
    if (tag === '0010,0010') {
      yield* text.split(/[\^=]/).filter((part) => part.length > 3);
    }
  }
}

/** All files of an Orthanc, in a folder. */
async function download(orthanc: Orthanc): Promise<TempFolder & { files: string[] }> {
  const target = await createTempFolder('download');
  const files: string[] = [];
  for (const id of await orthanc.instanceIds()) {
    const file = join(target.path, `${id}.dcm`);
    await writeFile(file, await orthanc.file(id));
    files.push(file);
  }
  return { ...target, files };
}

async function pixelDigests(files: readonly string[]): Promise<string[]> {
  const digests: string[] = [];
  for (const file of files) {
    digests.push((await pixelDigestsOf(file)).join());
  }
  return digests.sort();
}

async function dataSetDigests(orthanc: Orthanc): Promise<string[]> {
  const digests: string[] = [];
  for (const id of await orthanc.instanceIds()) {
    digests.push(sha256(dataSetOf(await orthanc.file(id))));
  }
  return digests.sort();
}

function studyInstanceUidOf(attributes: Readonly<Record<string, { Value?: readonly unknown[] }>>): string {
  return String(attributes['0020000D']?.Value?.[0]);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
