import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { syntheticStudy } from '@adit/core/synthetic';
import { createTempFolder, writeInstances } from '@adit/e2e/support';
import { measureHeaders, smallObjects } from './pseudonymize-headers.ts';
import { measureInChromium } from './pseudonymize-in-chromium.ts';
import { runMeasured } from './run-measured.ts';
import { type Summary, summarize } from './statistics.ts';

/** Something of ours, measured several times. */
export interface RepeatedFigure {
  work: string;
  unit: string;
  value: Summary;
}

const source = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** What pseudonymizing costs: headers, pixels, memory, folders over the cores, browsers. */
export async function benchPseudonymize({
  quick,
  rounds,
}: {
  quick: boolean;
  rounds: number;
}): Promise<RepeatedFigure[]> {
  const figures = new Map<string, { unit: string; values: number[] }>();
  const add = (work: string, unit: string, value: number) => {
    const known = figures.get(work) ?? { unit, values: [] };
    known.values.push(value);
    figures.set(work, known);
    console.error(`${work}: ${value.toFixed(2)} ${unit}`);
  };

  const seconds = quick ? 0.3 : 1.5;
  for (const kind of ['CT', 'MR'] as const) {
    const files = await smallObjects(kind);
    await measureHeaders(files, seconds);
    for (let round = 0; round < rounds; round += 1) {
      const run = await measureHeaders(files, seconds);
      add(`${kind} headers, one core`, 'instances/s', run.instancesPerSecond);
      add(`${kind} header, time to that of dicom-parser reading it`, 'times', run.ours / run.dicomParser);
    }
    for (let round = 0; round < rounds; round += 1) {
      const [chromium, node] = [
        await measureInChromium(files, seconds),
        (await measureHeaders(files, seconds)).instancesPerSecond,
      ];
      if (chromium !== undefined) add(`${kind} headers, Chromium to Node`, 'times', chromium / node);
    }
  }

  const megabytes = quick ? 256 : 2048;
  for (let round = 0; round < rounds; round += 1) {
    for (const hashing of [[], ['hash']]) {
      const { stdout } = await runMeasured(process.execPath, [
        '--conditions=@adit/source',
        source('./ours/pseudonymize-large.ts'),
        String(megabytes),
        ...hashing,
      ]);
      const run = JSON.parse(stdout) as { seconds: number; growthBytes: number };
      const how = hashing.length > 0 ? ' with their hash' : '';
      add(`Pixel data passing${how}`, 'MB/s', (megabytes * 1.048576) / run.seconds);
      add(`Growth over one object of ${megabytes} MiB${how}`, 'MB', run.growthBytes / 1e6);
    }
  }

  await using disk = await createTempFolder('adit-bench');
  await measureFolder('on the disk', disk.path, { rounds, count: quick ? 100 : 1000, add });
  // Without waiting for a disk: what the cores do.
  if (existsSync(memoryFileSystem)) {
    await using memory = await createTempFolder('adit-bench', memoryFileSystem);
    for (const count of quick ? [100, 500] : [1000, 5000]) {
      await measureFolder('in memory', memory.path, { rounds, count, add });
    }
  }

  return [...figures].map(([work, { unit, values }]) => ({ work, unit, value: rounded(summarize(values)) }));
}

/** Where Linux has one. */
const memoryFileSystem = '/dev/shm';

interface FolderOptions {
  rounds: number;
  /** Of files. */
  count: number;
  add: (work: string, unit: string, value: number) => void;
}

/** A folder of small files by `adit pseudonymize`, on one core and on all of them in turns, start-up included. */
async function measureFolder(
  where: string,
  folder: string,
  { rounds, count, add }: FolderOptions,
): Promise<void> {
  const input = join(folder, `in-${count}`);
  await mkdir(input);
  await writeInstances(input, syntheticStudy({ series: [{ kind: 'CT', instances: count, rows: 128 }] }));
  const key = join(folder, `key-${count}`);
  await writeFile(key, new Uint8Array(32));
  const adit = source('../../server/bin/adit.js');
  const pseudonymize = async (cores: number): Promise<number> => {
    const target = join(folder, 'out');
    const args = [adit, 'pseudonymize', input, target, '--key-file', key, '--json'];
    const { stdout } = await runMeasured('taskset', [
      '--cpu-list',
      `0-${cores - 1}`,
      process.execPath,
      ...args,
    ]);
    const summary = JSON.parse(stdout.trim().split('\n').at(-1)!) as { seconds: number; instances: number };
    await rm(target, { recursive: true });
    if (summary.instances !== count) throw new Error('Not every file was pseudonymized.');
    return summary.seconds;
  };
  const cores = availableParallelism();
  const work = `${count} files of 32 kB ${where}`;
  for (let round = 0; round < rounds; round += 1) {
    const one = await pseudonymize(1);
    const all = await pseudonymize(cores);
    add(`${work}, one core`, 'files/s', count / one);
    add(`${work}, ${cores} cores`, 'files/s', count / all);
    add(`${work}, ${cores} cores to one`, 'times', one / all);
    add(`${work}, efficiency of a core`, 'times', one / all / cores);
  }
}

function rounded({ median, min, max }: Summary): Summary {
  const round = (value: number) => Number(value.toPrecision(3));
  return { median: round(median), min: round(min), max: round(max) };
}
