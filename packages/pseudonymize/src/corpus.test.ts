// Real files: those of the folder that ADIT_CORPUS names.

import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import {
  HeldBackError,
  isPrivate,
  keywordOf,
  type Part10Instance,
  readPart10,
  registeredUid,
  type Tag,
  Tags,
  tagToHex,
  vrOf,
} from '@adit/core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { confidentialityProfiles } from './profile/confidentiality-profiles.ts';
import { createPseudonymizer } from './pseudonymizer.ts';
import { type PresetName, presetRecipe } from './recipe/presets.ts';
import type { RecipeOption } from './recipe/profile-option.ts';
import {
  chunksOf,
  collect,
  type ReadDataset,
  type ReadElement,
  readDataset,
  testKey,
  testPseudonym,
} from './testing/dataset.ts';
import { errorsOf, isInstalled } from './testing/dciodvfy.ts';
import { expectTrueReport } from './testing/expect-true-report.ts';

const folder = process.env.ADIT_CORPUS;
const pseudonymizer = createPseudonymizer({ key: testKey, pseudonym: testPseudonym });

function corpusOf(context: TestContext, part: string): string[] {
  if (folder === undefined) return context.skip('ADIT_CORPUS names no folder of real files');
  const files = globSync(join(folder, part, '**/*.dcm'));
  expect(files.length).toBeGreaterThan(10);
  return files;
}

interface OpenedFile {
  instance: Part10Instance;
  dataset: ReadDataset;
}

async function open(file: Uint8Array): Promise<OpenedFile> {
  const instance = await readPart10(chunksOf(file, 65_536));
  const bytes = await collect(instance.dataset);
  return { instance, dataset: readDataset(bytes, instance.transferSyntaxUid) };
}

/** Files that are held back, and why. */
const heldBack: Readonly<Record<string, RegExp>> = {
  'MR_truncated.dcm': /ends before/,
  'badVR.dcm': /not the one it was announced with/,
  'UN_sequence.dcm': /no SOP Instance UID|names no SOP class/,
  'nested_priv_SQ.dcm': /no SOP Instance UID|names no SOP class/,
};

describe('files of all encodings', () => {
  test('come out and can be read, or are held back', async (context) => {
    for (const path of corpusOf(context, 'encodings')) {
      const file = readFileSync(path);
      const name = relative(join(folder!, 'encodings'), path);
      const result = await collect(pseudonymizer.pseudonymizePart10(chunksOf(file, 1000))).catch(
        (error: unknown) => error,
      );
      const reason = heldBack[name];
      if (reason !== undefined) {
        expect((result as Error).message, name).toMatch(reason);
        continue;
      }
      expect(result, name).not.toBeInstanceOf(Error);
      const { dataset } = await open(result as Uint8Array);
      expect(dataset.text(Tags.PatientID), name).toBe(testPseudonym);
    }
  });
});

describe('every file of the corpus', () => {
  let temporary: string;
  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), 'adit-pseudonymize-'));
  });
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  /** All files that are not held back, before and after. */
  async function* pairs(context: TestContext) {
    for (const path of [...corpusOf(context, 'studies'), ...corpusOf(context, 'encodings')]) {
      const before = readFileSync(path);
      try {
        const after = await collect(pseudonymizer.pseudonymizePart10(chunksOf(before, 65_536)));
        yield { path, before, after };
      } catch (error) {
        expect(
          Object.keys(heldBack).some((name) => path.endsWith(name)),
          `${path}: ${error}`,
        ).toBe(true);
        if (error instanceof HeldBackError) continue;
      }
    }
  }

  test('holds nothing of the patient and no UID of the original afterwards', async (context) => {
    let checked = 0;
    for await (const { path, before, after } of pairs(context)) {
      const original = await open(before);
      const originals = identifiersOf(original.dataset);
      const { dataset, instance } = await open(after);
      const kept = [...dataset.all()]
        .flatMap(({ text }) => text.split('\\'))
        .filter((text) => text.length > 2 && originals.has(text));
      expect(kept, path).toEqual([]);
      const bytes = Buffer.from(after);
      for (const text of originals) {
        if (text.length > 5)
          expect(bytes.includes(Buffer.from(text, 'latin1')), `${path}: ${text}`).toBe(false);
      }
      expect(instance.sopInstanceUid).toBe(pseudonymizer.mapUid(original.instance.sopInstanceUid));
      expect(dataset.text(Tags.SOPInstanceUID)).toBe(instance.sopInstanceUid);
      checked += originals.size;
    }
    expect(checked).toBeGreaterThan(100);
  });

  test('has the pixels it had', async (context) => {
    for await (const { path, before, after } of pairs(context)) {
      const pixels = (await open(before)).dataset.get(Tags.PixelData)?.bytes ?? new Uint8Array(0);
      const same = (await open(after)).dataset.get(Tags.PixelData)?.bytes ?? new Uint8Array(0);
      expect(Buffer.compare(pixels, same), path).toBe(0);
    }
  });

  test('has in its report what became of every attribute', async (context) => {
    for await (const { path, before } of pairs(context)) {
      const original = await open(before);
      const instance = pseudonymizer.transform(await readPart10(chunksOf(before, 65_536)));
      const after = await collect(instance.dataset);
      try {
        expectTrueReport(
          instance.report,
          original.dataset,
          readDataset(after, original.instance.transferSyntaxUid),
        );
      } catch (error) {
        throw new Error(path, { cause: error });
      }
    }
  });

  test('comes out the same whatever the chunks', async (context) => {
    for await (const { path, before, after } of pairs(context)) {
      const again = await collect(pseudonymizer.pseudonymizePart10(chunksOf(before, 617)));
      expect(Buffer.compare(after, again), path).toBe(0);
    }
  });

  test('can be read by dcmdump', async (context) => {
    if (!isInstalled('dcmdump')) return context.skip('dcmdump (DCMTK) is not installed');
    const target = join(temporary, 'dump.dcm');
    for await (const { path, after } of pairs(context)) {
      writeFileSync(target, after);
      // Throws when dcmdump fails; its warnings are those of the original, checked by the next test.
      const dump = execFileSync('dcmdump', ['-q', target], { maxBuffer: 1 << 28 }).toString('latin1');
      expect(dump, path).toContain('(0012,0062) CS [YES]');
    }
  });
});

