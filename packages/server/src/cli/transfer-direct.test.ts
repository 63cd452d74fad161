// `adit transfer --direct`, with the command as a program of its own.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAdit } from '../testing/run-adit.ts';
import { fill, testArchives } from '../testing/test-archives.ts';
import { Output } from './output.ts';
import { type TransferOptions, transferCommand } from './transfer.ts';
import { UsageError } from './usage-error.ts';

const archives = testArchives();
let source: string;
let destination: string;
let studyInstanceUid: string;
let stored: () => number;

beforeAll(async () => {
  const to = await archives.start('TO');
  const from = await archives.start('FROM', {
    peers: [{ aeTitle: 'TO', host: '127.0.0.1', port: to.port }],
  });
  source = `dicom://FROM@127.0.0.1:${from.port}`;
  destination = `dicom://TO@127.0.0.1:${to.port}`;
  ({ studyInstanceUid } = await fill(from, {
    series: [{ kind: 'CT', instances: 5, rows: 32 }, { kind: 'SR' }],
  }));
  stored = () => to.archive.select({ studyInstanceUids: new Set([studyInstanceUid]) }).length;
});

afterAll(() => archives[Symbol.asyncDispose]());

const direct = (from: string, to: string, ...more: string[]) =>
  runAdit(['transfer', '--direct', '--from', from, '--to', to, '--study', studyInstanceUid, ...more]);

test('has the source send to the destination, and finds each instance there', async () => {
  const ledger = join(archives.folder, 'ledger.jsonl');
  // That the source is to be retrieved from by C-MOVE makes no difference: nothing comes by here.
  const { status, stderr, summary } = await direct(`${source}?get=c-move`, destination, '--ledger', ledger);
  expect(summary, stderr).toMatchObject({
    ok: true,
    expected: 6,
    instances: 6,
    verified: 6,
    verification: 'image',
    failed: 0,
    bytes: 0,
  });
  expect(status).toBe(0);
  expect(stored()).toBe(6);
  const lines = (await readFile(ledger, 'utf8')).trim().split('\n').slice(1);
  const states = new Map(lines.map((line) => JSON.parse(line)).map(({ sop, state }) => [sop, state]));
  expect([...states.values()]).toEqual(Array(6).fill('verified'));
});

test.each<[string, () => Pick<TransferOptions, 'from' | 'to' | 'pseudonym'>, RegExp]>([
  ['pseudonymized', () => ({ from: source, to: destination, pseudonym: 'P' }), /--direct changes nothing/],
  ['into a folder', () => ({ from: source, to: archives.folder }), /from one DIMSE node to another/],
  ['out of a folder', () => ({ from: archives.folder, to: destination }), /from one DIMSE node to another/],
])('is wrong usage %s', async (_, places, says) => {
  const options = { ...places(), direct: true, study: [studyInstanceUid] };
  const done = transferCommand(new Output({ json: true }), options, new AbortController().signal);
  await expect(done).rejects.toThrow(UsageError);
  await expect(done).rejects.toThrow(says);
});
