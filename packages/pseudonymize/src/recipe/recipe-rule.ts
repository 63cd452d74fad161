import { allVrs } from '@adit/core';
import * as z from 'zod';

const keyword = z.string().min(1).max(64);

const exactTag = z
  .string()
  .regex(/^(?:[0-9A-Fa-f]{8}|\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\))$/, 'is not a tag: eight hexadecimal digits');

/** Which attributes a rule is about, at every depth: a tag or a keyword or a VR; with `creator`, private ones. */
const selector = {
  tag: z
    .string()
    .regex(
      /^(?:[0-9A-Fa-fXx]{8}|\([0-9A-Fa-fXx]{4},[0-9A-Fa-fXx]{4}\))$/,
      'is not a tag: eight hexadecimal digits, x for any, as in 00080020, (0008,0020) or 50xx3000',
    )
    .optional()
    .describe(
      'Tag, x for any digit: `(0008,0020)`, `50xxxxxx`. With `creator`, the block is any: `0029xx10`',
    ),
  keyword: keyword.optional().describe('Keyword of PS3.6: `StudyDate`'),
  vr: z.enum(allVrs).optional().describe('VR: all attributes that have it'),
  creator: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .optional()
    .describe('Private Creator: with `tag`, one of its elements, alone, all of them'),
};

/** When a rule applies: by the value that an attribute of the data set itself, not of its sequences, had before. */
export const recipeCondition = z
  .strictObject({
    tag: exactTag.optional(),
    keyword: keyword.optional(),
    is: z
      .enum(['present', 'blank', 'equal', 'containing', 'matching', 'greater'])
      .describe(
        'present: it is there; blank: it is not there or has no value; equal, containing: upper and lower case are the same; ' +
          'matching: a regular expression for the whole value; greater: as a number, units left out',
      ),
    value: z
      .string()
      .max(1024)
      .optional()
      .describe('What it is compared with: all but present and blank need it'),
    not: z.boolean().default(false).describe('The rule applies when it is not so'),
  })
  .describe(
    'The rule applies only to objects of which this is true. Of several rules for an attribute, the first that applies counts',
  );

const rule = <const Action extends string, Shape extends z.ZodRawShape>(action: Action, shape: Shape) =>
  z.strictObject({ action: z.literal(action), ...selector, when: recipeCondition.optional(), ...shape });

/** What becomes of an attribute by a rule of a recipe. */
export const recipeRule = z
  .discriminatedUnion('action', [
    rule('keep', {}).describe('Unchanged; of a sequence, its items are treated like everything else'),
    rule('remove', {}).describe('Not there afterwards'),
    rule('empty', {}).describe('There without a value'),
    rule('replace', {
      value: z
        .string()
        .max(10_240)
        .describe('The value, several with backslashes between them; numbers in decimal'),
    }).describe('The value given, whether there was one or not; attributes that are not there are not added'),
    rule('pseudonym', {}).describe("The patient's pseudonym"),
    rule('hash', {
      length: z.int().min(4).max(51).default(16).describe('Most characters; VRs that take fewer get fewer'),
    }).describe('Each value becomes letters and digits made of it by the key: the same value, the same text'),
    rule('initials', {}).describe(
      'A name becomes its initials, the family name last: DOE^JANE^Q becomes JQD',
    ),
    rule('round-age', {
      years: z.int().min(2).max(50).describe('Ages become multiples of this'),
    }).describe(
      'An age in years becomes the nearest multiple; ages in months, weeks and days become 0 or the first multiple',
    ),
    rule('round-date', {
      to: z.enum(['month', 'year']).describe('What stays'),
    }).describe('A date becomes the first day of its month or year; of a date and time, no time stays'),
    rule('hold-back', {}).describe('An object that has it is held back'),
    rule('map-uid', {}).describe('UIDs become others, the same ones everywhere'),
    rule('shift-date', {
      days: z
        .int()
        .min(-36_500)
        .max(36_500)
        .optional()
        .describe("Days added, the same for everybody. Default: the patient's own number"),
    }).describe('Dates are moved by whole days, times stay'),
    rule('clean', {}).describe(
      'Kept, without what identifies: names, numbers and dates of the header, whole or in part',
    ),
  ])
  .meta({
    // For the JSON Schema, which does not have what `selectorOf` checks.
    allOf: [
      {
        oneOf: [
          { required: ['tag'] },
          { required: ['keyword'] },
          { required: ['vr'] },
          { required: ['creator'], not: { required: ['tag'] } },
        ],
      },
    ],
  });

export type RecipeRule = z.output<typeof recipeRule>;
export type RecipeCondition = NonNullable<RecipeRule['when']>;
export type RecipeAction = RecipeRule['action'];
