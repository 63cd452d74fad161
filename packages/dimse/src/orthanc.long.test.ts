import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DicomInstance, readPart10, TransferSyntax, textOf, textsOf, writePart10 } from '@adit/core';
import { type SyntheticInstance, type SyntheticStudyOptions, syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createArchiveScp } from './archive/create-archive-scp.ts';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { listen } from './scp/listen.ts';
import { CommitmentReports, requestStorageCommitment } from './storage-commitment.ts';
import { bytesOf } from './testing/bytes.ts';
import { runDcmtk } from './testing/dcmtk.ts';
import { freePort } from './testing/free-port.ts';
import { type Orthanc, startOrthanc } from './testing/orthanc.ts';

let a: Orthanc;
let b: Orthanc;
let folder: string;
beforeAll(async () => {
  [a, b] = await Promise.all([startOrthanc(), startOrthanc()]);
  folder = await mkdtemp(join(tmpdir(), 'adit-orthanc-test-'));
});
afterAll(async () => {
  await Promise.all([a?.[Symbol.asyncDispose](), b?.[Symbol.asyncDispose]()]);
  if (folder) await rm(folder, { recursive: true });
});

/** Loads a study with DCMTK, so that nothing of ours has touched it. */
async function load(orthanc: Orthanc, options: SyntheticStudyOptions): Promise<SyntheticInstance[]> {
  const study = syntheticStudy(options);
  for (const instance of study) {
    const file = join(folder, `${instance.sopInstanceUid}.dcm`);
    await writeFile(file, await bytesOf(writePart10(instance)));
    const { port } = orthanc.node;
    const { exitCode, output } = await runDcmtk('storescu', [
      ...['-R', '-xv', '-xs', '-xr', '-aec', 'ORTHANC', '127.0.0.1', String(port), file].filter(
        (argument) => !argument.startsWith('-x') || argument === proposal(instance),
      ),
    ]);
    if (exitCode !== 0) throw new Error(output);
  }
  return study;
}

/** How storescu is told to propose the transfer syntax of a file. */
function proposal({ transferSyntaxUid }: DicomInstance): string | undefined {
  return transferSyntaxUid === TransferSyntax.RleLossless ? '-xr' : undefined;
}

/** The data set that Orthanc has on disk. */
async function storedDataset(orthanc: Orthanc, sopInstanceUid: string): Promise<Buffer> {
  const found = await fetch(`${orthanc.url}/tools/lookup`, { method: 'POST', body: sopInstanceUid });
  const [{ ID }] = (await found.json()) as [{ ID: string }];
  const file = Buffer.from(await (await fetch(`${orthanc.url}/instances/${ID}/file`)).arrayBuffer());
  const { dataset } = await readPart10(
    (async function* () {
      yield file;
    })(),
  );
  return bytesOf(dataset);
}

function studyUid(study: readonly SyntheticInstance[]): string {
  return textOf(study[0]!.attributes, 'StudyInstanceUID')!;
}

test('answers an echo', async () => {
  await echo(a.node);
});

describe.each([
  ['explicit VR little endian', TransferSyntax.ExplicitVrLittleEndian],
  ['RLE', TransferSyntax.RleLossless],
])('a study in %s', (_name, transferSyntaxUid) => {
  test('is relayed from one server to another, byte for byte', async () => {
    const study = await load(a, {
      seed: `relay ${transferSyntaxUid}`,
      series: [
        { kind: 'CT', instances: 12, transferSyntaxUid },
        { kind: 'MR', instances: 3, transferSyntaxUid },
        { kind: 'SR' },
        { kind: 'enhanced-CT', frames: 12, transferSyntaxUid },
      ],
    });
    await using source = createDimseClient(a.node);
    await using sink = createDimseSink(b.node);
    let relayed = 0;
    for await (const instance of source.retrieve({ studyInstanceUid: studyUid(study) })) {
      expect((await sink.store(instance)).state).toBe('stored');
      relayed += 1;
    }
    expect(relayed).toBe(study.length);
    for (const { sopInstanceUid } of study) {
      const [from, to] = await Promise.all([
        storedDataset(a, sopInstanceUid),
        storedDataset(b, sopInstanceUid),
      ]);
      expect(to.equals(from)).toBe(true);
    }
  });
});

test('compressed objects arrive as stored', async () => {
  const transferSyntaxUid = TransferSyntax.RleLossless;
  const study = await load(a, { seed: 'rle', series: [{ kind: 'CT', instances: 2, transferSyntaxUid }] });
  await using source = createDimseClient(a.node);
  const seen: string[] = [];
  for await (const instance of source.retrieve({ studyInstanceUid: studyUid(study) })) {
    seen.push(instance.transferSyntaxUid);
    for await (const _ of instance.dataset);
  }
  expect(seen).toEqual([transferSyntaxUid, transferSyntaxUid]);
});

