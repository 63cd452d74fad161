import { expect, test } from 'vitest';
import { identifierOf } from './identifier.ts';
import { returnKeysOf } from './return-keys.ts';

test('a query asks for the usual attributes of its level unless it wants the unique key alone', () => {
  const keys = { StudyInstanceUID: '1.2', SeriesInstanceUID: '1.2.3' };
  expect(returnKeysOf({ level: 'IMAGE', keys })).toContain('InstanceAvailability');
  expect(returnKeysOf({ level: 'IMAGE', keys, returnKeys: 'unique' })).toEqual(['SOPInstanceUID']);
  expect(Object.keys(identifierOf({ level: 'IMAGE', keys, returnKeys: 'unique' })).sort()).toEqual([
    '00080018',
    '00080052',
    '0020000D',
    '0020000E',
  ]);
});
