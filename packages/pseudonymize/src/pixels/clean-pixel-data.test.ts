// The Clean Pixel Data Option (PS3.15 §E.3.1) as a pseudonymizer with a recipe performs it.

import { createHash } from 'node:crypto';
import { HeldBackError, SopClass, Tags, TransferSyntax } from '@adit/core';
import { describe, expect, test } from 'vitest';
import type { RecipeDocument } from '../recipe/recipe.ts';
import { mergeReports } from '../report.ts';
import { el, type Part, pseudonymizeParts, sq } from '../testing/dataset.ts';

const us = (value: number) => Uint8Array.of(value & 0xff, value >> 8);

const recipe: RecipeDocument = {
  name: 'clean',
  options: ['cleanPixelData'],
  pixelMasks: [
    {
      when: [
        { keyword: 'Modality', is: 'equal', value: 'CT' },
        { keyword: 'SeriesDescription', is: 'containing', value: 'dose' },
      ],
      rectangles: [{ x: 0, y: 0, width: 4, height: 1 }],
    },
  ],
};

const pixels = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

function image(...more: Part[]): Part[] {
  return [
    el(Tags.Modality, 'CS', 'CT'),
    el(Tags.SamplesPerPixel, 'US', us(1)),
    el(Tags.PhotometricInterpretation, 'CS', 'MONOCHROME2'),
    el(Tags.Rows, 'US', us(4)),
    el(Tags.Columns, 'US', us(4)),
    el(Tags.BitsAllocated, 'US', us(8)),
    el(Tags.BitsStored, 'US', us(8)),
    el(Tags.HighBit, 'US', us(7)),
    el(Tags.PixelRepresentation, 'US', us(0)),
    el(Tags.PixelData, 'OB', pixels),
    ...more,
  ];
}

const dosePage = el(Tags.SeriesDescription, 'LO', 'Dose report');

describe('an image that a rule is for', () => {
  test.each([TransferSyntax.ExplicitVrLittleEndian, TransferSyntax.ImplicitVrLittleEndian])(
    'is blackened there and stamped, in %s',
    async (transferSyntaxUid) => {
      const parts = image(dosePage, el(Tags.BurnedInAnnotation, 'CS', 'YES'));
      const { dataset } = await pseudonymizeParts(parts, { recipe, transferSyntaxUid });
      expect([...dataset.get(Tags.PixelData)!.bytes]).toEqual([0, 0, 0, 0, ...pixels.subarray(4)]);
      expect(dataset.text(Tags.BurnedInAnnotation)).toBe('NO');
      const codes = dataset
        .items(Tags.DeidentificationMethodCodeSequence)
        .map((item) => item.text(Tags.CodeValue));
      expect(codes).toEqual(['113100', '113101']);
    },
  );

  test('whatever the chunks', async () => {
    const whole = await pseudonymizeParts(image(dosePage), { recipe });
    for (const chunkSize of [1, 7, 50]) {
      expect((await pseudonymizeParts(image(dosePage), { recipe, chunkSize })).bytes).toEqual(whole.bytes);
    }
  });
});

test('an image without a rule and a risk passes, and nobody says that it was cleaned', async () => {
  const { dataset } = await pseudonymizeParts(image(), { recipe });
  expect(dataset.get(Tags.PixelData)!.bytes).toEqual(pixels);
  expect(dataset.get(Tags.BurnedInAnnotation)).toBeUndefined();
  const codes = dataset
    .items(Tags.DeidentificationMethodCodeSequence)
    .map((item) => item.text(Tags.CodeValue));
  expect(codes).toEqual(['113100']);
});

test('what may have text in it is held back, and without the option it is not', async () => {
  const parts = image(el(Tags.BurnedInAnnotation, 'CS', 'YES'));
  await expect(pseudonymizeParts(parts, { recipe })).rejects.toThrow(/burned in/);
  const { dataset } = await pseudonymizeParts(parts);
  expect(dataset.get(Tags.PixelData)!.bytes).toEqual(pixels);
  expect(dataset.text(Tags.BurnedInAnnotation)).toBe('YES');
});

test('all but the regions of an ultrasound image is blackened', async () => {
  const region = [0, 1, 1, 2].map((value, i) => el(0x00186018 + 2 * i, 'UL', Uint8Array.of(value, 0, 0, 0)));
  const parts = image(
    el(Tags.SOPClassUID, 'UI', SopClass.UltrasoundImageStorage),
    el(Tags.Modality, 'CS', 'US'),
    sq(0x00186011, [[el(0x00186012, 'US', us(1)), ...region]]),
  );
  const sopClassUid = SopClass.UltrasoundImageStorage;
  const { dataset } = await pseudonymizeParts(parts, { recipe, sopClassUid });
  expect([...dataset.get(Tags.PixelData)!.bytes]).toEqual([0, 0, 0, 0, 5, 6, 0, 0, 9, 10, 0, 0, 0, 0, 0, 0]);
  expect(dataset.text(Tags.BurnedInAnnotation)).toBe('NO');
});

test('an object without pixels has none to clean', async () => {
  const parts = [el(Tags.Modality, 'CS', 'OT'), el(Tags.ContentDate, 'DA', '20230101')];
  const { dataset } = await pseudonymizeParts(parts, { recipe });
  expect(dataset.get(Tags.BurnedInAnnotation)).toBeUndefined();
});

test('a long value before the pixels leaves the decision as it is', async () => {
  const palette = el(0x00281201, 'OW', new Uint8Array(80_000));
  const { dataset } = await pseudonymizeParts(image(dosePage, palette), { recipe });
  expect([...dataset.get(Tags.PixelData)!.bytes]).toEqual([0, 0, 0, 0, ...pixels.subarray(4)]);
  // One that comes before what tells of the pixels leaves nothing to decide by.
  const early = el(0x00189810, 'OW', new Uint8Array(80_000));
  await expect(pseudonymizeParts(image(dosePage, early), { recipe })).rejects.toThrow(HeldBackError);
});

test('the report has hashes of the pixels before and after, where they are asked for', async () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const hashing = { createHash: () => createHash('sha256') };
  const before = sha256(pixels);
  const { report, dataset } = await pseudonymizeParts(image(dosePage), { recipe, ...hashing });
  const sopInstanceUid = dataset.text(Tags.SOPInstanceUID);
  expect(report.pixelData).toEqual([
    { sopInstanceUid, before, after: sha256(dataset.get(Tags.PixelData)!.bytes) },
  ]);
  expect(report.pixelData![0]!.after).not.toBe(before);

  const kept = await pseudonymizeParts(image(dosePage), hashing);
  expect(kept.report.pixelData).toMatchObject([{ before, after: before }]);
  expect(mergeReports([report, kept.report, kept.report]).pixelData).toHaveLength(3);
  expect((await pseudonymizeParts(image(dosePage))).report.pixelData).toBeUndefined();
  const none = await pseudonymizeParts([dosePage], hashing);
  expect(none.report.pixelData).toBeUndefined();
});

test('masks without the option, or with conditions that are none, make no recipe', async () => {
  const run = (document: RecipeDocument) => pseudonymizeParts(image(), { recipe: document });
  await expect(run({ ...recipe, options: [] })).rejects.toThrow(/cleanPixelData/);
  const [mask] = recipe.pixelMasks!;
  const bad = { ...mask!, when: [{ keyword: 'NoSuchThing', is: 'present' as const }] };
  await expect(run({ ...recipe, pixelMasks: [bad] })).rejects.toThrow(/NoSuchThing/);
});
