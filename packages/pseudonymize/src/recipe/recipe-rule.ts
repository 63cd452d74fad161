import { allVrs } from '@adit/core';
import * as z from 'zod';

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
  keyword: z.string().min(1).max(64).optional().describe('Keyword of PS3.6: `StudyDate`'),
  vr: z.enum(allVrs).optional().describe('VR: all attributes that have it'),
  creator: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .optional()
    .describe('Private Creator: with `tag`, one of its elements, alone, all of them'),
};

const rule = <const Action extends string, Shape extends z.ZodRawShape>(action: Action, shape: Shape) =>
  z.strictObject({ action: z.literal(action), ...selector, ...shape });

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
export type RecipeAction = RecipeRule['action'];
