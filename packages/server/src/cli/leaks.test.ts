import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attributesFrom, encodeDataset, encodeFileMeta, TransferSyntax } from '@adit/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readIdentifiersFile } from './identifiers-file.ts';
import { leaksCommand } from './leaks.ts';
import { Output, type Summary } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Keeps what a command says. */
class Recorder extends Output {
  readonly events: Record<string, unknown>[] = [];
  readonly remarks: string[] = [];
  last: Summary | undefined;
  override event(object: Record<string, unknown>, text?: string): void {
    this.events.push({ ...object, text });
  }
  override remark(text: string): void {
    this.remarks.push(text);
  }
  override summary(summary: Summary, text?: string): void {
    this.last = summary;
    this.remarks.push(text ?? '');
  }
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-leaks-'));
  await mkdir(join(folder, 'out'));
});
afterEach(() => rm(folder, { recursive: true }));

function dicomFile(comments: string): Uint8Array {
  const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
  const sopClassUid = '1.2.840.10008.5.1.4.1.1.2';
  const meta = encodeFileMeta({ sopClassUid, sopInstanceUid: '2.25.1', transferSyntaxUid });
  const attributes = attributesFrom({
    SOPClassUID: sopClassUid,
    SOPInstanceUID: '2.25.1',
    ImageComments: comments,
  });
  return Buffer.concat([meta, encodeDataset(attributes, { transferSyntaxUid })]);
}

async function leaks(
  files: Record<string, string | Uint8Array>,
  identifiers = 'Miller, Anne\nPAT-1001\n1950-12-11\n',
) {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, 'out', name), content);
  const list = join(folder, 'identifiers');
  await writeFile(list, identifiers);
  const output = new Recorder();
  const ok = await leaksCommand(
    output,
    join(folder, 'out'),
    { identifiers: list },
    new AbortController().signal,
  );
  return { ok, ...output, all: JSON.stringify([output.events, output.remarks]) };
}

test('files without an identifier are told as such', async () => {
  const { ok, events, last } = await leaks({ 'a.dcm': dicomFile('nothing'), 'b.txt': 'words' });
  expect(ok).toBe(true);
  expect(events).toEqual([]);
  expect(last).toMatchObject({ ok: true, expected: 2, instances: 2, held: 0, leaks: 0 });
});

test('where an identifier is, is told, and not what it is', async () => {
  const { ok, events, last, all } = await leaks({
    'a.dcm': dicomFile('seen by ANNE'),
    'b.json': JSON.stringify({ id: Buffer.from('PAT-1001').toString('base64') }),
    'c.dcm': dicomFile('born 11.12.1950 in spring').subarray(0, -2),
  });
  expect(ok).toBe(false);
  expect(events).toMatchObject([
    { event: 'leak', file: 'a.dcm', identifier: 1, kind: 'name', encoding: 'ASCII', path: '(0020,4000)' },
    { file: 'b.json', identifier: 2, kind: 'id', encoding: 'base64' },
    { file: 'c.dcm', identifier: 3, kind: 'birth-date' },
  ]);
  expect(last).toMatchObject({ ok: false, expected: 3, held: 3, leaks: 3 });
  expect(all).not.toMatch(/anne|miller|1001|1950/i);
});

test('a file is not named whose name has an identifier', async () => {
  const { events, last, all } = await leaks({ 'MILLER_ANNE.dcm': dicomFile('nothing') });
  expect(events).toMatchObject([{ file: 'file 1 (its name has an identifier)', path: 'its name' }]);
  expect(last).toMatchObject({ ok: false, leaks: 1 });
  expect(all).not.toMatch(/anne|miller/i);
});

test('nothing to search is no success', async () => {
  expect(await leaks({})).toMatchObject({ ok: false, last: { expected: 0 } });
});

test('identifiers are told apart by what they look like', async () => {
  const path = join(folder, 'list');
  await writeFile(
    path,
    'Müller^Änne\n\nAnna Maria Müller\n19501211\n11.12.1950\n1.2.276.0.7\nA-17\n99991399\n',
  );
  expect(await readIdentifiersFile(path)).toEqual([
    { kind: 'name', text: 'Müller^Änne', place: 1 },
    { kind: 'name', text: 'Anna^Maria^Müller', place: 3 },
    { kind: 'birth-date', text: '19501211', place: 4 },
    { kind: 'birth-date', text: '19501211', place: 5 },
    { kind: 'uid', text: '1.2.276.0.7', place: 6 },
    { kind: 'id', text: 'A-17', place: 7 },
    { kind: 'id', text: '99991399', place: 8 },
  ]);
  await writeFile(path, '["A-17", {"kind": "institution", "text": "Hospital"}]');
  expect(await readIdentifiersFile(path)).toEqual([
    { kind: 'id', text: 'A-17', place: 1 },
    { kind: 'institution', text: 'Hospital', place: 2 },
  ]);
});

test.each([
  ['', /no identifier/],
  ['[', /JSON/],
  ['[{"kind": "secret", "text": "Hospital"}]', /Entry 1/],
  ['[17]', /Entry 1/],
  [Uint8Array.of(0x4d, 0xfc), /UTF-8/],
])('a file that is no list of identifiers is wrong usage', async (content, reason) => {
  const path = join(folder, 'list');
  await writeFile(path, content);
  const failure = await readIdentifiersFile(path).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UsageError);
  expect((failure as Error).message).toMatch(reason);
  expect((failure as Error).message).not.toContain('Hospital');
});