/** What dciodvfy says of the files as they are. */
const errorsOfOriginals = new Map<string, Set<string>>();

describe.each<PresetName>(['basic', 'basic-modified-dates', 'adit', 'research-mr', 'research-ct'])(
  'under %s, every file of the corpus',
  (preset) => {
    const recipe = presetRecipe(preset);
    const underPreset = createPseudonymizer({ key: testKey, pseudonym: testPseudonym, recipe: preset });

    /** Files before and after, as data sets. */
    async function* pairs(context: TestContext) {
      for (const path of [...corpusOf(context, 'studies'), ...corpusOf(context, 'encodings')]) {
        const before = readFileSync(path);
        const after = await collect(underPreset.pseudonymizePart10(chunksOf(before, 65_536))).catch(
          (error: unknown) => {
            // Nothing else escapes.
            expect(error, path).toBeInstanceOf(HeldBackError);
            return undefined;
          },
        );
        if (after !== undefined) yield { path, before, after };
      }
    }

    const known = new Map<Tag, boolean>();
    const isToChange = (tag: Tag): boolean => {
      if (!known.has(tag)) known.set(tag, isListed(tag));
      return known.get(tag)!;
    };

    /** Is an attribute listed in Table E.1-1 without an option or a rule that keeps or cleans it? */
    const isListed = (tag: Tag): boolean => {
      if (recipe.rules.some(({ keyword }) => keyword !== undefined && keyword === keywordOf(tag)))
        return false;
      // Our own, and what the object is: no leak.
      if (tag === Tags.SOPClassUID) return false;
      const hex = tagToHex(tag).toUpperCase();
      const row = confidentialityProfiles().find(({ pattern }) =>
        pattern.startsWith('*') ? isPrivate(tag) : new RegExp(`^${pattern.replaceAll('x', '.')}$`).test(hex),
      );
      if (row === undefined) return false;
      // A time of day stays where dates move; a description may have nothing in it to clean.
      const kept = Object.keys(row.options).filter((option) =>
        recipe.options.includes(option as RecipeOption),
      );
      return kept.length === 0 || (kept.every((option) => option === moved) && vrOf(tag) === 'DA');
    };
    const moved = 'retainLongitudinalModifiedDates';

    test('has no listed value as it was', async (context) => {
      let listed = 0;
      const unchanged: string[] = [];
      for await (const { path, before, after } of pairs(context)) {
        const was = new Map(valuesOf((await open(before)).dataset));
        for (const [place, { tag, text, vr }] of valuesOf((await open(after)).dataset)) {
          const earlier = was.get(place);
          if (earlier === undefined || earlier.text === '' || !isToChange(tag)) continue;
          listed++;
          const isRegistered =
            vr === 'UI' && text.split('\\').every((uid) => registeredUid(uid) !== undefined);
          if (text === earlier.text && !isRegistered) unchanged.push(`${path} ${place}`);
        }
      }
      expect(unchanged).toEqual([]);
      expect(listed).toBeGreaterThan(200);
    });

    test('is no less valid to dciodvfy than before', async (context) => {
      if (!isInstalled('dciodvfy')) return context.skip('dciodvfy (dicom3tools) is not installed');
      if (preset !== 'basic' && preset !== 'research-ct') {
        return context.skip('basic keeps least and research-ct most: the others lie between');
      }
      const folder = mkdtempSync(join(tmpdir(), 'adit-pseudonymize-'));
      const target = join(folder, 'verify.dcm');
      try {
        for await (const { path, after } of pairs(context)) {
          const earlier = errorsOfOriginals.get(path) ?? errorsOf(path);
          errorsOfOriginals.set(path, earlier);
          writeFileSync(target, after);
          const added = [...errorsOf(target)].filter((error) => !earlier.has(error));
          expect(added, path).toEqual([]);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);

/** The elements of a data set by their place in it, items counted. */
function* valuesOf(dataset: ReadDataset, place = ''): Generator<[place: string, element: ReadElement]> {
  for (const element of dataset.elements) {
    const at = `${place}/${tagToHex(element.tag)}`;
    if (element.items === undefined) yield [at, element];
    else for (const [index, item] of element.items.entries()) yield* valuesOf(item, `${at}[${index}]`);
  }
}

/** Names, numbers, the birth date and UIDs of a data set, at all depths. */
function identifiersOf(dataset: ReadDataset): Set<string> {
  const identifying = new Set<number>([
    Tags.PatientID,
    Tags.OtherPatientIDs,
    Tags.PatientBirthDate,
    Tags.AccessionNumber,
  ]);
  const found = new Set<string>();
  for (const { tag, vr, text } of dataset.all()) {
    if (vr !== 'PN' && vr !== 'UI' && !identifying.has(tag)) continue;
    if (tag === Tags.SOPClassUID) continue;
    for (const value of text.split('\\')) {
      if (value !== '' && (vr !== 'UI' || registeredUid(value) === undefined)) found.add(value);
      // Components of names, where they are more than a letter.
      if (vr === 'PN') for (const part of value.split(/[\^=]/)) if (part.length > 3) found.add(part);
    }
  }
  return found;
}
