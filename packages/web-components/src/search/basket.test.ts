import type { Series, Study } from '@adit/client';
import { expect, test } from 'vitest';
import {
  type Basket,
  chosenOf,
  imagesOfAll,
  isSeriesChosen,
  jobOf,
  numberedPseudonyms,
  patientsOf,
  pseudonymTrouble,
  toggleAll,
  toggleSeries,
  toggleStudy,
} from './basket.ts';

const study = (uid: string, patientId?: string): Study => ({
  studyInstanceUid: uid,
  modalities: ['CT'],
  instances: 30,
  ...(patientId ? { patientId } : {}),
});
const series: Series[] = [
  { seriesInstanceUid: '1.1', instances: 10 },
  { seriesInstanceUid: '1.2', instances: 20 },
];
const empty: Basket = new Map();

test('a study goes in as a whole and out again', () => {
  const chosen = toggleStudy(empty, study('1'));
  expect(chosenOf(chosen, '1')).toBe('all');
  expect(isSeriesChosen(chosen, '1', '1.2')).toBe(true);
  expect(toggleStudy(chosen, study('1')).size).toBe(0);
});

test('a series taken out of a chosen study leaves the others', () => {
  const some = toggleSeries(toggleStudy(empty, study('1')), study('1'), series, '1.2');
  expect(chosenOf(some, '1')).toBe('some');
  expect([...(some.get('1')?.series ?? [])]).toEqual(['1.1']);
  expect(imagesOfAll(some.values())).toBe(10);
});

test('all series are the study, and no series is no study', () => {
  const one = toggleSeries(empty, study('1'), series, '1.1');
  expect(chosenOf(one, '1')).toBe('some');
  expect(chosenOf(toggleSeries(one, study('1'), series, '1.2'), '1')).toBe('all');
  expect(toggleSeries(one, study('1'), series, '1.1').size).toBe(0);
});

test('studies of one patient share a pseudonym, studies without a patient ID do not', () => {
  let basket = empty;
  for (const one of [study('1', 'A'), study('2', 'B'), study('3', 'A'), study('4'), study('5')])
    basket = toggleStudy(basket, one);
  expect(patientsOf(basket).map(({ key, choices }) => [key, choices.length])).toEqual([
    ['A', 2],
    ['B', 1],
    ['4', 1],
    ['5', 1],
  ]);
});

test('a job holds what was chosen and nothing more', () => {
  const basket = toggleSeries(toggleStudy(empty, study('1', 'A')), study('2', 'B'), series, '1.1');
  expect(
    jobOf(
      basket,
      '7',
      '8',
      new Map([
        ['A', 'SUBJ1'],
        ['B', 'SUBJ2'],
      ]),
    ),
  ).toEqual({
    kind: 'selective',
    sourceId: '7',
    destinationId: '8',
    studies: [
      { studyInstanceUid: '1', patientId: 'A', pseudonym: 'SUBJ1' },
      { studyInstanceUid: '2', patientId: 'B', seriesInstanceUids: ['1.1'], pseudonym: 'SUBJ2' },
    ],
  });
  expect(jobOf(basket, '7', '8', undefined).studies.every((one) => one.pseudonym === undefined)).toBe(true);
});

test('pseudonyms that a PACS would read differently are not taken', () => {
  expect(['SUBJ 1', 'Zürich-01', 'a'].map(pseudonymTrouble)).toEqual([undefined, undefined, undefined]);
  for (const bad of ['', '  ', 'a\\b', 'a*', 'A^B', 'A=B', 'a\nb', 'x'.repeat(65)]) {
    expect(pseudonymTrouble(bad)).toBeDefined();
  }
});

test('all studies found go in and out without touching what was chosen before', () => {
  const before = toggleStudy(empty, study('9'));
  const chosen = toggleAll(toggleSeries(before, study('1'), series, '1.1'), [study('1'), study('2')], true);
  expect([...chosen.keys()]).toEqual(['9', '1', '2']);
  expect(chosenOf(chosen, '1')).toBe('all');
  expect([...toggleAll(chosen, [study('1'), study('2')], false).keys()]).toEqual(['9']);
});

test('patients are numbered with as many digits as the last of them needs', () => {
  expect(numberedPseudonyms(' SUBJ', 2)).toEqual(['SUBJ001', 'SUBJ002']);
  expect(numberedPseudonyms('', 1000).at(0)).toBe('0001');
  expect(numberedPseudonyms('', 1000).at(-1)).toBe('1000');
});
