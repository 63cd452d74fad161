import { expect, test } from 'vitest';
import { cleanedText } from './cleaned-text.ts';
import { InstanceIdentifiers } from './instance-identifiers.ts';
import { patientIdentifiers } from './patient-identifiers.ts';

const nobody = patientIdentifiers({ names: new Set(), ids: new Set(), birthDates: new Set() });
const identifiers = new InstanceIdentifiers(nobody, new Set(['1.2.276.0.4000000.0.1']));

test.each([
  ['see 1.2.276.0.4000000.0.1 (ok)', 'see (ok)'],
  ['1.2.276.0.4000000.0.1', ''],
  ['knee of 11.12.1950', 'knee of'],
  ['knee of 11.12.1950.', 'knee of.'],
  ['on 1950-12-11, again', 'on, again'],
])('%j becomes %j: a UID goes as a whole, a date as one', (text, expected) => {
  expect(cleanedText(text, identifiers)).toBe(expected);
});
