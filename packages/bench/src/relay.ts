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

async function relayByAdit(source: Orthanc, destination: Orthanc, set: StudySet): Promise<Run> {
  return runMeasured(process.execPath, [
    aditBin,
    ...['transfer', '--json', '--from', source.dicomUrl, '--to', destination.dicomUrl],
    ...['--study', set.studyInstanceUid, '--pseudonym', 'Subject 07', '--verify', 'none'],
  ]);
}
