import { join } from 'node:path';
import { createTempFolder } from '@adit/e2e/support';
import type { Result } from '../measurement.ts';
import { makeStudySets, type StudySet } from '../study-sets.ts';
import { compareFind } from './find.ts';
import { measureAssociations, measureGrowth, measureSlowPeers } from './limits.ts';
import { compareReceive } from './receive.ts';
import { compareRetrieve } from './retrieve.ts';
import { compareStore, compareStoreToStockOrthanc } from './store.ts';

/** What a row of the table needs. */
export interface RowOptions {
  quick: boolean;
  rounds: number;
  /** For files of its own. */
  folder: string;
  ct: StudySet;
  multiFrame: StudySet;
}

/** The table's rows by the names they are chosen by. */
export const dimseRows: Readonly<Record<string, (options: RowOptions) => Promise<Result[]>>> = {
  store: compareStore,
  receive: (options) => compareReceive(options, 'discard'),
  'receive-to-disk': (options) => compareReceive(options, 'disk'),
  get: compareRetrieve,
  stock: (options) => compareStoreToStockOrthanc(options, { associations: 1, goal: 6 }),
  'stock-16': (options) => compareStoreToStockOrthanc(options, { associations: 16, goal: 9 }),
  find: compareFind,
  'slow-peers': measureSlowPeers,
  growth: measureGrowth,
  associations: measureAssociations,
};

/**
 * The DIMSE services one by one, each against the same peer as DCMTK's program for it. Nagle's algorithm is off at DCMTK
 * and Orthanc (TCP_NODELAY=1), or waiting for acknowledgements would be all there is to measure; the `stock` rows measure
 * just that, with nothing tuned.
 */
export async function benchDimse(options: {
  quick: boolean;
  rounds: number;
  /** Default: all. */
  rows: readonly string[];
}): Promise<Result[]> {
  const { quick, rounds } = options;
  const names = options.rows.length > 0 ? options.rows : Object.keys(dimseRows);
  await using folder = await createTempFolder('bench-dimse');
  const [ct, multiFrame] = (await makeStudySets(join(folder.path, 'sets'), { quick })) as [
    StudySet,
    StudySet,
  ];
  const results: Result[] = [];
  for (const name of names) {
    const row = dimseRows[name];
    if (!row) throw new Error(`There is no row ${name}: choose among ${Object.keys(dimseRows).join(', ')}.`);
    results.push(...(await row({ quick, rounds, ct, multiFrame, folder: folder.path })));
  }
  return results;
}
