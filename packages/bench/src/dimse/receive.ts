import {
  createTempFolder,
  type DcmtkPeer,
  type RunningProgram,
  startStorescp,
  storescuArguments,
  tcpNoDelay,
} from '@adit/e2e/support';
import { type Comparison, compare, type Run } from '../measurement.ts';
import { startOurServer } from '../our-programs.ts';
import { runMeasured, watchMemory } from '../run-measured.ts';
import type { RowOptions } from './bench-dimse.ts';

/** storescu to our SCP and to storescp: both forget what they receive, or both keep it. */
export async function compareReceive(
  { rounds, ct, multiFrame }: RowOptions,
  target: 'discard' | 'disk',
): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const set of [ct, multiFrame]) {
    /** A new server each time, for a server may spare itself to write what it has. */
    const sendTo = async (
      start: (
        folder: string | undefined,
      ) => Promise<DcmtkPeer & AsyncDisposable & { program: RunningProgram }>,
    ): Promise<Run> => {
      await using folder = target === 'disk' ? await createTempFolder('received') : undefined;
      await using server = await start(folder?.path);
      const memory = watchMemory(server.program);
      const { seconds } = await runMeasured('storescu', storescuArguments(server, [set.folder]), {
        env: tcpNoDelay,
      });
      return { seconds, peakMemoryBytes: memory.peakBytes() };
    };
    results.push(
      await compare({
        work: `C-STORE from storescu, ${target === 'disk' ? 'to disk' : 'forgotten'}`,
        set,
        rounds,
        goal: target === 'disk' ? 0.8 : 1.2,
        ours: () => sendTo((folder) => startOurServer(folder === undefined ? [] : [folder])),
        dcmtk: () => sendTo((folder) => startStorescp({ env: tcpNoDelay, folder })),
      }),
    );
  }
  return results;
}
