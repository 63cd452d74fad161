import { getscuArguments, startOrthanc, storescu, tcpNoDelay } from '@adit/e2e/support';
import { type Comparison, compare } from '../measurement.ts';
import { runOurs } from '../our-programs.ts';
import { runMeasured } from '../run-measured.ts';
import type { RowOptions } from './bench-dimse.ts';
import { startUpOf, without } from './start-up.ts';

/** Our C-GET and `getscu --ignore`, from Orthanc, without start-up. */
export async function compareRetrieve({ rounds, ct, multiFrame }: RowOptions): Promise<Comparison[]> {
  const results: Comparison[] = [];
  const startUp = await startUpOf('getscu');
  for (const set of [ct, multiFrame]) {
    await using orthanc = await startOrthanc({ aeTitle: 'ORTHANC', env: tcpNoDelay });
    await storescu(orthanc, [set.folder]);
    const getscu = getscuArguments(orthanc, { ...set, into: 'ignore' });
    results.push(
      await compare({
        work: 'C-GET from Orthanc',
        set,
        rounds,
        goal: 1,
        async ours() {
          const run = await runOurs('get.ts', [orthanc.dicomUrl, set.studyInstanceUid]);
          if (run.instances !== set.files.length) {
            throw new Error(`${run.instances} of ${set.files.length} instances came`);
          }
          return run;
        },
        dcmtk: async () => without(startUp, await runMeasured('getscu', getscu, { env: tcpNoDelay })),
      }),
    );
  }
  return results;
}
