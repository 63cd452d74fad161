import { join } from 'node:path';
import { syntheticStudy } from '@adit/core/synthetic';
import { tcpNoDelay, writeInstances } from '@adit/e2e/support';
import { type Comparison, compare } from '../measurement.ts';
import { dicomUrl, runOurs, startOurServer } from '../our-programs.ts';
import { runMeasured } from '../run-measured.ts';
import type { RowOptions } from './bench-dimse.ts';
import { startUpOf, without } from './start-up.ts';

/** Attributes both ask for, besides the UIDs. */
const KEYS = ['PatientID', 'PatientName', 'Modality', 'InstanceNumber', 'SOPClassUID'];

/** Our C-FIND and findscu, from our archive SCP: the first match, after which both cancel, and all; without start-up. */
export async function compareFind({ quick, rounds, folder }: RowOptions): Promise<Comparison[]> {
  const count = quick ? 1_000 : 10_000;
  const archive = join(folder, 'archive');
  const series = [{ kind: 'CT', instances: count, rows: 8, columns: 8 }] as const;
  await writeInstances(archive, syntheticStudy({ seed: 'bench find', series }));
  await using server = await startOurServer([archive]);
  const startUp = await startUpOf('findscu');
  const findscu = (more: readonly string[]) => async () =>
    without(startUp, await runMeasured('findscu', findscuArguments(server, more), { env: tcpNoDelay }));
  const find = (limit: number) => async () => {
    const run = await runOurs('find.ts', [dicomUrl(server), String(limit), ...KEYS]);
    if (run.matches !== limit) throw new Error(`${run.matches} of ${limit} matches came`);
    return run;
  };
  const set = { name: `${count.toLocaleString('en')} matches` };
  return [
    await compare({
      work: 'C-FIND from our archive SCP, the first match',
      set,
      rounds,
      goal: 1,
      ours: find(1),
      dcmtk: findscu(['--cancel', '1']),
    }),
    await compare({
      work: 'C-FIND from our archive SCP, all matches',
      set,
      rounds,
      goal: 1,
      ours: find(count),
      dcmtk: findscu([]),
    }),
  ];
}

/** Quiet: writing ten thousand matches to a pipe is not what is measured. */
function findscuArguments(peer: { aeTitle: string; dicomPort: number }, more: readonly string[]): string[] {
  const keys = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', ...KEYS].flatMap((key) => [
    '-k',
    key,
  ]);
  return ['--quiet', '-S', '-aec', peer.aeTitle, ...more, '-k', 'QueryRetrieveLevel=IMAGE', ...keys].concat(
    '127.0.0.1',
    String(peer.dicomPort),
  );
}
