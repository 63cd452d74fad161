import { expect, test } from 'vitest';
import type { LedgerRecord } from './ledger.ts';
import { manifestEntries, manifestLines } from './manifest.ts';

const records: LedgerRecord[] = [
  { sop: '1.1', newSop: '2.25.7', state: 'verified', bytes: 12, status: 0, pixelSha256: 'ab' },
  { sop: '1.2', state: 'failed', status: 0xa700 },
];

test('leaves originals out, also those of instances that never got a new UID', () => {
  const text = [...manifestLines(manifestEntries(records), 'jsonl')].join('');
  expect(text).toBe(
    '{"sopInstanceUid":"2.25.7","state":"verified","bytes":12,"pixelSha256":"ab"}\n' +
      '{"sopInstanceUid":"","state":"failed","status":42752}\n',
  );
});

test('names originals when asked', () => {
  expect([...manifestEntries(records, { originals: true })].map((one) => one.originalSopInstanceUid)).toEqual(
    ['1.1', '1.2'],
  );
});

test('names instances that went as they were', () => {
  expect([...manifestEntries([{ sop: '1.3', state: 'stored' }], { unchanged: true })]).toEqual([
    { sopInstanceUid: '1.3', state: 'stored' },
  ]);
});

test('has the same columns in every line of CSV', () => {
  expect([...manifestLines(manifestEntries(records), 'csv')]).toEqual([
    'sopInstanceUid,originalSopInstanceUid,state,bytes,status,pixelSha256\n',
    '2.25.7,,verified,12,,ab\n',
    ',,failed,,42752,\n',
  ]);
});
