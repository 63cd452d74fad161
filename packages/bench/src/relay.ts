import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AditSummary,
  aditBin,
  createTempFolder,
  freePort,
  getscuArguments,
  type Orthanc,
  startOrthanc,
  startProgram,
  storescu,
  storescuArguments,
  waitUntilReady,
} from '@adit/e2e/support';
import { intoEmpty } from './dimse/store.ts';
import { type Comparison, compare, type Figure, type Result, type Run, round } from './measurement.ts';
import { ownArguments, runOurs } from './our-programs.ts';
import { runMeasured } from './run-measured.ts';
import { makeStudySets, type StudySet } from './study-sets.ts';

/*
 * The main job: a study from one stock Orthanc to another, nothing tuned. DCMTK does it in two steps through a folder,
 * `getscu +B` and then `storescu`, and changes nothing. Ours does C-GET, pseudonymizing and C-STORE in one; verifying is
 * off, for DCMTK does not verify either. Whole processes on both sides.
 *
 * Over DICOMweb the other side is curl: it downloads the study as one multipart message into a file and uploads that.
 */

/** What a row of the table needs. */
interface RowOptions {
  quick: boolean;
  rounds: number;
  sets: readonly StudySet[];
}

/** The table's rows by the names they are chosen by. */
export const relayRows: Readonly<Record<string, (options: RowOptions) => Promise<Result[]>>> = {
  dimse: (options) =>
    betweenOrthancs(options, ({ source, destination, set, number }) =>
      compare({
        ...{ work: 'relay between two Orthancs, ours pseudonymizing', set, rounds: options.rounds },
        goal: number === 0 ? 8 : 2,
        ours: () => intoEmpty(destination, set, () => relayByAdit(source, destination, set)),
        dcmtk: () => intoEmpty(destination, set, () => relayByDcmtk(source, destination, set)),
      }),
    ),
  dicomweb: (options) =>
    betweenOrthancs(options, ({ source, destination, set }) =>
      compare({
        ...{ work: 'relay over WADO-RS and STOW-RS, ours pseudonymizing', set, rounds: options.rounds },
        goal: 1.5,
        ours: () => intoEmpty(destination, set, () => relayByAdit(source, destination, set, 'dicomweb')),
        curl: () => intoEmpty(destination, set, () => relayByCurl(source, destination, set)),
      }),
    ),
  'c-move': (options) =>
    betweenOrthancs(options, ({ source, set, receiverPort }) =>
      compare({
        ...{ work: 'C-MOVE to our receiver beside our C-GET', set, rounds: options.rounds },
        goal: 0.8,
        ours: () => retrieveAll(source, set, `${receiverPort}`),
        cGet: () => retrieveAll(source, set),
      }),
    ),
  many: ({ quick }) => measureConstancy({ instances: quick ? 2_000 : 20_000, megabytes: 0.5 }),
  large: ({ quick }) => measureConstancy({ instances: 1, megabytes: quick ? 200 : 2_000 }),
};

export async function benchRelay(options: {
  quick: boolean;
  rounds: number;
  /** Default: all. */
  rows: readonly string[];
}): Promise<Result[]> {
  await using folder = await createTempFolder('bench-relay');
  const sets = await makeStudySets(join(folder.path, 'sets'), options);
  const results: Result[] = [];
  for (const name of options.rows.length > 0 ? options.rows : Object.keys(relayRows)) {
    results.push(...(await relayRows[name]!({ ...options, sets })));
  }
  return results;
}

interface Contestants {
  source: Orthanc;
  destination: Orthanc;
  /** Where the source sends to by C-MOVE. */
  receiverPort: number;
  set: StudySet;
  number: number;
}

/** Does something with each set, between Orthancs of its own. */
async function betweenOrthancs(
  { sets }: RowOptions,
  compareOn: (contestants: Contestants) => Promise<Comparison>,
): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const [number, set] of sets.entries()) {
    const receiverPort = await freePort();
    await using source = await startOrthanc({
      aeTitle: 'SOURCE',
      settings: { DicomModalities: { adit: ['ADIT_RECEIVER', '127.0.0.1', receiverPort] } },
    });
    await using destination = await startOrthanc({ aeTitle: 'DESTINATION' });
    await storescu(source, [set.folder]);
    results.push(await compareOn({ source, destination, receiverPort, set, number }));
  }
  return results;
}

