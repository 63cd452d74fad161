import { type Orthanc, startOrthanc, startStorescp, storescuArguments, tcpNoDelay } from '@adit/e2e/support';
import { type Comparison, compare, type Run } from '../measurement.ts';
import { dicomUrl, runAdit, runOurs } from '../our-programs.ts';
import { runMeasured } from '../run-measured.ts';
import type { StudySet } from '../study-sets.ts';
import type { RowOptions } from './bench-dimse.ts';
import { startUpOf, without } from './start-up.ts';

/** Our SCU and storescu, each to `storescp --ignore`, over one association: as whole processes, and without start-up. */
export async function compareStore({ rounds, ct, multiFrame }: RowOptions): Promise<Comparison[]> {
  const results: Comparison[] = [];
  const startUp = await startUpOf('storescu');
  for (const [set, goals] of [
    [ct, { process: 1.7, transfer: 1.7 }],
    [multiFrame, { process: undefined, transfer: 1.5 }],
  ] as const) {
    await using peer = await startStorescp({ env: tcpNoDelay });
    const storescu = () =>
      runMeasured('storescu', storescuArguments(peer, [set.folder]), { env: tcpNoDelay });
    results.push(
      await compare({
        work: 'C-STORE to storescp --ignore, whole processes',
        set,
        rounds,
        goal: goals.process,
        ours: () => runAdit(['store', '--max-associations', '1', dicomUrl(peer), set.folder]),
        dcmtk: storescu,
      }),
      await compare({
        work: 'C-STORE to storescp --ignore, without start-up',
        set,
        rounds,
        goal: goals.transfer,
        ours: () => runOurs('store.ts', [dicomUrl(peer), set.folder]),
        dcmtk: async () => without(startUp, await storescu()),
      }),
    );
  }
  return results;
}

/** Our SCU over so many associations and storescu over its one, each to an empty stock Orthanc; whole processes. */
export async function compareStoreToStockOrthanc(
  { rounds, ct }: RowOptions,
  { associations, goal }: { associations: number; goal: number },
): Promise<Comparison[]> {
  await using orthanc = await startOrthanc({ aeTitle: 'ORTHANC' });
  const limit = String(associations);
  const result = await compare({
    work: `C-STORE to a stock Orthanc, ${associations === 1 ? 'one association' : `up to ${limit} associations`}`,
    set: ct,
    rounds,
    goal,
    ours: () =>
      intoEmpty(orthanc, ct, () =>
        runAdit(['store', '--max-associations', limit, orthanc.dicomUrl, ct.folder]),
      ),
    dcmtk: () =>
      intoEmpty(orthanc, ct, () => runMeasured('storescu', storescuArguments(orthanc, [ct.folder]))),
  });
  return [result];
}

/** Runs what sends to an Orthanc that is empty, where all instances must arrive. */
export async function intoEmpty(orthanc: Orthanc, set: StudySet, send: () => Promise<Run>): Promise<Run> {
  await orthanc.clear();
  const run = await send();
  const arrived = (await orthanc.instanceIds()).length;
  if (arrived !== set.files.length) {
    throw new Error(`${arrived} of ${set.files.length} instances arrived`);
  }
  return run;
}