test('what it does not take compressed arrives decompressed', async () => {
  const accepted = TransferSyntax.ExplicitVrLittleEndian;
  await using picky = await startOrthanc({ AcceptedTransferSyntaxes: [accepted] });
  await using sink = createDimseSink(picky.node);
  const size = { rows: 64, columns: 80 };
  const kinds = [
    { kind: 'CT', instances: 3, ...size },
    { kind: 'US-multi-frame', ...size },
    { kind: 'SC', ...size },
  ] as const;
  const compressed = kinds.map((kind) => ({ ...kind, transferSyntaxUid: TransferSyntax.RleLossless }));
  const plain = syntheticStudy({ seed: 'picky', series: kinds });
  const study = syntheticStudy({ seed: 'picky', series: compressed });
  const outcomes = await Promise.all(study.map((instance) => sink.store(instance)));
  expect(outcomes).toEqual(study.map(() => ({ state: 'stored', status: 0, transcodedTo: accepted })));
  for (const { sopInstanceUid, dataset } of plain) {
    expect((await storedDataset(picky, sopInstanceUid)).equals(await bytesOf(dataset))).toBe(true);
  }
});

test('a refused instance leaves the others alone', async () => {
  const study = await load(a, { seed: 'refused', series: [{ kind: 'CT', instances: 5 }] });
  await using source = createDimseClient(a.node);
  let taken = 0;
  let count = 0;
  for await (const instance of source.retrieve(
    { studyInstanceUid: studyUid(study) },
    { onFailure: () => expect.unreachable() },
  )) {
    if (++count === 2) continue;
    for await (const _ of instance.dataset);
    taken += 1;
  }
  expect([count, taken]).toEqual([5, 4]);
});

describe('searching', () => {
  test.each([
    ['umlauts', 'Müller^Jörg', 'Mül*', undefined],
    ['umlauts in UTF-8', 'Österreich^Änne', 'Öster*', ['ISO_IR 192']],
  ])('finds names with %s', async (_what, name, pattern, specificCharacterSet) => {
    const study = await load(a, {
      seed: name,
      patient: { id: name.length.toString(), name },
      ...(specificCharacterSet && { specificCharacterSet }),
      series: [{ kind: 'SR' }],
    });
    await using source = createDimseClient(a.node);
    const found: string[] = [];
    for await (const match of source.find({ level: 'STUDY', keys: { PatientName: pattern } })) {
      expect(textOf(match, 'StudyInstanceUID')).toBe(studyUid(study));
      found.push(textOf(match, 'PatientName')!);
    }
    expect(found).toEqual([name]);
  });

  test('finds Japanese names on a server that can answer in UTF-8', async () => {
    await using utf8 = await startOrthanc({ DefaultEncoding: 'Utf8' });
    const name = 'Yamada^Tarou=山田^太郎=やまだ^たろう';
    await load(utf8, { patient: { name }, specificCharacterSet: ['ISO_IR 192'], series: [{ kind: 'SR' }] });
    await using source = createDimseClient(utf8.node);
    for (const pattern of ['Yamada*', '*山田*']) {
      const found: string[] = [];
      for await (const match of source.find({ level: 'STUDY', keys: { PatientName: pattern } })) {
        found.push(textOf(match, 'PatientName')!);
      }
      expect(found, pattern).toEqual([name]);
    }
  });

  test('finds Japanese names on a server that cannot', async () => {
    const name = 'Suzuki^Hanako=鈴木^花子';
    const study = await load(a, {
      patient: { name },
      seed: name.slice(0, 6),
      specificCharacterSet: ['ISO_IR 192'],
      series: [{ kind: 'SR' }],
    });
    await using source = createDimseClient(a.node);
    const found: unknown[] = [];
    for await (const match of source.find({ level: 'STUDY', keys: { PatientName: '*鈴木*' } })) {
      found.push(textOf(match, 'StudyInstanceUID'));
    }
    expect(found).toEqual([studyUid(study)]);
  });

  test('stops at the limit, and the server lives on', async () => {
    const study = await load(a, { seed: 'many', series: [{ kind: 'CT', instances: 30, rows: 16 }] });
    await using source = createDimseClient(a.node);
    const keys = {
      StudyInstanceUID: studyUid(study),
      SeriesInstanceUID: textOf(study[0]!.attributes, 'SeriesInstanceUID')!,
    };
    for (const limit of [1, 7, 30, 50]) {
      let count = 0;
      for await (const _ of source.find({ level: 'IMAGE', keys, limit })) count += 1;
      expect(count).toBe(Math.min(limit, 30));
    }
  });

  test('tells the SOP classes of a study', async () => {
    const study = await load(a, { seed: 'classes', series: [{ kind: 'CT', rows: 16 }, { kind: 'SR' }] });
    await using source = createDimseClient(a.node);
    const keys = { StudyInstanceUID: studyUid(study), SOPClassesInStudy: '' };
    for await (const match of source.find({ level: 'STUDY', keys })) {
      expect(textsOf(match, 'SOPClassesInStudy').sort()).toEqual(
        study.map(({ sopClassUid }) => sopClassUid).sort(),
      );
    }
  });
});

