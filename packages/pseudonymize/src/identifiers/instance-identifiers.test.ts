import { expect, test } from 'vitest';
import { InstanceIdentifiers } from './instance-identifiers.ts';
import { patientIdentifiers } from './patient-identifiers.ts';

const nobody = patientIdentifiers({ names: new Set(), ids: new Set(), birthDates: new Set() });
const identifiers = new InstanceIdentifiers(nobody, new Set(['1.2.3.4']));

test.each([
  'derived from 1.2.3.4',
  'https://pacs/studies/1.2.3.4/series',
  // One that the header has not: it looks like a UID, and PS3.6 does not list it.
  '1.3.12.2.1107.5.1.4.66002.30000020070514400054400005543',
])('%j names an instance', (text) => {
  expect(identifiers.in(text)).toBe(true);
  expect(identifiers.in(text, 'code')).toBe(true);
});

test.each([
  '1.2.840.10008.5.1.4.1.1.2',
  'version 1.2.3',
  '1.2.3.45',
  '192.168.100.200',
  '0.16015625',
  'syngo.via 3.10.0000.0021',
])('%j does not', (text) => {
  expect(identifiers.in(text)).toBe(false);
});