async function retrieveAll(source: Orthanc, set: StudySet, ...more: string[]): Promise<Run> {
  const run = await runOurs('get.ts', [source.dicomUrl, set.studyInstanceUid, ...more]);
  if (run.instances !== set.files.length) {
    throw new Error(`${run.instances} of ${set.files.length} instances came`);
  }
  return run;
}

/**
 * What a relay between two SCPs of ours costs in memory and on the disk, verification included. Neither SCP has a disk: one
 * makes the study while it sends it, the other forgets all but its UIDs.
 */
async function measureConstancy(study: { instances: number; megabytes: number }): Promise<Figure[]> {
  await using archives = startProgram(
    process.execPath,
    ownArguments('made-up-archives.ts', [
      ...['--instances', `${study.instances}`, '--megabytes', `${study.megabytes}`],
    ]),
  );
  const { studyInstanceUid, source, destination } = await waitUntilReady(archives, 'archives', async () => {
    const [line, rest] = archives.output().split('\n', 2);
    return rest === undefined
      ? undefined
      : (JSON.parse(line!) as { studyInstanceUid: string; source: number; destination: number });
  });
  const command = [
    ...[aditBin, 'transfer', '--json', '--study', studyInstanceUid, '--pseudonym', 'Subject 07'],
    ...['--from', `dicom://SOURCE@127.0.0.1:${source}`],
    ...['--to', `dicom://DESTINATION@127.0.0.1:${destination}`],
  ];
  // Node keeps what it has compiled on the disk, the first time.
  await runMeasured(process.execPath, [...command, '--dry-run']);
  const { peakMemoryBytes, diskBytes, seconds, stdout } = await runMeasured(process.execPath, command);
  const { bytes, verified } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as AditSummary;
  if (verified !== study.instances) throw new Error(`${verified} instances were verified`);
  const work = `relay of ${study.instances} × ${study.megabytes} MB`;
  console.error(`${work}: ${seconds.toFixed(1)} s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`);
  return [
    { work, value: round(peakMemoryBytes / 1e6, 1), unit: 'MB of peak memory', limit: 220 },
    { work, value: diskBytes, unit: 'bytes written to disks', limit: 0 },
  ];
}

async function relayByDcmtk(source: Orthanc, destination: Orthanc, set: StudySet): Promise<Run> {
  await using folder = await createTempFolder('between');
  const into = { folder: folder.path };
  const get = await runMeasured('getscu', getscuArguments(source, { ...set, into }));
  const store = await runMeasured('storescu', storescuArguments(destination, [folder.path]));
  return {
    seconds: get.seconds + store.seconds,
    peakMemoryBytes: Math.max(get.peakMemoryBytes, store.peakMemoryBytes),
  };
}

async function relayByCurl(source: Orthanc, destination: Orthanc, set: StudySet): Promise<Run> {
  await using folder = await createTempFolder('between');
  const [headers, body] = [join(folder.path, 'headers'), join(folder.path, 'body')];
  const accept = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*';
  const get = await runMeasured('curl', [
    ...['--silent', '--fail', '--header', accept, '--dump-header', headers, '--output', body],
    `${source.dicomWebUrl}/studies/${set.studyInstanceUid}`,
  ]);
  const type = /^content-type:.*$/im.exec(await readFile(headers, 'utf8'))?.[0].trim() ?? '';
  const store = await runMeasured('curl', [
    ...['--silent', '--fail', '--request', 'POST', '--header', type, '--header', 'Expect:'],
    ...['--upload-file', body, `${destination.dicomWebUrl}/studies`],
  ]);
  return {
    seconds: get.seconds + store.seconds,
    peakMemoryBytes: Math.max(get.peakMemoryBytes, store.peakMemoryBytes),
  };
}

async function relayByAdit(
  source: Orthanc,
  destination: Orthanc,
  set: StudySet,
  protocol: 'dimse' | 'dicomweb' = 'dimse',
): Promise<Run> {
  const urlOf = (orthanc: Orthanc) =>
    protocol === 'dimse' ? orthanc.dicomUrl : `dicomweb+${orthanc.dicomWebUrl}`;
  return runMeasured(process.execPath, [
    aditBin,
    ...['transfer', '--json', '--from', urlOf(source), '--to', urlOf(destination)],
    ...['--study', set.studyInstanceUid, '--pseudonym', 'Subject 07', '--verify', 'none'],
  ]);
}
