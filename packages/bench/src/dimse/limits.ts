import { join } from 'node:path';
import { syntheticStudy } from '@adit/core/synthetic';
import { createTempFolder, writeInstances } from '@adit/e2e/support';
import { type Figure, round } from '../measurement.ts';
import { dicomUrl, runAdit, runOurs, startOurServer } from '../our-programs.ts';
import { watchMemory } from '../run-measured.ts';

/** Of 512 × 512 pixels of 16 bits. */
const BYTES_OF_FRAME = 512 * 512 * 2;

/** An object of 500 MB from `adit store` to our SCP, whose handler takes 20 MB/s: the peak memory of both. */
export async function measureSlowPeers({ quick }: { quick: boolean }): Promise<Figure[]> {
  const megabytes = quick ? 50 : 500;
  const frames = Math.ceil((megabytes * 1e6) / BYTES_OF_FRAME);
  await using folder = await createTempFolder('bench-slow-peers');
  const series = [{ kind: 'enhanced-CT', rows: 512, columns: 512, frames }] as const;
  await writeInstances(join(folder.path, 'object'), syntheticStudy({ seed: 'bench slow peers', series }));
  await using server = await startOurServer(['--megabytes-per-second', '20']);
  const memory = watchMemory(server.program);
  const sender = await runAdit(['store', dicomUrl(server), folder.path]);
  const what = `one object of ${megabytes} MB, the receiver takes 20 MB/s`;
  const figure = { unit: 'MB of peak memory', limit: 150 };
  return [
    { work: `sending ${what}`, value: round(sender.peakMemoryBytes / 1e6, 1), ...figure },
    { work: `receiving ${what}`, value: round(memory.peakBytes() / 1e6, 1), ...figure },
  ];
}

/** Many objects on one association, both sides in one process: what stays after collection. */
export async function measureGrowth({ quick }: { quick: boolean }): Promise<Figure[]> {
  const [first, last] = quick ? [500, 2_000] : [1_000, 10_000];
  const { growth = Number.NaN } = await runOurs('growth.ts', [String(first), String(last)]);
  return [
    {
      work: `${last} objects on one association, heap and external memory from object ${first} on`,
      value: round(growth / 1e6, 2),
      unit: 'MB of growth',
      limit: 10,
    },
  ];
}

/** Many associations, 64 at once, both sides in one process. */
export async function measureAssociations({ quick }: { quick: boolean }): Promise<Figure[]> {
  const count = quick ? 200 : 1_000;
  const { refused = Number.NaN, left = Number.NaN } = await runOurs('associations.ts', [String(count), '64']);
  const work = `${count} associations, 64 at once`;
  return [
    { work, value: refused, unit: 'refused', limit: 0 },
    { work, value: left, unit: 'sockets and timers left', limit: 0 },
  ];
}
