import type { Study } from '@adit/client';
import { expect, test } from 'vitest';
import { addArrivals, isNewestFirst, newestFirst } from './arrivals.ts';

function study(uid: string, studyDate?: string, studyTime?: string): Study {
  return {
    studyInstanceUid: uid,
    modalities: [],
    ...(studyDate === undefined ? {} : { studyDate }),
    ...(studyTime === undefined ? {} : { studyTime }),
  };
}

const uids = (studies: readonly Study[]) => studies.map(({ studyInstanceUid }) => studyInstanceUid);

test('what arrives is put in order below what is shown, which stays where it is', () => {
  const shown = [study('1', '2026-01-01'), study('2', '2026-03-01')];
  const arrived = [study('3', '2026-02-01'), study('4', '2026-05-01')];
  expect(uids(addArrivals(shown, arrived))).toEqual(['1', '2', '4', '3']);
});

test('a study that arrives twice is shown once', () => {
  const shown = addArrivals([], [study('1', '2026-01-01'), study('1', '2026-01-01')]);
  expect(uids(addArrivals(shown, [study('1', '2026-01-01'), study('2')]))).toEqual(['1', '2']);
});

test('newest first looks at the time within a day and puts studies without a date last', () => {
  const studies = [
    study('1'),
    study('2', '2026-01-01', '07:00:00'),
    study('3', '2026-01-01', '19:00:00'),
    study('4', '2026-01-02'),
  ];
  expect(isNewestFirst(studies)).toBe(false);
  const ordered = newestFirst(studies);
  expect(uids(ordered)).toEqual(['4', '3', '2', '1']);
  expect(isNewestFirst(ordered)).toBe(true);
  expect(isNewestFirst([])).toBe(true);
});

test('studies of the same moment keep their order', () => {
  const studies = [study('1', '2026-01-01'), study('2', '2026-01-01')];
  expect(isNewestFirst(studies)).toBe(true);
  expect(uids(newestFirst(studies))).toEqual(['1', '2']);
});
