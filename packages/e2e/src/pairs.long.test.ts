import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  adit,
  createTempFolder,
  type DcmtkPeer,
  filesBelow,
  freePort,
  mustRun,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
  storescu,
  type TempFolder,
} from './support/index.ts';

/*
 * Real studies from every kind of source to every kind of destination, as they are and pseudonymized, by our command. The
 * manifest has to name every instance of the source, and what it says of each, its UID and the hash of its pixels, is
 * compared with what DCMTK finds in the files at both ends.
 */

const corpus = process.env.ADIT_CORPUS;
const password = 'sesame open';

let folder: TempFolder;
let source: Orthanc;
let destination: Orthanc;
let dcmqrscp: DcmtkPeer & AsyncDisposable;
let receiverPort: number;
/** By SOP Instance UID: what DCMTK finds in the files of the source. */
let originals: Map<string, FoundInstance>;
let studies: string[];
let count = 0;

interface FoundInstance {
  studyInstanceUid: string;
  patientId: string;
  /** SHA-256; undefined without pixel data. */
  pixels: string | undefined;
}

interface ManifestLine {
  sopInstanceUid: string;
  originalSopInstanceUid: string;
  state: string;
  pixelSha256?: string;
}

beforeAll(async () => {
  if (!corpus) return;
  receiverPort = await freePort();
  folder = await createTempFolder('pairs');
  [source, destination, dcmqrscp] = await Promise.all([
    startOrthanc({ aeTitle: 'SOURCE' }),
    startOrthanc({ aeTitle: 'DESTINATION' }),
    startDcmqrscp({ peers: [{ aeTitle: 'ADIT_RECEIVER', dicomPort: receiverPort }] }),
  ]);
  const path = join(corpus, 'studies');
  await storescu(source, [path]);
  await storescu(dcmqrscp, [path]);
  originals = await instancesIn(await filesBelow(path));
  studies = [...new Set([...originals.values()].map(({ studyInstanceUid }) => studyInstanceUid))];
  expect(studies.length).toBeGreaterThan(1);
  await writeFile(join(folder.path, 'password'), password);
  const rows = studies.map((uid, index) => `${uid};Subject ${index + 1}`);
  await writeFile(join(folder.path, 'list.csv'), ['StudyInstanceUID;Pseudonym', ...rows, ''].join('\n'));
});

afterAll(() =>
  Promise.all([source, destination, dcmqrscp, folder].map((one) => one?.[Symbol.asyncDispose]())),
);

const sources: Readonly<Record<string, () => string[]>> = {
  'Orthanc by C-GET': () => [source.dicomUrl],
  'Orthanc by WADO-RS': () => [`dicomweb+${source.dicomWebUrl}`],
  'dcmqrscp by C-MOVE': () => [
    `dicom://QR@127.0.0.1:${dcmqrscp.dicomPort}?get=c-move`,
    ...['--receiver', `ADIT_RECEIVER:${receiverPort}`],
  ],
  'a folder': () => [join(corpus!, 'studies')],
};

interface Destination {
  verification: 'image' | 'reread';
  place(path: string): string[];
  /** The files that are there afterwards. */
  files(path: string): Promise<string[]>;
}

const orthanc = (place: () => string): Destination => ({
  verification: 'image',
  place: () => [place()],
  async files(path) {
    await mkdir(path);
    const files = await Promise.all(
      (await destination.instanceIds()).map(async (id) => {
        const file = join(path, id);
        await writeFile(file, await destination.file(id));
        return file;
      }),
    );
    await destination.clear();
    return files;
  },
});

const destinations: Readonly<Record<string, Destination>> = {
  'Orthanc by C-STORE': orthanc(() => destination.dicomUrl),
  'Orthanc by STOW-RS': orthanc(() => `dicomweb+${destination.dicomWebUrl}`),
  'a folder': { verification: 'reread', place: (path) => [path], files: filesBelow },
  'an archive under AES-256': {
    verification: 'reread',
    place: (path) => [`zip:${path}.zip`, '--password-file', join(folder.path, 'password')],
    async files(path) {
      const archive = `${path}.zip`;
      expect(await mustRun('7z', ['l', '-slt', archive])).toContain('Method = AES-256');
      await mustRun('7z', ['x', '-bd', `-o${path}`, `-p${password}`, archive]);
      return filesBelow(path);
    },
  },
};

