// A study whose objects refer to each other, under recipes that keep more and less of them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DicomInstance, registeredUid, Tags, TransferSyntax, writePart10 } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { createPseudonymizer } from './pseudonymizer.ts';
import type { PresetName } from './recipe/presets.ts';
import { chunksOf, collect, type ReadDataset, readDataset, testKey } from './testing/dataset.ts';
import { errorsOf, isInstalled } from './testing/dciodvfy.ts';
import { referencingStudy, type StudyObject } from './testing/referencing-study.ts';

const { ExplicitVrLittleEndian } = TransferSyntax;

/** UIDs of what there is, and of what is referred to. */
function uidsOf(datasets: readonly ReadDataset[]): { own: Set<string>; referenced: Set<string> } {
  const own = new Set<string>();
  const referenced = new Set<string>();
  const ownTags = new Set<number>([Tags.SOPInstanceUID, Tags.StudyInstanceUID, Tags.SeriesInstanceUID]);
  for (const dataset of datasets) {
    for (const tag of [...ownTags, Tags.FrameOfReferenceUID]) {
      const uid = dataset.text(tag);
      if (uid !== undefined) own.add(uid);
    }
    // Defined where they are used: dimensions and what is tracked.
    for (const item of dataset.items(0x00209221)) own.add(item.text(0x00209164)!);
    for (const item of dataset.items(0x00620002)) own.add(item.text(0x00620021)!);
    // The procedure step that made an image is no object of the study.
    const steps = new Set(dataset.items(0x00081111).flatMap((item) => item.elements));
    for (const element of dataset.all()) {
      const { vr, text } = element;
      if (vr !== 'UI' || steps.has(element)) continue;
      for (const uid of text.split('\\')) if (registeredUid(uid) === undefined) referenced.add(uid);
    }
  }
  return { own, referenced };
}

async function transformed(objects: readonly StudyObject[], recipe: PresetName, key = testKey) {
  const pseudonymizer = createPseudonymizer({ key, recipe });
  const datasets: ReadDataset[] = [];
  const files: DicomInstance[] = [];
  for (const { sopClassUid, sopInstanceUid, dataset } of objects) {
    const instance = pseudonymizer.transform({
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid: ExplicitVrLittleEndian,
      dataset: chunksOf(dataset, 4096),
    });
    const bytes = await collect(instance.dataset);
    datasets.push(readDataset(bytes, ExplicitVrLittleEndian));
    files.push({ ...instance, dataset: chunksOf(bytes, 65_536) });
  }
  return { datasets, files, mapUid: pseudonymizer.mapUid };
}

describe.each<PresetName>(['basic', 'basic-modified-dates', 'adit', 'research-mr', 'research-ct'])(
  'under %s',
  (recipe) => {
    test('every UID that is referred to is that of an object that is there', async () => {
      const objects = await referencingStudy();
      const before = uidsOf(objects.map(({ dataset }) => readDataset(dataset, ExplicitVrLittleEndian)));

      const { datasets, mapUid } = await transformed(objects, recipe);
      const after = uidsOf(datasets);
      expect([...after.referenced].filter((uid) => !after.own.has(uid))).toEqual([]);
      expect(after.referenced.size).toBeGreaterThan(10);
      expect(after.own).toEqual(new Set([...before.own].map(mapUid)));
      for (const uid of before.own) expect(after.referenced.has(uid)).toBe(false);

      // References are kept, not only consistent: each kind of object still refers to all images.
      const images = objects
        .filter(({ name }) => name === 'CT')
        .map(({ sopInstanceUid }) => mapUid(sopInstanceUid));
      for (const [index, { name }] of objects.entries()) {
        if (name === 'CT' || name === 'SR') continue;
        const texts = new Set([...datasets[index]!.all()].map(({ text }) => text));
        for (const image of images) expect(texts, name).toContain(image);
      }
    });

    test('no object is less valid to dciodvfy than before', async (context) => {
      if (!isInstalled('dciodvfy')) return context.skip('dciodvfy (dicom3tools) is not installed');
      const objects = await referencingStudy();
      const { datasets, files } = await transformed(objects, recipe);
      expect(datasets).toHaveLength(files.length);
      const folder = await mkdtemp(join(tmpdir(), 'adit-references-'));
      const errorsIn = async (file: AsyncIterable<Uint8Array>) => {
        await writeFile(join(folder, 'verify.dcm'), await collect(file));
        return errorsOf(join(folder, 'verify.dcm'));
      };
      try {
        for (const [index, { name, dataset, ...object }] of objects.entries()) {
          const original = { ...object, transferSyntaxUid: ExplicitVrLittleEndian };
          const before = await errorsIn(writePart10({ ...original, dataset: chunksOf(dataset, 65_536) }));
          const after = await errorsIn(writePart10(files[index]!));
          expect(
            [...after].filter((error) => !before.has(error)),
            name,
          ).toEqual([]);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test('nothing names the patient', async () => {
      const { datasets } = await transformed(await referencingStudy(), recipe);
      for (const dataset of datasets) {
        for (const { text } of dataset.all()) expect(text).not.toMatch(/apple|annie|4711|0815|19450427|Doe/i);
      }
    });
  },
);

test('a patient in three jobs on three days has one set of UIDs, one pseudonym, one number of days and the age they had', async () => {
  const objects = await referencingStudy();
  const jobs: Awaited<ReturnType<typeof transformed>>['datasets'][] = [];
  // A job is a pseudonymizer of its own, with the project's key.
  for (let day = 0; day < 3; day++) jobs.push((await transformed(objects, 'research-ct')).datasets);
  for (const job of jobs) {
    expect(job.map((dataset) => dataset.text(Tags.SOPInstanceUID))).toEqual(
      jobs[0]!.map((dataset) => dataset.text(Tags.SOPInstanceUID)),
    );
  }
  const values = (tag: number) => new Set(jobs.flat().map((dataset) => dataset.text(tag)));
  expect(values(Tags.PatientID).size).toBe(1);
  expect(values(Tags.StudyInstanceUID).size).toBe(1);
  expect(values(Tags.StudyDate).size).toBe(1);
  expect([...values(Tags.StudyDate)][0]).not.toBe('20240115');
  expect(values(Tags.PatientAge)).toEqual(new Set(['078Y']));

  const other = await transformed(objects, 'research-ct', new Uint8Array(16));
  expect(other.datasets[0]!.text(Tags.PatientID)).not.toBe(jobs[0]![0]!.text(Tags.PatientID));
  expect(other.datasets[0]!.text(Tags.StudyInstanceUID)).not.toBe(jobs[0]![0]!.text(Tags.StudyInstanceUID));
});
