import { readFileSync } from 'node:fs';
import { makeTag } from '@adit/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import { presetNames, presetRecipe } from './presets.ts';
import { parseRecipe, type RecipeDocument } from './recipe.ts';
import { recipeDigest } from './recipe-digest.ts';
import { recipeJsonSchema } from './recipe-json-schema.ts';
import { createRuleMatcher } from './rule-matcher.ts';

/** A document that uses every part. */
const full: RecipeDocument = {
  $schema: './recipe.schema.json',
  name: 'lung',
  description: 'Lung screening',
  edition: '2026d',
  options: ['cleanDescriptors', 'retainPatientCharacteristics'],
  dates: { action: 'shift', days: { from: 100, to: 200 } },
  maximumAge: 89,
  patientDomain: 'Hospital A',
  trial: { protocolId: 'LUNG-1', protocolName: 'Lung screening', patientComments: 'xnat' },
  rules: [
    { keyword: 'SeriesDescription', action: 'keep' },
    { tag: '(0008,1030)', action: 'clean' },
    { tag: '50xx3000', action: 'remove' },
    { tag: '0019xx0C', creator: 'SIEMENS MR HEADER', action: 'keep' },
    { creator: 'GEMS_PARM_01', action: 'empty' },
    { vr: 'UR', action: 'remove' },
    { keyword: 'InstitutionName', action: 'replace', value: 'Hospital' },
    { keyword: 'ScheduledProcedureStepStartDate', action: 'shift-date', days: -7 },
    { keyword: 'StudyInstanceUID', action: 'map-uid' },
    { keyword: 'ClinicalTrialSubjectID', action: 'pseudonym' },
    { keyword: 'StationName', action: 'hash', length: 8 },
    { keyword: 'ReferringPhysicianName', action: 'initials' },
    { keyword: 'PatientAge', action: 'round-age', years: 5 },
    { keyword: 'PatientBirthDate', action: 'round-date', to: 'year' },
    { keyword: 'ProtocolName', action: 'keep', when: { keyword: 'Modality', is: 'equal', value: 'MR' } },
    { keyword: 'ProtocolName', action: 'clean', when: { tag: '00080060', is: 'blank', not: true } },
    { keyword: 'ProtocolName', action: 'remove' },
  ],
};

const refused: [name: string, change: Record<string, unknown>, message: RegExp][] = [
  ['no name', { name: undefined }, /name: /],
  ['a member that is not known', { datess: {} }, /datess/],
  ['another edition', { edition: '2013' }, /edition: /],
  ['an option that is not known', { options: ['retainEverything'] }, /options\.0: /],
  [
    'a backslash in a trial',
    { trial: { protocolId: 'A\\B' } },
    /trial\.protocolId: must not hold a backslash/,
  ],
  ['an action that is not known', { rules: [{ vr: 'LO', action: 'encrypt' }] }, /rules\.0/],
  ['a replacement without a value', { rules: [{ vr: 'LO', action: 'replace' }] }, /rules\.0\.value: /],
  ['a VR that is not one', { rules: [{ vr: 'XX', action: 'keep' }] }, /rules\.0\.vr: /],
  ['a tag that is not one', { rules: [{ tag: '0008-0020', action: 'keep' }] }, /rules\.0\.tag: is not a tag/],
  ['a hash that is too short', { rules: [{ vr: 'LO', action: 'hash', length: 3 }] }, /rules\.0\.length: /],
  [
    'a condition that is not known',
    { rules: [{ vr: 'LO', action: 'keep', when: { keyword: 'Modality', is: 'odd' } }] },
    /rules\.0\.when\.is: /,
  ],
  ['a rule about nothing', { rules: [{ action: 'keep' }] }, /rules\.0: takes one of/],
  [
    'a rule about two things',
    { rules: [{ vr: 'LO', keyword: 'StudyDate', action: 'keep' }] },
    /rules\.0: takes one of/,
  ],
];

