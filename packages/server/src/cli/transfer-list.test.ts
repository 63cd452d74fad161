import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTransferList } from './transfer-list.ts';
import { UsageError } from './usage-error.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-list-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(text: string | Uint8Array) {
  const path = join(folder, 'list.csv');
  await writeFile(path, text);
  return readTransferList(path);
}

describe('a list of studies', () => {
  test('is read with whatever separates it, in any order of its columns', async () => {
    const expected = [
      { studyInstanceUid: '1.2.3', patientId: '0007', pseudonym: 'A 1' },
      { studyInstanceUid: '1.2.4', pseudonym: 'B' },
    ];
    for (const separator of [',', ';', '\t']) {
      const lines = [
        ['Pseudonym', 'Remark', 'Study Instance UID', 'PatientID'],
        ['A 1', 'x', '1.2.3', '0007'],
        ['B', '', ' 1.2.4 ', ''],
      ];
      expect(await read(`\uFEFF${lines.map((line) => line.join(separator)).join('\r\n')}\r\n`)).toEqual(
        expected,
      );
    }
  });

  test('makes one study of the rows of its series, and the whole study of a row without', async () => {
    const text = [
      'StudyInstanceUID,SeriesInstanceUID',
      '1.2.3,1.2.3.1',
      '1.2.3,1.2.3.2',
      '1.2.3,1.2.3.1',
      '1.2.4,1.2.4.1',
      '1.2.4,',
    ].join('\n');
    expect(await read(text)).toEqual([
      { studyInstanceUid: '1.2.3', seriesInstanceUids: ['1.2.3.1', '1.2.3.2'] },
      { studyInstanceUid: '1.2.4' },
    ]);
  });

  test.each([
    ['no column of studies', 'Study\n1.2.3\n', /StudyInstanceUID/],
    ['a column twice', 'StudyInstanceUID,study_instance_uid\n1.2,1.2\n', /twice/],
    ['a UID that is none', 'StudyInstanceUID\n1.2.3\n1.2.x\n', /Line 3/],
    ['a row without a study', 'StudyInstanceUID,Pseudonym\n,A\n', /Line 2.*no study/],
    ['a pseudonym that cannot be one', 'StudyInstanceUID,Pseudonym\n1.2,A*\n', /Line 2/],
    ['two pseudonyms for a study', 'StudyInstanceUID,Pseudonym\n1.2,A\n1.2,B\n', /Line 3/],
    ['a row of another length', 'StudyInstanceUID,Pseudonym\n1.2\n', /Line 2/],
    ['nothing', '', /no study/],
    ['a line without end', `StudyInstanceUID\n${'1'.repeat(100_000)}\n`, /Line/],
  ])('is refused with %s, without a word of what it says', async (_, text, message) => {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });
});
