import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedgerFile, readLedgerFile } from './ledger-file.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-ledger-'));
  path = join(folder, 'study.ledger');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const head = { selection: { studies: ['1.2.3'] }, recipeDigest: 'abc', keyFingerprint: 'def' };

const linesOf = async () =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a ledger file', () => {
  test('has a line for what it is of and one for each change, for its owner alone', async () => {
    {
      await using file = await openLedgerFile(path, head);
      file.ledger.set({ sop: '1.1', state: 'expected' });
      file.ledger.set({ sop: '1.1', state: 'received' });
      file.ledger.set({
        sop: '1.1',
        newSop: '9.1',
        state: 'stored',
        bytes: 12,
        status: 0,
        pixelSha256: 'ff',
      });
      file.ledger.set({ ...file.ledger.get('1.1')!, state: 'verified' });
    }
    expect(await linesOf()).toEqual([
      { ledger: 1, ...head },
      { sop: '1.1', state: 'expected' },
      { sop: '1.1', newSop: '9.1', state: 'stored', bytes: 12, pixelSha256: 'ff' },
      { sop: '1.1', state: 'verified' },
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('is gone on with: what is done is known, what follows is added', async () => {
    {
      await using file = await openLedgerFile(path, head);
      file.ledger.set({ sop: '1.1', newSop: '9.1', state: 'stored', bytes: 12 });
      file.ledger.set({ sop: '1.2', state: 'stored', bytes: 8 });
      file.ledger.set({ sop: '1.2', state: 'failed' });
      file.ledger.set({ ...file.ledger.get('1.1')!, state: 'verified' });
    }
    {
      await using file = await openLedgerFile(path, head, { resume: true });
      expect(file.done).toBe(1);
      expect(file.ledger.get('1.1')).toEqual({ sop: '1.1', newSop: '9.1', state: 'verified', bytes: 12 });
      expect(file.ledger.isSettled('1.2')).toBe(false);
      file.ledger.set({ sop: '1.2', state: 'stored', bytes: 8 });
    }
    expect((await readLedgerFile(path)).records.get('1.2')).toEqual({
      sop: '1.2',
      state: 'stored',
      bytes: 8,
    });
  });

  test('passes over a line that a killed process left cut off, and goes on behind the whole ones', async () => {
    {
      await using file = await openLedgerFile(path, head);
      file.ledger.set({ sop: '1.1', state: 'stored' });
    }
    await appendFile(path, '{"sop":"1.2","state":"sto');
    {
      await using file = await openLedgerFile(path, head, { resume: true });
      expect(file.done).toBe(1);
      file.ledger.set({ sop: '1.3', state: 'stored' });
    }
    expect([...(await readLedgerFile(path)).records.keys()]).toEqual(['1.1', '1.3']);
    expect(await linesOf()).toHaveLength(3);
  });

  test('is never begun where one is', async () => {
    await writeFile(path, 'precious');
    await expect(openLedgerFile(path, head)).rejects.toMatchObject({ code: 'LEDGER_EXISTS' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  test.each([
    ['selection', { ...head, selection: { studies: ['1.2.4'] } }, 'something else'],
    ['recipe', { ...head, recipeDigest: 'abd' }, 'another recipe'],
    ['key', { ...head, keyFingerprint: 'deg' }, 'another key'],
    ['key that is none any more', { selection: head.selection, recipeDigest: 'abc' }, 'another key'],
  ])('is not gone on with under another %s', async (_, other, words) => {
    await (await openLedgerFile(path, head))[Symbol.asyncDispose]();
    const before = await readFile(path, 'utf8');
    await expect(openLedgerFile(path, other, { resume: true })).rejects.toMatchObject({
      code: 'LEDGER_MISMATCH',
      message: expect.stringContaining(words),
    });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test.each([
    ['empty', ''],
    ['something else', 'sop,state\n1.1,stored\n'],
    ['of another form', '{"ledger":2,"selection":{}}\n'],
    ['without an end of its first line', '{"ledger":1,"selection":{}}'],
  ])('says that it cannot be read when it is %s', async (_, text) => {
    await writeFile(path, text);
    await expect(openLedgerFile(path, head, { resume: true })).rejects.toMatchObject({
      code: 'LEDGER_UNREADABLE',
    });
  });

  test('says where it is when it is not there', async () => {
    await expect(openLedgerFile(path, head, { resume: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
