import * as z from 'zod';
import { pixelMaskRule } from '../pixels/pixel-mask.ts';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import { profileOptions } from './profile-option.ts';
import { contradictionsOf } from './recipe-contradictions.ts';
import { recipeRule } from './recipe-rule.ts';

/** The one edition of PS3.15 whose tables this package has. */
export const recipeEdition = '2026d';

/** A value of VR LO (PS3.5 §6.2) that is not empty. */
const longString = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\\\p{Cc}]*$/u, 'must not hold a backslash or a control character');

const dates = z.strictObject({
  action: z
    .enum(['remove', 'keep', 'shift'])
    .describe(
      'keep: Retain Longitudinal Temporal Information with Full Dates; shift: with Modified Dates, every date of a patient by ' +
        'the same number of whole days. Naming the option under `options` means the same.',
    ),
  days: z
    .strictObject({
      from: z.int().min(1).max(36_500).describe('Least number of days'),
      to: z.int().min(1).max(36_500).describe('Most number of days'),
    })
    .optional()
    .describe('How many days earlier shifted dates are, by key and patient. Default: 62 to 730'),
});

const trial = z.strictObject({
  protocolId: longString.optional().describe('Becomes Clinical Trial Protocol ID (0012,0020)'),
  protocolName: longString.optional().describe('Becomes Clinical Trial Protocol Name (0012,0021)'),
  patientComments: z
    .literal('xnat')
    .optional()
    .describe(
      'Patient Comments (0010,4000) become what XNAT sorts by: `Project:<protocolId> Subject:<pseudonym> ' +
        'Session:<pseudonym>_<StudyDate>-<StudyTime>`, with date and time as they are afterwards',
    ),
});

/** The document, as JSON. `parseRecipe` also finds what contradicts itself. */
export const recipeSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Where the JSON Schema of this document is, for editors'),
    name: longString.describe('What people call it'),
    description: z.string().max(2000).optional(),
    edition: z
      .literal(recipeEdition)
      .default(recipeEdition)
      .describe('Edition of PS3.15 whose tables are applied'),
    options: z
      .array(z.enum(profileOptions))
      .max(profileOptions.length)
      .default([])
      .describe('Options of PS3.15 §E.3 that are performed on top of the Basic Profile'),
    dates: dates
      .optional()
      .describe('What becomes of dates and times. Default: remove, unless an option says otherwise'),
    maximumAge: z
      .int()
      .min(1)
      .max(999)
      .optional()
      .describe(
        "Patient's Age (0010,1010), in years, is at most this: whoever is older becomes that old. Needs an age that is kept",
      ),
    patientDomain: longString
      .optional()
      .describe(
        'Issuer of the Patient IDs of objects that name none, so that they are the same patients as those that do',
      ),
    trial: trial.optional().describe('Tags of a clinical trial, written into every instance'),
    rules: z
      .array(recipeRule)
      .max(10_000)
      .default([])
      .describe('What becomes of single attributes, whatever profile and options say'),
    pixelMasks: z
      .array(pixelMaskRule)
      .max(10_000)
      .optional()
      .describe(
        'Parts of images that are blackened, for the option cleanPixelData. Without a rule for it, all but its regions is ' +
          'blackened in an ultrasound image, and other images that may have text burned in are held back',
      ),
  })
  .meta({ title: 'ADIT pseudonymization recipe' });

/** A recipe as somebody writes it: what has a default may be left out. */
export type RecipeDocument = z.input<typeof recipeSchema>;

/** A recipe that is complete and does not contradict itself: what `parseRecipe` gives. */
export type Recipe = z.output<typeof recipeSchema>;

/**
 * Reads a recipe: checks it and fills in the defaults. `dates` and the options about dates agree afterwards.
 *
 * Throws `INVALID_RECIPE`: the document has not the form, asks for what is not performed, or contradicts itself. The
 * message names all places.
 */
export function parseRecipe(document: unknown): Recipe {
  const result = recipeSchema.safeParse(document);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => {
      const place = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
      return place + message;
    });
    throw invalid(problems);
  }
  const recipe = withAgreedDates(result.data);
  const problems = contradictionsOf(recipe);
  if (problems.length > 0) throw invalid(problems);
  return recipe;
}

/** Most problems that one message tells. */
const maxTold = 10;

function invalid(problems: readonly string[]): PseudonymizeError {
  const told = problems.slice(0, maxTold).join('; ');
  const rest = problems.length > maxTold ? `; and ${problems.length - maxTold} more` : '';
  return new PseudonymizeError('INVALID_RECIPE', `The recipe cannot be used: ${told}${rest}.`);
}

const optionOfDates = {
  keep: 'retainLongitudinalFullDates',
  shift: 'retainLongitudinalModifiedDates',
  remove: undefined,
} as const;

/** The same thing may be said under `dates` and under `options`: afterwards it is said under both. */
function withAgreedDates(recipe: Recipe): Recipe {
  const options = new Set(recipe.options);
  const asked = recipe.dates && optionOfDates[recipe.dates.action];
  if (asked !== undefined) options.add(asked);
  let { dates } = recipe;
  if (dates === undefined) {
    if (options.has(optionOfDates.keep)) dates = { action: 'keep' };
    else if (options.has(optionOfDates.shift)) dates = { action: 'shift' };
    else dates = { action: 'remove' };
  }
  return { ...recipe, options: profileOptions.filter((option) => options.has(option)), dates };
}
