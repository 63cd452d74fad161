import { attributesFrom } from '@adit/core';
import { expect, test } from 'vitest';
import { createAnswerFilter } from './answer-filter.ts';

const query = { level: 'STUDY' as const, keys: { PatientName: '*山田*', PatientID: '1' } };

test('keys are matched again in the character set of the answer', () => {
  const isMatch = createAnswerFilter(query);
  const answer = { SpecificCharacterSet: 'ISO_IR 192', PatientID: '1' };
  expect(isMatch(attributesFrom({ ...answer, PatientName: 'Yamada^Tarou=山田^太郎' }))).toBe(true);
  expect(isMatch(attributesFrom({ ...answer, PatientName: 'Suzuki^Hanako=鈴木^花子' }))).toBe(false);
});

test.each([undefined, 'ISO_IR 100'])(
  'a key the character set %s lacks is left to the node',
  (SpecificCharacterSet) => {
    const isMatch = createAnswerFilter(query);
    // Stock Orthanc finds the patient and leaves the Japanese characters out of its answer.
    const answer = { SpecificCharacterSet, PatientName: 'Yamada^Tarou=^=^' };
    expect(isMatch(attributesFrom({ ...answer, PatientID: '1' }))).toBe(true);
    expect(isMatch(attributesFrom({ ...answer, PatientID: '2' }))).toBe(false);
  },
);
