import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  aditBin,
  createTempFolder,
  getscuArguments,
  type Orthanc,
  startOrthanc,
  storescu,
  storescuArguments,
} from '@adit/e2e/support';
import { intoEmpty } from './dimse/store.ts';
import { type Comparison, compare, type Run } from './measurement.ts';
import { runMeasured } from './run-measured.ts';
import { makeStudySets, type StudySet } from './study-sets.ts';

/*
 * The main job: a study from one stock Orthanc to another, nothing tuned. DCMTK does it in two steps through a folder,
 * `getscu +B` and then `storescu`, and changes nothing. Ours does C-GET, pseudonymizing and C-STORE in one; verifying is
 * off, for DCMTK does not verify either. Whole processes on both sides.
 *
 * Over DICOMweb the other side is curl: it downloads the study as one multipart message into a file and uploads that.
 */
export async function benchRelay(options: { quick: boolean; rounds: number }): Promise<Comparison[]> {
  await using folder = await createTempFolder('bench-relay');
  const sets = await makeStudySets(join(folder.path, 'sets'), options);
  const results: Comparison[] = [];
  for (const set of sets) {
    await using source = await startOrthanc({ aeTitle: 'SOURCE' });
    await using destination = await startOrthanc({ aeTitle: 'DESTINATION' });
    await storescu(source, [set.folder]);
    results.push(
      await compare({
        work: 'relay between two Orthancs, ours pseudonymizing',
        set,
        rounds: options.rounds,
        ours: () => intoEmpty(destination, set, () => relayByAdit(source, destination, set)),
        dcmtk: () => intoEmpty(destination, set, () => relayByDcmtk(source, destination, set)),
      }),
      await compare({
        work: 'relay over WADO-RS and STOW-RS, ours pseudonymizing',
        set,
        rounds: options.rounds,
        goal: 1.5,
        ours: () => intoEmpty(destination, set, () => relayByAdit(source, destination, set, 'dicomweb')),
        curl: () => intoEmpty(destination, set, () => relayByCurl(source, destination, set)),
      }),
    );
  }
  return results;
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
