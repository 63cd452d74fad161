import { attributesFrom } from '@adit/core';
import { expect, test } from 'vitest';
import { formatDate, formatTime, toSeries, toStudy } from './to-study.ts';

test.each([
  ['20240229', '2024-02-29'],
  ['2024.02.29', '2024-02-29'],
  ['2024', '2024'],
  ['unknown', 'unknown'],
  [undefined, undefined],
])('the date %j is given out as %j', (value, formatted) => {
  expect(formatDate(value)).toBe(formatted);
});

test.each([
  ['101530', '10:15:30'],
  ['101530.123456', '10:15:30'],
  ['1015', '10:15:00'],
  ['10', '10:00:00'],
  ['10:15:30', '10:15:30'],
  ['morning', 'morning'],
  ['1015301', '1015301'],
])('the time %j is given out as %j', (value, formatted) => {
  expect(formatTime(value)).toBe(formatted);
});

test('a study is given out with what the source says', () => {
  const study = toStudy(
    attributesFrom({
      StudyInstanceUID: '1.2.3',
      PatientID: 'P-1',
      PatientName: { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' },
      PatientBirthDate: '19700101',
      StudyDate: '20240115',
      StudyTime: '101500',
      StudyDescription: 'CT Thorax',
      AccessionNumber: 'A1',
      ModalitiesInStudy: ['CT', 'SR'],
      NumberOfStudyRelatedSeries: 2,
      NumberOfStudyRelatedInstances: 120,
    }),
  );
  expect(study).toEqual({
    studyInstanceUid: '1.2.3',
    patientId: 'P-1',
    patientName: { alphabetic: 'Yamada^Tarou', ideographic: '山田^太郎' },
    patientBirthDate: '1970-01-01',
    studyDate: '2024-01-15',
    studyTime: '10:15:00',
    description: 'CT Thorax',
    accessionNumber: 'A1',
    modalities: ['CT', 'SR'],
    series: 2,
    instances: 120,
  });
});

test('what the source leaves out is absent', () => {
  const match = attributesFrom({
    StudyInstanceUID: '1.2.3',
    StudyDate: '',
    PatientName: '',
    StudyTime: null,
  });
  expect(toStudy(match)).toEqual({ studyInstanceUid: '1.2.3', modalities: [] });
  expect(toSeries(attributesFrom({ SeriesInstanceUID: '1.2.4', SeriesNumber: '' }))).toEqual({
    seriesInstanceUid: '1.2.4',
  });
});

test('what cannot be asked for again is no study', () => {
  expect(toStudy(attributesFrom({ StudyDate: '20240115' }))).toBeUndefined();
  expect(toStudy(attributesFrom({ StudyInstanceUID: 'none' }))).toBeUndefined();
});
