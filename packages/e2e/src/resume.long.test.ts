import { randomInt } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { type ArchiveScp, createArchiveScp, createDimseClient, createDimseSink } from '@adit/dimse';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adit, createTempFolder, startAdit, type TempFolder } from './support/index.ts';

/*
 * A command that is killed in the middle of a large study, again and again, and goes on by its ledger: in the end every
 * instance is at the destination, and none is there under a second UID.
 */

const INSTANCES = 2_000;
const KILLS = 10;

let folder: TempFolder;
let source: ArchiveScp;
let destination: ArchiveScp;
let studyInstanceUid: string;

beforeAll(async () => {
  folder = await createTempFolder('resume');
  source = await createArchiveScp({ folder: join(folder.path, 'source'), aeTitle: 'SOURCE' });
  destination = await createArchiveScp({ folder: join(folder.path, 'destination'), aeTitle: 'DESTINATION' });
  const half = { kind: 'CT', instances: INSTANCES / 2, rows: 64 } as const;
  const study = syntheticStudy({ patient: { id: 'P1', name: 'Doe^Jane' }, series: [half, half] });
  studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
  await using sink = createDimseSink(nodeOf(source), { maxAssociations: 4 });
  await Promise.all(study.map((instance) => sink.store(instance)));
});

afterAll(async () => {
  await source?.[Symbol.asyncDispose]();
  await destination?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const nodeOf = ({ aeTitle, port }: ArchiveScp) => ({ aeTitle, host: '127.0.0.1', port });
const urlOf = ({ aeTitle, port }: ArchiveScp) => `dicom://${aeTitle}@127.0.0.1:${port}`;

test('a transfer that is killed ten times loses nothing and sends nothing under a second UID', async () => {
  const ledger = join(folder.path, 'study.ledger');
  const manifest = join(folder.path, 'study.csv');
  const keyFile = join(folder.path, 'project.key');
  await writeFile(keyFile, 'a key of more than sixteen bytes');
  const command = [
    ...['transfer', '--from', urlOf(source), '--to', urlOf(destination), '--study', studyInstanceUid],
    ...['--pseudonym', 'Subject 1', '--key-file', keyFile],
  ];
  const withLedger = async () => [...command, (await isThere(ledger)) ? '--resume' : '--ledger', ledger];

  let killed = 0;
  for (let attempt = 0; attempt < KILLS; attempt += 1) {
    const program = startAdit([...(await withLedger()), '--json']);
    // Somewhere in the middle: some images are stored, others are not.
    const enough = randomInt(1, INSTANCES / KILLS);
    const before = await storedIn(ledger);
    let over = false;
    void program.ended.then(() => {
      over = true;
    });
    while (!over && (await storedIn(ledger)) < before + enough) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (!over) killed += 1;
    process.kill(program.pid, 'SIGKILL');
    await program.ended;
  }
  expect(killed).toBeGreaterThan(KILLS / 2);

  const { status, summary } = await adit([...(await withLedger()), '--manifest', manifest]);
  expect({ status, ok: summary.ok, verification: summary.verification }).toEqual({
    status: 0,
    ok: true,
    verification: 'image',
  });
  expect(summary.expected).toBe(INSTANCES);
  expect(summary.instances + summary.skipped).toBe(INSTANCES);
  expect(summary.skipped).toBeGreaterThan(0);

  const arrived = await instancesAt(destination);
  expect(arrived.size).toBe(INSTANCES);
  const lines = (await readFile(manifest, 'utf8')).trimEnd().split('\n').slice(1);
  expect(new Set(lines.map((line) => line.split(',')[0]))).toEqual(arrived);
  expect(lines.every((line) => /^2\.25\.\d+,,verified,\d+,,[0-9a-f]{64}$/.test(line))).toBe(true);
});

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function storedIn(ledger: string): Promise<number> {
  const text = await readFile(ledger, 'utf8').catch(() => '');
  return new Set(text.match(/^\{"sop":"[\d.]+"(?=.*"state":"stored")/gm)).size;
}

async function instancesAt(archive: ArchiveScp): Promise<Set<string>> {
  await using client = createDimseClient(nodeOf(archive));
  const found = new Set<string>();
  for await (const study of client.find({ level: 'STUDY', keys: {} })) {
    const keys = { StudyInstanceUID: textOf(study, 'StudyInstanceUID')! };
    for await (const series of client.find({ level: 'SERIES', keys })) {
      const within = { ...keys, SeriesInstanceUID: textOf(series, 'SeriesInstanceUID')! };
      for await (const image of client.find({ level: 'IMAGE', keys: within })) {
        found.add(textOf(image, 'SOPInstanceUID')!);
      }
    }
  }
  return found;
}
