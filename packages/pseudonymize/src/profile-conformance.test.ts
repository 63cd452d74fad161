// The whole of Table E.1-1: every row, under every option, for every Type, against a reading of the table that shares nothing
// with the package.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dictionaryEntry, type Tag, TransferSyntax, tagToHex, type Vr, vrForm } from '@adit/core';
import { describe, expect, test } from 'vitest';
import type { ActionCode, AttributeType } from './profile/action.ts';
import { attributeTypesOf } from './profile/attribute-types.ts';
import { confidentialityProfiles, type TableOption } from './profile/confidentiality-profiles.ts';
import { compileProfile } from './profile/profile.ts';
import { createPseudonymizer } from './pseudonymizer.ts';
import { profileOptions, type RecipeOption } from './recipe/profile-option.ts';
import { parseRecipe, type RecipeDocument } from './recipe/recipe.ts';
import {
  el,
  type Part,
  pseudonymizeParts,
  type ReadElement,
  sq,
  testKey,
  testPseudonym,
  testSopClassUid,
} from './testing/dataset.ts';

/** The options, by the names of the source's columns. */
const columns: Readonly<Record<TableOption, string>> = {
  retainSafePrivate: 'retain_safe_private',
  retainUids: 'retain_uids',
  retainDeviceIdentity: 'retain_device_identity',
  retainInstitutionIdentity: 'retain_institution_identity',
  retainPatientCharacteristics: 'retain_patient_characteristics',
  retainLongitudinalFullDates: 'retain_longitudinal_full_dates',
  retainLongitudinalModifiedDates: 'retain_longitudinal_modified_dates',
  cleanDescriptors: 'clean_descriptors',
  cleanStructuredContent: 'clean_structured_content',
  cleanGraphics: 'clean_graphics',
};

/** Each option alone, none, and all that go together with full and with modified dates. */
const optionSets: readonly (readonly RecipeOption[])[] = (() => {
  const single = (Object.keys(columns) as TableOption[]).map((option) => [option]);
  const all = profileOptions.filter((option) => option in columns);
  return [
    [],
    ...single,
    all.filter((option) => option !== 'retainLongitudinalModifiedDates'),
    all.filter((option) => option !== 'retainLongitudinalFullDates'),
  ];
})();

function recipeOf(options: readonly RecipeOption[]): RecipeDocument {
  return { name: 'conformance', options: [...options] };
}

const types: readonly (AttributeType | undefined)[] = [undefined, 1, 2, 3];

/** A row of the source. */
interface SourceRow {
  tag: string;
  basic_profile: string;
  options: Record<string, string>;
}

/**
 * What a row says: an option's column before the Basic Profile's, C before K where two options have one; of a compound
 * code, the first action (X, Z, D or U, in this order) that leaves what the Type asks for: nothing for 3, an attribute for 2,
 * a value for 1 and where the Type is not known; the last of the code where none does. X alone removes what no IOD is known to
 * ask for, and empties or replaces what one does (docs/decisions/0013).
 */
function readingOf(
  row: SourceRow,
  options: readonly RecipeOption[],
  type: AttributeType | undefined,
): string {
  const groups = row.tag.slice(1, 5);
  // Decided apart from the table: curves and overlays have no cleaning, group 0000 and the file meta are in no data set.
  if (groups === '0000' || groups === '0002') return 'X';
  const cleaned = /^[56]0xx$/.test(groups)
    ? []
    : options.map((option) => row.options[columns[option as TableOption]]).filter(Boolean);
  if (cleaned.includes('C')) return 'C';
  if (cleaned.includes('K')) return 'K';
  const actions = row.basic_profile.replace('*', '').split('/');
  if (row.basic_profile === 'X' && type !== undefined && !isGone(row.tag)) {
    const isSequence = dictionaryEntry(Number.parseInt(row.tag.replace(/[(),]/g, ''), 16))?.vr === 'SQ';
    return { 1: isSequence ? 'Z' : 'D', 2: 'Z', 3: 'X' }[type];
  }
  const asked = { 1: ['D', 'U'], 2: ['Z', 'D', 'U'], 3: ['X', 'Z', 'D', 'U'] }[type ?? 1];
  return actions.find((action) => asked.includes(action)) ?? actions.at(-1)!;
}

/** What no object has afterwards: curves, overlays, private attributes, icons, signatures, originals, padding. */
function isGone(tag: string): boolean {
  const removed = ['(0088,0200)', '(0400,0550)', '(0400,0561)', '(FFFA,FFFA)', '(FFFC,FFFC)'];
  return /x|odd/.test(tag) || removed.includes(tag);
}