/** What only the whole says: JSON Schema cannot. */
const contradictory: [name: string, change: Partial<RecipeDocument>, message: RegExp][] = [
  ['faces removed', { options: ['cleanRecognizableVisualFeatures'] }, /not performed/],
  [
    'full and modified dates',
    {
      options: ['retainLongitudinalFullDates', 'retainLongitudinalModifiedDates'],
      dates: undefined,
      maximumAge: undefined,
    },
    /exclude each other/,
  ],
  [
    'dates shifted and full',
    { options: ['retainLongitudinalFullDates'], maximumAge: undefined },
    /exclude each other/,
  ],
  [
    'dates removed and retained',
    { options: ['retainLongitudinalFullDates'], dates: { action: 'remove' }, maximumAge: undefined },
    /remove contradicts/,
  ],
  [
    'a range of days for dates that are kept',
    { dates: { action: 'keep', days: { from: 1, to: 2 } } },
    /only shifted/,
  ],
  ['a range upside down', { dates: { action: 'shift', days: { from: 3, to: 2 } } }, /from is more than to/],
  ['an age that is not kept', { options: [] }, /maximumAge: needs/],
  ['comments for XNAT without a project', { trial: { patientComments: 'xnat' } }, /needs a protocolId/],
  [
    'an unknown keyword',
    { rules: [{ keyword: 'PatientShoeSize', action: 'keep' }] },
    /PatientShoeSize is not a keyword/,
  ],
  [
    'two rules for one attribute',
    {
      rules: [
        { keyword: 'StudyDate', action: 'keep' },
        { tag: '00080020', action: 'remove' },
      ],
    },
    /rules\.1: is about the same as rules\.0/,
  ],
  [
    'a rule for the Patient ID',
    { rules: [{ tag: '(0010,0020)', action: 'keep' }] },
    /set by the pseudonymizer/,
  ],
  ['a private tag without a creator', { rules: [{ tag: '00291010', action: 'keep' }] }, /name its creator/],
  [
    'a creator with a block',
    { rules: [{ tag: '00291010', creator: 'A', action: 'keep' }] },
    /xx for the block/,
  ],
  ['a creator of an even group', { rules: [{ tag: '0028xx10', creator: 'A', action: 'keep' }] }, /odd group/],
  ['UIDs mapped that are none', { rules: [{ keyword: 'StudyDate', action: 'map-uid' }] }, /for UIDs/],
  ['dates shifted that are none', { rules: [{ keyword: 'StudyID', action: 'shift-date' }] }, /for dates/],
  ['a hash of numbers', { rules: [{ keyword: 'Rows', action: 'hash' }] }, /hash is for texts/],
  ['initials of a date', { rules: [{ keyword: 'StudyDate', action: 'initials' }] }, /initials are for names/],
  ['an age rounded as a date', { rules: [{ vr: 'AS', action: 'round-date', to: 'year' }] }, /for dates/],
  ['a date rounded as an age', { rules: [{ vr: 'DA', action: 'round-age', years: 5 }] }, /for ages/],
  [
    'two rules for one attribute under one condition',
    {
      rules: [
        { vr: 'LO', action: 'keep', when: { keyword: 'Modality', is: 'present' } },
        { vr: 'LO', action: 'remove', when: { keyword: 'Modality', is: 'present' } },
      ],
    },
    /rules\.1: is about the same as rules\.0/,
  ],
  [
    'a rule that another one never lets apply',
    {
      rules: [
        { vr: 'LO', action: 'keep' },
        { vr: 'LO', action: 'remove', when: { keyword: 'Modality', is: 'present' } },
      ],
    },
    /rules\.1: is about the same as rules\.0/,
  ],
  ...(
    [
      ['about nothing', { is: 'blank' }, /takes one of tag and keyword/],
      ['about an unknown keyword', { keyword: 'Modalitee', is: 'blank' }, /Modalitee is not a keyword/],
      ['without its value', { keyword: 'Modality', is: 'equal' }, /equal needs a value/],
      ['with a value for nothing', { keyword: 'Modality', is: 'blank', value: 'MR' }, /blank takes no value/],
      [
        'with a broken expression',
        { keyword: 'Modality', is: 'matching', value: '(' },
        /not a regular expression/,
      ],
      ['with a number that is none', { keyword: 'Modality', is: 'greater', value: 'MR' }, /not a number/],
    ] as const
  ).map(
    ([name, when, message]) =>
      [
        `a condition ${name}`,
        { rules: [{ vr: 'LO', action: 'keep', when }] } as Partial<RecipeDocument>,
        message,
      ] as [string, Partial<RecipeDocument>, RegExp],
  ),
  [
    'a sequence replaced by a text',
    { rules: [{ keyword: 'ContentSequence', action: 'replace', value: '1' }] },
    /not for sequences/,
  ],
];

const changed = (change: Record<string, unknown>) =>
  Object.fromEntries(Object.entries({ ...full, ...change }).filter(([, value]) => value !== undefined));

describe('a recipe', () => {
  test('is read, with its defaults filled in', () => {
    expect(parseRecipe({ name: 'short' })).toEqual({
      name: 'short',
      edition: '2026d',
      options: [],
      dates: { action: 'remove' },
      rules: [],
    });
    expect(parseRecipe(full)).toMatchObject({
      options: ['cleanDescriptors', 'retainLongitudinalModifiedDates', 'retainPatientCharacteristics'],
      dates: { action: 'shift' },
    });
  });

  test('says the same of dates by an option as by `dates`', () => {
    const byOption = parseRecipe({ name: 'r', options: ['retainLongitudinalFullDates'] });
    expect(byOption).toEqual(parseRecipe({ name: 'r', dates: { action: 'keep' } }));
  });

  test.each([...refused, ...contradictory])('is refused: %s', (_, change, message) => {
    let error: unknown;
    try {
      parseRecipe(changed(change));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PseudonymizeError);
    expect(error).toMatchObject({ code: 'INVALID_RECIPE', message: expect.stringMatching(message) });
  });

  test('read again is itself', () => {
    const recipe = parseRecipe(full);
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  });

  test('of whatever kind gives a recipe or INVALID_RECIPE', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(full)), (value, member) => {
        for (const document of [value, { ...full, [member]: value }]) {
          try {
            parseRecipe(document);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_RECIPE' });
          }
        }
      }),
    );
  });
});

