import { PseudonymizeError } from '../pseudonymize-error.ts';
import { parseRecipe, type Recipe, type RecipeDocument } from './recipe.ts';

/** What an ADIT before this one kept of dates and times: those of study, series, acquisition, content and frames. */
const datesOfAdit = [
  'StudyDate',
  'StudyTime',
  'SeriesDate',
  'SeriesTime',
  'AcquisitionDate',
  'AcquisitionTime',
  'AcquisitionDateTime',
  'ContentDate',
  'ContentTime',
  'FrameReferenceDateTime',
];

const documents = {
  basic: {
    name: 'basic',
    description: 'The Basic Application Level Confidentiality Profile (PS3.15 §E.2) and nothing else.',
  },
  'basic-modified-dates': {
    name: 'basic-modified-dates',
    description:
      'The Basic Profile; dates are kept, all those of a patient moved by the same number of whole days, 62 to 730, so that ' +
      'the time between examinations stays.',
    dates: { action: 'shift', days: { from: 62, to: 730 } },
  },
  adit: {
    name: 'adit',
    description:
      'The Basic Profile; dates and times of study, series, acquisition and content stay as they are, and so do age, sex, ' +
      'size and weight. Ages above 90 years become 90 years.',
    options: ['retainPatientCharacteristics'],
    maximumAge: 90,
    rules: datesOfAdit.map((keyword) => ({ keyword, action: 'keep' as const })),
  },
  'research-mr': {
    name: 'research-mr',
    description:
      'For quantitative work with MR: modified dates, patient characteristics, device, cleaned descriptions, and the private ' +
      'attributes that PS3.15 lists as safe, diffusion among them.',
    options: [
      'cleanDescriptors',
      'retainPatientCharacteristics',
      'retainDeviceIdentity',
      'retainSafePrivate',
    ],
    dates: { action: 'shift', days: { from: 62, to: 730 } },
    maximumAge: 90,
  },
  'research-ct': {
    name: 'research-ct',
    description:
      'For work with CT: modified dates, patient characteristics, device, cleaned descriptions and graphics, dose reports ' +
      'with their numbers, and the private attributes that PS3.15 lists as safe.',
    options: [
      'cleanGraphics',
      'cleanStructuredContent',
      'cleanDescriptors',
      'retainPatientCharacteristics',
      'retainDeviceIdentity',
      'retainSafePrivate',
    ],
    dates: { action: 'shift', days: { from: 62, to: 730 } },
    maximumAge: 90,
  },
} as const satisfies Record<string, RecipeDocument>;

/** A recipe that comes with the package. */
export type PresetName = keyof typeof documents;

export const presetNames = Object.keys(documents) as readonly PresetName[];

const parsed = new Map<PresetName, Recipe>();

/** A recipe that comes with the package, by its name. Throws `UNKNOWN_RECIPE`, for names from outside. */
export function presetRecipe(name: PresetName): Recipe {
  let recipe = parsed.get(name);
  if (recipe === undefined) {
    if (!isPresetName(name)) {
      throw new PseudonymizeError(
        'UNKNOWN_RECIPE',
        `There is no recipe "${name}"; there are ${presetNames.join(', ')}.`,
      );
    }
    recipe = parseRecipe(documents[name]);
    parsed.set(name, recipe);
  }
  return recipe;
}

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(documents, name);
}