function tagOfRow(pattern: string): Tag {
  if (pattern.startsWith('*')) return 0x00091001;
  return Number.parseInt(pattern.replace('50xxxxxx', '50023000').replace(/xx/g, '04'), 16);
}

/** A line for every row, set of options and Type, by the package. */
function outcomesByPackage(): string {
  const lines: string[] = [];
  for (const options of optionSets) {
    const profile = compileProfile(parseRecipe(recipeOf(options)));
    for (const { pattern } of confidentialityProfiles()) {
      const tag = tagOfRow(pattern);
      const actions = types.map((type) => {
        const known = { types: new Map(type === undefined ? [] : [[tag, type]]), items: new Map() };
        // Of private attributes, the column says C and E.3.10 which: the rule of one that is not listed.
        if (pattern.startsWith('*'))
          return profile.has('retainSafePrivate') ? 'C' : profile.ruleFor(tag).action;
        return profile.ruleFor(tag, known).action;
      });
      lines.push(`${options.join('+')} ${pattern} ${actions.join(' ')}`);
    }
  }
  return lines.sort().join('\n');
}

describe('every row × every option × every Type', () => {
  test('are as recorded', () => {
    const outcomes = outcomesByPackage();
    expect(outcomes.split('\n')).toHaveLength(657 * optionSets.length);
    expect(createHash('sha256').update(outcomes).digest('hex')).toBe(
      '053c5e5aef815e7ebc5bc81056facd9a4cd8308fb81c4b7214c774cb864fc5c4',
    );
  });

  test('are what the source says', (context) => {
    const folder = process.env.ADIT_STANDARD_DATA;
    if (folder === undefined) {
      return context.skip('ADIT_STANDARD_DATA names no folder of the standard’s tables');
    }
    const { rows } = JSON.parse(readFileSync(join(folder, 'ps3.15-2026d-table-E.1-1.json'), 'utf8')) as {
      rows: SourceRow[];
    };
    const lines = optionSets.flatMap((options) =>
      rows.map((row) => {
        const pattern = row.tag.includes('odd') ? '*1******' : row.tag.replace(/[(),]/g, '');
        const actions = types.map((type) => readingOf(row, options, type));
        return `${options.join('+')} ${pattern} ${actions.join(' ')}`;
      }),
    );
    expect(outcomesByPackage()).toBe(lines.sort().join('\n'));
  });

  test('say what decided', () => {
    const profile = compileProfile(
      parseRecipe(recipeOf(['retainDeviceIdentity', 'retainLongitudinalModifiedDates'])),
    );
    expect(profile.ruleFor(0x00181200).decision).toEqual({
      by: 'table',
      row: '00181200',
      code: 'X',
      type: undefined,
      option: 'retainLongitudinalModifiedDates',
      overruled: 'retainDeviceIdentity',
    });
    const ct = attributeTypesOf('1.2.840.10008.5.1.4.1.1.2')!;
    expect(profile.ruleFor(0x00180010, ct).decision).toMatchObject({ row: '00180010', code: 'Z/D', type: 2 });
  });
});

describe('every row of Table E.3.4-1 × every option', () => {
  test('is what the source says', (context) => {
    const folder = process.env.ADIT_STANDARD_DATA;
    if (folder === undefined) {
      return context.skip('ADIT_STANDARD_DATA names no folder of the standard’s tables');
    }
    const { rows } = JSON.parse(readFileSync(join(folder, 'ps3.15-2020-table-E.3.4-1.json'), 'utf8')) as {
      rows: (SourceRow & { scheme: string; code_value: string; value_type: string })[];
    };
    for (const options of optionSets) {
      const profile = compileProfile(parseRecipe(recipeOf(options)));
      for (const row of rows) {
        const { scheme, code_value, value_type } = row;
        // Whether a template asks for an item is not known.
        const expected = readingOf({ ...row, tag: '' }, options, undefined);
        expect({
          code_value,
          options,
          action: profile.contentAction(scheme, code_value, value_type),
        }).toEqual({
          code_value,
          options,
          action: expected,
        });
      }
    }
  });
});

/** Values that no dummy looks like. */
const originals: Readonly<Partial<Record<Vr, string>>> = {
  AS: '042Y',
  DA: '20200705',
  DS: '42.5',
  DT: '20200705182938',
  IS: '42',
  PN: 'Some^Body=Some^Body=Some^Body',
  TM: '182938',
  UI: '1.2.3.4.5',
  UR: 'http://original.example/',
};

/** A text of its own for each attribute, so that none is taken for what another says of the patient. */
function originalText(tag: Tag, vr: Vr): string {
  const letters = tagToHex(tag).replace(/./g, (digit) => 'QRSTUVWXYZABCDEF'[Number.parseInt(digit, 16)]!);
  return originals[vr] ?? `X${letters}`;
}

