import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameKey, studyQuery } from './study-query.ts';

test.each([
  ['Doe', 'Doe*'],
  ['Doe, John', 'Doe*^John*'],
  ['Doe,John', 'Doe*^John*'],
  ['Doe^John', 'Doe*^John*'],
  ['Doe*, J?hn', 'Doe*^J?hn'],
  [', John', '^John*'],
  ['Doe,', 'Doe*'],
  ['van der Berg, Anna Maria', 'van der Berg*^Anna Maria*'],
  ['山田^太郎', '山田*^太郎*'],
  ['*', '*'],
])('the name %j becomes the key %j', (text, key) => {
  expect(nameKey(text)).toBe(key);
});

test('no name makes a key that could not have been typed', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[^\\\p{Cc}]{0,64}$/u), (text) => {
      expect(nameKey(text)).not.toMatch(/[\\\p{Cc}]/u);
    }),
  );
});

describe('a search becomes a query', () => {
  const limit = 100;

  test('of the keys that were given', () => {
    expect(studyQuery({ limit })).toEqual({ level: 'STUDY', keys: {} });
    expect(studyQuery({ limit, patientId: '', description: '' }).keys).toEqual({});
    expect(
      studyQuery({
        limit,
        patientId: 'P-1*',
        patientName: 'Doe, J',
        patientBirthDate: '1970-02-28',
        accessionNumber: 'A1',
        modality: 'CT',
        studyInstanceUid: '1.2.3',
      }).keys,
    ).toEqual({
      PatientID: 'P-1*',
      PatientName: 'Doe*^J*',
      PatientBirthDate: '19700228',
      AccessionNumber: 'A1',
      ModalitiesInStudy: 'CT',
      StudyInstanceUID: '1.2.3',
    });
  });

  test.each([
    [{ from: '2024-01-01', to: '2024-01-31' }, '20240101-20240131'],
    [{ from: '2024-01-01' }, '20240101-'],
    [{ to: '2024-01-31' }, '-20240131'],
    [{ from: '2024-01-01', to: '2024-01-01' }, '20240101'],
  ])('with the dates %j as a range', (dates, key) => {
    expect(studyQuery({ limit, ...dates }).keys).toEqual({ StudyDate: key });
  });

  test('whose description may stand anywhere, unless it says where', () => {
    expect(studyQuery({ limit, description: 'thorax' }).keys.StudyDescription).toBe('*thorax*');
    expect(studyQuery({ limit, description: 'CT*' }).keys.StudyDescription).toBe('CT*');
  });

  test('that does not narrow by several modalities, for lists do not match them', () => {
    expect(studyQuery({ limit, modality: 'CT,MR' }).keys).toEqual({});
  });
});