test('Orthanc moves a study to us and to another Orthanc, and commits to what it stored', async () => {
  const reports = new CommitmentReports();
  const received = new Map<string, { bytes: Buffer; moveOriginator: unknown }>();
  await using server = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      eventReport: reports.eventReport,
      store: async ({ sopInstanceUid, dataset, moveOriginator }) => {
        received.set(sopInstanceUid, { bytes: await bytesOf(dataset), moveOriginator });
        return 0;
      },
    },
  });
  await using orthanc = await startOrthanc({
    DicomModalities: {
      adit: ['ADIT', '127.0.0.1', server.port],
      other: ['OTHER', '127.0.0.1', b.node.port],
      gone: ['GONE', '127.0.0.1', 1],
    },
  });
  const study = await load(orthanc, {
    seed: 'moved',
    series: [{ kind: 'CT', instances: 6, rows: 64 }, { kind: 'SR' }],
  });
  const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;

  await using client = createDimseClient(orthanc.node);
  const move = async (destination: string) => {
    const moving = client.move({ studyInstanceUid }, { destination, messageId: 4711 });
    let next = await moving.next();
    while (!next.done) next = await moving.next();
    return next.value;
  };
  expect(await move('ADIT')).toMatchObject({ completed: 7, failed: 0 });
  expect(received.size).toBe(7);
  for (const { sopInstanceUid } of study) {
    const { bytes, moveOriginator } = received.get(sopInstanceUid)!;
    expect(bytes.equals(await storedDataset(orthanc, sopInstanceUid))).toBe(true);
    expect(moveOriginator).toEqual({ aeTitle: 'ADIT', messageId: 4711 });
  }
  expect(await move('OTHER')).toMatchObject({ completed: 7, failed: 0 });
  await expect(move('NOBODY')).rejects.toMatchObject({ code: 'STATUS' });

  const references = study.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
  const absent = { sopClassUid: references[0]!.sopClassUid, sopInstanceUid: '1.2.3.4' };
  const options = { reports, timeoutSeconds: 30, holdSeconds: 0.5 };
  const result = await requestStorageCommitment(orthanc.node, [...references, absent], options);
  expect(result.committed).toEqual(references);
  expect(result.failed).toEqual([{ ...absent, reason: 0x0112, message: '0112 (no such SOP instance)' }]);
});

test('Orthanc searches our archive and has studies moved to itself', async () => {
  const port = await freePort();
  await using orthanc = await startOrthanc({ DicomModalities: { archive: ['ARCHIVE', '127.0.0.1', port] } });
  await using archive = await createArchiveScp({
    folder: join(folder, 'archive'),
    aeTitle: 'ARCHIVE',
    port,
    peers: [{ aeTitle: 'ORTHANC', host: '127.0.0.1', port: orthanc.node.port }],
  });
  const study = syntheticStudy({
    seed: 'pulled',
    patient: { id: 'PULLED' },
    series: [{ kind: 'CT', instances: 6, rows: 64 }, { kind: 'SR' }],
  });
  for (const instance of study) await archive.archive.store(instance);
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${orthanc.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    expect(response.status).toBe(200);
    return response.json() as Promise<Record<string, unknown>>;
  };
  expect(await post('/modalities/archive/echo', {})).toEqual({});
  const { ID } = await post('/modalities/archive/query', { Level: 'Study', Query: { PatientID: 'PULL*' } });
  const answers = await (await fetch(`${orthanc.url}/queries/${ID}/answers`)).json();
  expect(answers).toHaveLength(1);
  await post(`/queries/${ID}/retrieve`, { TargetAet: 'ORTHANC', Synchronous: true });
  for (const { sopInstanceUid, dataset } of study) {
    expect((await storedDataset(orthanc, sopInstanceUid)).equals(await bytesOf(dataset))).toBe(true);
  }
});