const patientId = 'ID-77';
const mapped = createPseudonymizer({ key: testKey, pseudonym: testPseudonym }).mapUid('1.2.3.4.5');

/** What an element has become. */
type Outcome = 'removed' | 'empty' | 'dummy' | 'mapped' | 'moved' | 'kept';

/** Rows whose attribute is dealt with apart from the table's action; each has its test among those of the rules. */
const apart = new Map<string, string>([
  ['00001000', 'group 0000 is in no data set'],
  ['00001001', 'group 0000 is in no data set'],
  ['00020003', 'file meta information is written anew'],
  ['00080018', 'the SOP Instance UID is checked'],
  ['00100010', 'the pseudonym'],
  ['00100020', 'the pseudonym'],
  ['00101010', 'the age, where it is retained'],
  ['00420011', 'held back'],
  ['*1******', 'private'],
]);

function vrOfRow(tag: Tag, basic: ActionCode): Vr {
  return dictionaryEntry(tag)?.vr ?? (basic === 'U' ? 'UI' : 'LO');
}

function originalElement(tag: Tag, vr: Vr): Part {
  if (vr === 'SQ') {
    return sq(tag, [[el(0x00081155, 'UI', '1.2.3.4.5'), el(0x0040a160, 'UT', 'Original')]]);
  }
  return el(tag, vr, vrForm(vr) === 'text' ? originalText(tag, vr) : new Uint8Array(8).fill(0x2a));
}

function outcomeOf(element: ReadElement | undefined, vr: Vr): Outcome {
  if (element === undefined) return 'removed';
  const { tag } = element;
  if (vr === 'SQ') {
    const [item] = element.items!;
    if (item === undefined) return 'empty';
    return item.text(0x0040a160) === 'Original' ? 'kept' : 'dummy';
  }
  if (element.bytes.length === 0) return 'empty';
  if (element.text === mapped) return 'mapped';
  const isOriginal =
    vrForm(vr) === 'text'
      ? element.text === originalText(tag, vr)
      : element.bytes.every((byte) => byte === 0x2a);
  if (isOriginal) return 'kept';
  const isMoved = (vr === 'DA' || vr === 'DT') && /^20(18|19|20)\d{4}(182938)?$/.test(element.text);
  return isMoved ? 'moved' : 'dummy';
}

/** What an action leaves of an element of a VR. */
function expectedOutcome(action: string, vr: Vr, otherwise: string): Outcome {
  switch (action) {
    case 'X':
      return 'removed';
    case 'Z':
      return 'empty';
    case 'D':
      // UIDs are mapped even where a dummy would do.
      return vr === 'UI' ? 'mapped' : 'dummy';
    case 'U':
      // A sequence of references keeps what it has, with mapped UIDs.
      return vr === 'SQ' ? 'kept' : 'mapped';
    case 'K':
      return 'kept';
    default:
      if (vr === 'DA' || vr === 'DT') return 'moved';
      if (vr === 'AE') return 'dummy';
      return vrForm(vr) === 'bytes' ? expectedOutcome(otherwise, vr, otherwise) : 'kept';
  }
}