describe('the JSON Schema that the package publishes', () => {
  const published = JSON.parse(
    readFileSync(new URL('../../recipe.schema.json', import.meta.url), 'utf8'),
  ) as Record<string, unknown>;
  const validate = new Ajv2020().compile(published);

  test('is the one that recipes are read by (generate/recipe-schema.ts writes it)', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(recipeJsonSchema())));
  });

  test('takes every preset, and a document that uses every part', () => {
    expect(validate(full)).toBe(true);
    for (const name of presetNames) expect(validate(presetRecipe(name))).toBe(true);
  });

  test.each(refused)('refuses %s', (_, change) => {
    expect(validate(changed(change))).toBe(false);
  });
});

describe('a recipe’s digest', () => {
  test('does not depend on the order of members, on what has a default or on where the schema is', () => {
    const turned = Object.fromEntries(Object.entries(full).reverse());
    expect(recipeDigest(parseRecipe(turned))).toBe(recipeDigest(parseRecipe(full)));
    expect(recipeDigest(parseRecipe(changed({ $schema: undefined })))).toBe(recipeDigest(parseRecipe(full)));
    expect(recipeDigest(parseRecipe({ name: 'a', rules: [], edition: '2026d' }))).toBe(
      recipeDigest(parseRecipe({ name: 'a' })),
    );
  });

  test('is SHA-256 of the canonical JSON', () => {
    // printf '{"dates":{"action":"remove"},"edition":"2026d","name":"a","options":[],"rules":[]}' | sha256sum
    expect(recipeDigest(parseRecipe({ name: 'a' }))).toBe(
      '53b4d789eb795f09aa4c66fe0ef68cef8278acc5dcd80b52b785504819a2f2eb',
    );
  });

  test('is another for another recipe', () => {
    const digests = presetNames.map((name) => recipeDigest(presetRecipe(name)));
    expect(new Set(digests).size).toBe(presetNames.length);
  });
});

describe('presets', () => {
  test('are there under their names', () => {
    expect(presetNames).toEqual(['basic', 'basic-modified-dates', 'adit', 'research-mr', 'research-ct']);
    for (const name of presetNames) expect(presetRecipe(name).name).toBe(name);
  });

  test('that do not exist are refused', () => {
    expect(() => presetRecipe('none' as 'basic')).toThrow(/There is no recipe "none"; there are basic,/);
  });
});

describe('of several rules', () => {
  const { rules } = parseRecipe({
    name: 'order',
    rules: [
      { vr: 'DA', action: 'empty' },
      { tag: '0008xxxx', action: 'remove' },
      { tag: '00080xxx', action: 'clean' },
      { keyword: 'StudyDate', action: 'keep' },
      { creator: 'ACME', action: 'remove' },
      { creator: 'ACME', tag: '0029xxxx', action: 'clean' },
      { creator: 'ACME', tag: '0029xx01', action: 'keep' },
      { tag: '0031xxxx', action: 'empty' },
    ],
  });
  const matcher = createRuleMatcher(rules);

  test.each([
    ['a tag wins over patterns and VRs', makeTag(0x0008, 0x0020), 'DA', 'keep'],
    ['a pattern with more digits over one with fewer', makeTag(0x0008, 0x0021), 'DA', 'clean'],
    ['a pattern over a VR', makeTag(0x0008, 0x1030), 'LO', 'remove'],
    ['a VR over nothing', makeTag(0x0018, 0x1012), 'DA', 'empty'],
  ] as const)('%s', (_, tag, vr, action) => {
    expect(matcher.standard(tag, vr)?.action).toBe(action);
  });

  test('none is about what the pseudonymizer sets itself', () => {
    expect(matcher.standard(makeTag(0x0008, 0x0005), 'CS')).toBeUndefined();
    expect(matcher.standard(makeTag(0x0008, 0x0018), 'UI')).toBeUndefined();
  });

  test.each([
    ['an element of a creator', 'ACME', makeTag(0x0029, 0x1101), 'keep'],
    ['a group of a creator', 'ACME', makeTag(0x0029, 0x1102), 'clean'],
    ['all of a creator', 'ACME', makeTag(0x0031, 0x1001), 'remove'],
    ['a pattern, whoever created it', 'OTHER', makeTag(0x0031, 0x1001), 'empty'],
    ['nothing', 'OTHER', makeTag(0x0029, 0x1001), undefined],
    ['nothing, where no creator is known', undefined, makeTag(0x0029, 0x1001), undefined],
  ])('private: %s', (_, creator, tag, action) => {
    expect(matcher.private(creator, tag, 'LO')?.action).toBe(action);
  });
});
