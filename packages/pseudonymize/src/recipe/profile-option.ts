/** The options of PS3.15 §E.3, in the order of CID 7050. */
export const profileOptions = [
  'cleanPixelData',
  'cleanRecognizableVisualFeatures',
  'cleanGraphics',
  'cleanStructuredContent',
  'cleanDescriptors',
  'retainLongitudinalFullDates',
  'retainLongitudinalModifiedDates',
  'retainPatientCharacteristics',
  'retainDeviceIdentity',
  'retainUids',
  'retainSafePrivate',
  'retainInstitutionIdentity',
] as const;

export type RecipeOption = (typeof profileOptions)[number];