const ways = ['as they are', 'pseudonymized'] as const;
const pairs = Object.keys(sources).flatMap((from) =>
  Object.keys(destinations).flatMap((to) => ways.map((way) => [from, to, way] as const)),
);

test.for(pairs)('from %s to %s, %s', async ([from, to, way], { skip }) => {
  if (!corpus) return skip('ADIT_CORPUS does not name a folder with real studies');
  count += 1;
  const path = join(folder.path, `${count}`);
  const manifestFile = `${path}.jsonl`;
  const target = destinations[to]!;
  const { status, summary, stderr } = await adit([
    ...['transfer', '--from', ...sources[from]!(), '--to', ...target.place(path)],
    ...(way === 'pseudonymized'
      ? ['--list', join(folder.path, 'list.csv')]
      : studies.flatMap((uid) => ['--study', uid])),
    ...['--manifest', manifestFile, '--manifest-originals'],
  ]);
  const all = originals.size;
  expect(summary, stderr).toMatchObject({
    ...{ ok: true, expected: all, instances: all, verified: all, verification: target.verification },
    ...{ failed: 0, held: 0, skipped: 0, warnings: 0 },
  });
  expect(status).toBe(0);

  const manifest = (await readFile(manifestFile, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestLine);
  expect(manifest.map(({ originalSopInstanceUid }) => originalSopInstanceUid).sort()).toEqual(
    [...originals.keys()].sort(),
  );
  const files = await target.files(path);
  expect(files).toHaveLength(all);
  const arrived = await instancesIn(files);
  expect([...arrived.keys()].sort()).toEqual(manifest.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const { sopInstanceUid, originalSopInstanceUid, state, pixelSha256 } of manifest) {
    const original = originals.get(originalSopInstanceUid)!;
    const { pixels, patientId, studyInstanceUid } = arrived.get(sopInstanceUid)!;
    expect({ state, pixelSha256, pixels }).toEqual({
      ...{ state: 'verified', pixelSha256: original.pixels, pixels: original.pixels },
    });
    const number = studies.indexOf(original.studyInstanceUid) + 1;
    if (way === 'pseudonymized') {
      expect(patientId).toBe(`Subject ${number}`);
      expect([sopInstanceUid, studyInstanceUid]).not.toContain(originalSopInstanceUid);
      expect(studyInstanceUid).not.toBe(original.studyInstanceUid);
    } else {
      expect({ sopInstanceUid, studyInstanceUid, patientId }).toEqual({
        sopInstanceUid: originalSopInstanceUid,
        studyInstanceUid: original.studyInstanceUid,
        patientId: original.patientId,
      });
    }
  }
});

/** What DCMTK finds in files of uncompressed instances, by SOP Instance UID. */
async function instancesIn(files: readonly string[]): Promise<Map<string, FoundInstance>> {
  await using work = await createTempFolder('found');
  const pixelFolder = join(work.path, 'pixels');
  await mkdir(pixelFolder);
  // Their own names may be alike, and dcmdump names what it writes after them.
  const names = files.map((_, index) => `file-${index}`);
  await Promise.all(files.map((file, index) => symlink(file, join(work.path, names[index]!))));
  const searched = { sop: '0008,0018', study: '0020,000d', patient: '0010,0020' };
  const search = Object.values(searched).flatMap((tag) => ['+P', tag]);
  const options = { cwd: work.path };
  const dumps = (await mustRun('dcmdump', ['-Un', '+F', ...search, ...names], options)).split('# dcmdump ');
  await mustRun('dcmdump', ['-q', '+W', pixelFolder, ...names], options);
  const pixelFiles = await readdir(pixelFolder);
  const found = new Map<string, FoundInstance>();
  for (const name of names) {
    const dump = dumps.find((text) => text.includes(`${name}\n`)) ?? '';
    const textOf = (tag: string) => new RegExp(`^\\(${tag}\\) .. \\[(.*)\\]`, 'm').exec(dump)?.[1]?.trim();
    const raw = pixelFiles.find((file) => file.startsWith(`${name}.`));
    const pixels = raw === undefined ? undefined : await readFile(join(pixelFolder, raw));
    found.set(textOf(searched.sop) ?? `${name} has no UID`, {
      studyInstanceUid: textOf(searched.study) ?? '',
      patientId: textOf(searched.patient) ?? '',
      pixels: pixels && createHash('sha256').update(pixels).digest('hex'),
    });
  }
  return found;
}
