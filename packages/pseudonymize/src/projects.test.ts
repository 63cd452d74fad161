// One key for a project: a patient is the same person in all its jobs, and nobody in another project.

import { addDays, formatDate, parseDate, Tags } from '@adit/core';
import { expect, test } from 'vitest';
import { presetNames } from './recipe/presets.ts';
import { el, pseudonymizeParts } from './testing/dataset.ts';

const keyOf = (project: number) => new Uint8Array(32).fill(project);
const studies = ['20200229', '20210701', '20231231'];

/** Two studies of a patient in one project, each by a pseudonymizer of its own, as jobs on different days have. */
async function run(project: number, recipe: (typeof presetNames)[number], studyDate: string, issuer = '') {
  const { dataset } = await pseudonymizeParts(
    [
      el(Tags.StudyDate, 'DA', studyDate),
      el(Tags.SeriesDate, 'DA', studyDate),
      el(Tags.PatientID, 'LO', '1001'),
      el(Tags.IssuerOfPatientID, 'LO', issuer),
      el(Tags.PatientBirthDate, 'DA', '19500301'),
      el(Tags.StudyInstanceUID, 'UI', `1.2.3.${studyDate}`),
      el(Tags.FrameOfReferenceUID, 'UI', '1.2.3.4'),
    ],
    // Of whoever asks for it by key, not by a pseudonym that is given.
    { recipe, key: keyOf(project), pseudonym: undefined as never },
  );
  return {
    id: dataset.text(Tags.PatientID),
    frame: dataset.text(Tags.FrameOfReferenceUID),
    date: dataset.text(Tags.StudyDate),
    age: dataset.text(Tags.PatientAge),
  };
}

test.each(presetNames)('%s: three jobs give a patient one pseudonym and one set of UIDs', async (recipe) => {
  const results = await Promise.all(studies.map((date) => run(1, recipe, date)));
  expect(new Set(results.map(({ id }) => id)).size).toBe(1);
  expect(new Set(results.map(({ frame }) => frame)).size).toBe(1);
  expect(await run(1, recipe, studies[0]!)).toEqual(results[0]);
});

test.each(['basic-modified-dates', 'research-mr', 'research-ct'] as const)(
  '%s: three jobs move the dates of a patient by one number of days',
  async (recipe) => {
    const results = await Promise.all(studies.map((date) => run(1, recipe, date)));
    const first = parseDate(results[0]!.date!)!;
    for (const [index, { date }] of results.entries()) {
      const between = Math.round((utc(studies[index]!) - utc(studies[0]!)) / 86_400_000);
      expect(date).toBe(formatDate(addDays(first, between)));
      expect(date).not.toBe(studies[index]);
    }
  },
);

test.each(['adit', 'research-mr', 'research-ct'] as const)(
  '%s: the age at each study stays what it was',
  async (recipe) => {
    const ages = await Promise.all(studies.map(async (date) => (await run(1, recipe, date)).age));
    // Born on 1 March 1950: the day before a birthday counts.
    expect(ages).toEqual(['069Y', '071Y', '073Y']);
  },
);

test('two projects, and two hospitals, share nothing by which a patient could be found again', async () => {
  const here = await run(1, 'basic-modified-dates', studies[0]!);
  for (const other of [
    await run(2, 'basic-modified-dates', studies[0]!),
    await run(1, 'basic-modified-dates', studies[0]!, 'B'),
  ]) {
    expect(other.id).not.toBe(here.id);
    expect(other.date).not.toBe(here.date);
  }
  const { frame } = await run(2, 'basic-modified-dates', studies[0]!);
  expect(frame).not.toBe(here.frame);
});

function utc(date: string): number {
  return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6, 8)));
}