describe.each([TransferSyntax.ExplicitVrLittleEndian, TransferSyntax.ImplicitVrLittleEndian])(
  'data sets in %s',
  (transferSyntaxUid) => {
    const rows = confidentialityProfiles().filter(({ pattern }) => !apart.has(pattern));

    /** All rows in one data set, and once more in a sequence that no row is about. */
    const parts = rows.map(({ pattern, basic }) => {
      const tag = tagOfRow(pattern);
      return originalElement(
        tag,
        pattern.includes('x') ? (dictionaryEntry(tag)?.vr ?? 'OW') : vrOfRow(tag, basic),
      );
    });
    const patient = el(0x00100020, 'LO', patientId);
    const inItem = sq(0x00209222, [[...parts].sort((a, b) => a.tag - b.tag)]);

    test.each(optionSets)('have what the table says of every row under %s', async (...options) => {
      const recipe = recipeOf(options);
      const profile = compileProfile(parseRecipe(recipe));
      const { dataset } = await pseudonymizeParts([...parts, patient, inItem], { transferSyntaxUid, recipe });
      const nested = dataset.items(0x00209222)[0]!;
      for (const { pattern, basic } of rows) {
        const tag = tagOfRow(pattern);
        const vr = pattern.includes('x') ? (dictionaryEntry(tag)?.vr ?? 'OW') : vrOfRow(tag, basic);
        const { action, otherwise } = profile.ruleFor(tag);
        // In implicit VR, nobody knows what an attribute is that the dictionary lacks: the safe way is not to keep it.
        const isUnknown = dictionaryEntry(tag) === undefined;
        const isKept = action === 'K' || action === 'C';
        if (isUnknown && isKept && transferSyntaxUid === TransferSyntax.ImplicitVrLittleEndian) continue;
        const expected = expectedOutcome(action, vr, otherwise);
        expect({
          pattern,
          outer: outcomeOf(dataset.get(tag), vr),
          nested: outcomeOf(nested.get(tag), vr),
        }).toEqual({ pattern, outer: expected, nested: expected });
      }
      const uids = [...dataset.all()].filter(({ vr }) => vr === 'UI').map(({ text }) => text);
      expect(uids.includes('1.2.3.4.5')).toBe(
        options.includes('retainUids') || options.includes('retainDeviceIdentity'),
      );
    });

    test('are no less clean where attributes are empty', async () => {
      const empty = rows.map(({ pattern, basic }) => {
        const tag = tagOfRow(pattern);
        const vr = vrOfRow(tag, basic);
        return vr === 'SQ' ? sq(tag, []) : el(tag, vr);
      });
      const { dataset } = await pseudonymizeParts(empty, { transferSyntaxUid });
      const profile = compileProfile(parseRecipe(recipeOf([])));
      for (const { pattern } of rows) {
        const tag = tagOfRow(pattern);
        expect(dataset.get(tag) === undefined, pattern).toBe(profile.ruleFor(tag).action === 'X');
      }
    });
  },
);

test('an attribute is what its Type in the IOD asks for, wherever an IOD has it', async () => {
  // For each row and Type, a SOP class that has the attribute with that Type in its data sets.
  const classes = [
    '1.2.840.10008.5.1.4.1.1.2',
    '1.2.840.10008.5.1.4.1.1.4.1',
    '1.2.840.10008.5.1.4.1.1.7',
    '1.2.840.10008.5.1.4.1.1.11.1',
    '1.2.840.10008.5.1.4.1.1.66.4',
    '1.2.840.10008.5.1.4.1.1.88.11',
    '1.2.840.10008.5.1.4.1.1.481.3',
    '1.2.840.10008.5.1.4.1.1.481.4',
    '1.2.840.10008.5.1.4.1.1.481.5',
    '1.2.840.10008.5.1.4.1.1.128',
    '1.2.840.10008.5.1.4.1.1.77.1.6',
    '1.2.840.10008.5.1.4.1.1.1.1',
  ];
  let checked = 0;
  for (const sopClassUid of classes) {
    const known = attributeTypesOf(sopClassUid)!;
    const rows = confidentialityProfiles().filter(
      ({ tag, pattern }) => tag !== undefined && known.types.has(tag) && !apart.has(pattern),
    );
    const { dataset } = await pseudonymizeParts(
      rows.map(({ tag, basic }) => originalElement(tag!, vrOfRow(tag!, basic))),
      { sopClassUid },
    );
    for (const { tag, basic, pattern } of rows) {
      const vr = vrOfRow(tag!, basic);
      const row = { tag: `(${pattern})`, basic_profile: basic, options: {} };
      const action = readingOf(row, [], known.types.get(tag!));
      expect({ sopClassUid, pattern, outcome: outcomeOf(dataset.get(tag!), vr) }).toEqual({
        sopClassUid,
        pattern,
        outcome: expectedOutcome(action, vr, action),
      });
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(150);
});

test('every dummy is a valid value of its VR', async () => {
  const patterns: Partial<Record<Vr, RegExp>> = {
    AE: /^[ -~]{1,16}$/,
    AS: /^\d{3}[DWMY]$/,
    CS: /^[A-Z0-9 _]{1,16}$/,
    DA: /^(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/,
    DT: /^\d{14}$/,
    TM: /^([01]\d|2[0-3])[0-5]\d[0-5]\d$/,
    SH: /^[ -~]{1,16}$/,
    UR: /^[a-z]+:\S+$/,
  };
  const profile = compileProfile(parseRecipe(recipeOf([])));
  for (const { tag, basic, pattern } of confidentialityProfiles()) {
    if (tag === undefined || apart.has(pattern)) continue;
    const vr = vrOfRow(tag, basic);
    if (profile.ruleFor(tag).action !== 'D' || patterns[vr] === undefined) continue;
    const { dataset } = await pseudonymizeParts([originalElement(tag, vr)], { sopClassUid: testSopClassUid });
    expect(dataset.text(tag)).toMatch(patterns[vr]);
  }
});
