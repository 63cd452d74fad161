import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTempFolder,
  type DcmtkPeer,
  startStorescp,
  storescuArguments,
  tcpNoDelay,
} from '@adit/e2e/support';
import { type Comparison, compare, type Run } from '../measurement.ts';
import { startOurServer } from '../our-programs.ts';
import { runMeasured, watchMemory } from '../run-measured.ts';
import type { RowOptions } from './bench-dimse.ts';

/**
 * storescu to our SCP and to storescp: both forget what they receive, or both keep it. The servers run on from round to
 * round, as servers do; what they have kept is removed before each, or one might spare itself to write it again.
 */
export async function compareReceive(
  { rounds, ct, multiFrame }: RowOptions,
  target: 'discard' | 'disk',
): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const set of [ct, multiFrame]) {
    await using folder = await createTempFolder('received');
    const folders = { ours: join(folder.path, 'ours'), dcmtk: join(folder.path, 'dcmtk') };
    const toDisk = target === 'disk';
    await using ours = await startOurServer(toDisk ? [folders.ours] : []);
    await using dcmtk = await startStorescp({
      env: tcpNoDelay,
      folder: toDisk ? folders.dcmtk : undefined,
    });
    const memory = { ours: watchMemory(ours.program), dcmtk: watchMemory(dcmtk.program) };
    const sendTo = async (server: DcmtkPeer, side: 'ours' | 'dcmtk'): Promise<Run> => {
      if (toDisk) await removeFiles(folders[side]);
      const { seconds } = await runMeasured('storescu', storescuArguments(server, [set.folder]), {
        env: tcpNoDelay,
      });
      return { seconds, peakMemoryBytes: memory[side].peakBytes() };
    };
    results.push(
      await compare({
        work: `C-STORE from storescu, ${toDisk ? 'to disk' : 'forgotten'}`,
        set,
        rounds,
        goal: toDisk ? 0.8 : 1.2,
        ours: () => sendTo(ours, 'ours'),
        dcmtk: () => sendTo(dcmtk, 'dcmtk'),
      }),
    );
  }
  return results;
}

/** What a server keeps for itself begins with a dot and stays. */
async function removeFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('.')) await rm(join(folder, name), { recursive: true });
  }
}
