import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransferSyntax, textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  adit,
  createTempFolder,
  dataSetOf,
  filesBelow,
  freePort,
  type RunningProgram,
  startAdit,
  type TempFolder,
  waitUntilReady,
  writeInstances,
} from './support/index.ts';

/* The commands that speak DIMSE, against the test PACS that the command itself is. */

let folder: TempFolder;
/** Holds the study, and may send to `other`. */
let pacs: Scp;
let other: Scp;

interface Scp {
  program: RunningProgram;
  url: string;
}

const study = syntheticStudy({
  series: [
    { kind: 'CT', instances: 4, rows: 64 },
    { kind: 'MR', rows: 64, transferSyntaxUid: TransferSyntax.RleLossless },
  ],
});
const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
const seriesInstanceUid = textOf(study[0]!.attributes, 'SeriesInstanceUID')!;
let files: string[];

async function startScp(aeTitle: string, ...args: string[]): Promise<Scp> {
  const program = startAdit([
    ...['scp', join(folder.path, aeTitle), '--aet', aeTitle, '--port', '0', '--json', ...args],
  ]);
  const port = await waitUntilReady(program, aeTitle, async () => {
    const line = program.output().split('\n')[0];
    return line?.endsWith('}') ? (JSON.parse(line) as { port: number }).port : undefined;
  });
  return { program, url: `dicom://${aeTitle}@127.0.0.1:${port}` };
}

beforeAll(async () => {
  folder = await createTempFolder('dimse-commands');
  other = await startScp('OTHER');
  pacs = await startScp(
    'PACS',
    ...['--peer', other.url.slice('dicom://'.length)],
    ...['--peer', `GONE@127.0.0.1:${await freePort()}`],
  );
  files = await writeInstances(join(folder.path, 'files'), study);
});

afterAll(async () => {
  await Promise.all([pacs?.program, other?.program].map((one) => one?.[Symbol.asyncDispose]()));
  await folder?.[Symbol.asyncDispose]();
});

/** Of the data sets of files. */
async function digests(paths: readonly string[]): Promise<string[]> {
  const all = paths.map(async (path) =>
    createHash('sha256')
      .update(dataSetOf(await readFile(path)))
      .digest('hex'),
  );
  return (await Promise.all(all)).sort();
}

test('echo, store, find, get and move', async () => {
  expect(await adit(['echo', pacs.url])).toMatchObject({ status: 0, summary: { ok: true } });

  const stored = await adit(['store', pacs.url, ...files]);
  expect(stored).toMatchObject({ status: 0, summary: { ok: true, expected: 5, instances: 5, failed: 0 } });

  const found = await adit([
    'find',
    pacs.url,
    '--level',
    'series',
    '-k',
    `StudyInstanceUID=${studyInstanceUid}`,
  ]);
  expect(found).toMatchObject({ status: 0, summary: { ok: true, matches: 2 } });
  expect(found.events).toHaveLength(3);
  expect(found.events.map((one) => (one['0020000D'] as { Value?: unknown[] })?.Value?.[0])).toEqual([
    studyInstanceUid,
    studyInstanceUid,
    undefined,
  ]);

  const whole = join(folder.path, 'whole');
  const got = await adit(['get', pacs.url, '--study', studyInstanceUid, '-o', whole]);
  expect(got).toMatchObject({ status: 0, summary: { ok: true, expected: 5, instances: 5, failed: 0 } });
  expect(await digests(await filesBelow(whole))).toEqual(await digests(files));

  const part = join(folder.path, 'part');
  const series = ['--series', seriesInstanceUid];
  const gotPart = await adit(['get', pacs.url, '--study', studyInstanceUid, ...series, '-o', part]);
  expect(gotPart).toMatchObject({ status: 0, summary: { ok: true, instances: 4 } });
  expect(await digests(await filesBelow(part))).toEqual(await digests(files.slice(0, 4)));

  const moved = await adit(['move', pacs.url, '--study', studyInstanceUid, '--to', 'OTHER']);
  expect(moved).toMatchObject({
    status: 0,
    summary: { ok: true, expected: 5, instances: 5, warnings: 0, failed: 0 },
  });
  expect(await digests(await filesBelow(join(folder.path, 'OTHER')))).toEqual(await digests(files));
});

test.each([
  {
    name: 'a destination the node does not know',
    args: () => ['move', pacs.url, '--study', studyInstanceUid, '--to', 'NOBODY'],
    says: /PACS.*A801.*register the AE title NOBODY/,
    status: 1,
  },
  {
    name: 'a destination that cannot be reached',
    args: () => ['move', pacs.url, '--study', studyInstanceUid, '--to', 'GONE'],
    says: /5 instances failed: .*log of PACS/,
    status: 1,
  },
  {
    name: 'a study that is not there',
    args: () => ['move', pacs.url, '--study', '1.2.3', '--to', 'OTHER'],
    says: /sent nothing/,
    status: 1,
  },
  {
    name: 'a move without a destination',
    args: () => ['move', pacs.url, '--study', '1.2.3'],
    says: /--to/,
    status: 2,
  },
  {
    name: 'a destination that is no AE title',
    args: () => ['move', pacs.url, '--study', '1.2.3', '--to', 'SEVENTEEN_LETTERS'],
    says: /SEVENTEEN_LETTERS.*AE title/,
    status: 2,
  },
  {
    name: 'a get from a folder',
    args: () => ['get', folder.path, '--study', '1.2.3', '-o', join(folder.path, 'x')],
    says: /is no node: name a DIMSE node/,
    status: 2,
  },
  {
    name: 'a get without a place for the files',
    args: () => ['get', pacs.url, '--study', '1.2.3'],
    says: /--output/,
    status: 2,
  },
  {
    name: 'a peer that is none',
    args: () => ['scp', folder.path, '--aet', 'A', '--port', '0', '--peer', 'OTHER'],
    says: /"OTHER" is not a peer: write AET@host:port/,
    status: 2,
  },
])('$name', async ({ args, says, status }) => {
  const result = await adit(args(), { timeout: 60_000 });
  expect(result.stderr).toMatch(says);
  expect(result.stderr).not.toMatch(/^\s+at |Error:|\[object|undefined|node:internal/m);
  expect(result.summary).toMatchObject({ ok: false, instances: 0 });
  expect(result.status).toBe(status);
});
