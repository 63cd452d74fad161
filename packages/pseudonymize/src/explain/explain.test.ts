import { SopClass } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { confidentialityProfiles } from '../profile/confidentiality-profiles.ts';
import { presetNames } from '../recipe/presets.ts';
import { explain } from './explain.ts';

const ct = SopClass.CtImageStorage;

describe('an explanation', () => {
  test('names the row that decided', () => {
    expect(explain('basic', 'StudyDate', { sopClassUid: ct })).toEqual({
      tag: '(0008,0020)',
      keyword: 'StudyDate',
      action: 'Z',
      outcome: 'emptied',
      row: '(0008,0020)',
      option: undefined,
      type: undefined,
      rule: undefined,
      text: '(0008,0020) StudyDate is emptied (Z): row (0008,0020) of Table E.1-1 says Z.',
    });
  });

  test('names the Type where the code depends on it', () => {
    // Content Date is Type 2C in General Image, Series Date Type 3 in General Series (PS3.3 §C.7.6.1, §C.7.3.1).
    expect(explain('basic', 'ContentDate', { sopClassUid: ct })).toMatchObject({ action: 'Z', type: 2 });
    expect(explain('basic', 'SeriesDate', { sopClassUid: ct }).text).toBe(
      '(0008,0021) SeriesDate is removed (X): row (0008,0021) of Table E.1-1 says X/D, and it is of Type 3 in CT Image Storage.',
    );
    const presentationState = { sopClassUid: '1.2.840.10008.5.1.4.1.1.11.1' };
    expect(explain('basic', 'PresentationCreationDate', presentationState)).toMatchObject({
      action: 'D',
      type: 1,
      text: expect.stringMatching(/of Table E\.1-1 says X, but it is of Type 1 in .*Presentation State/),
    });
    expect(explain('basic', 'PresentationCreationDate', { sopClassUid: ct })).toMatchObject({ action: 'X' });
    expect(explain('basic', 'SeriesDate').text).toMatch(
      /given a dummy value \(D\).* the strictest Type counts/,
    );
    expect(explain('basic', 'SeriesDate', { sopClassUid: '1.2.3' }).text).toMatch(
      /is not known, so that the strictest/,
    );
  });

  test('names the option, and the one that it was stricter than', () => {
    expect(explain('basic-modified-dates', '00080020').text).toMatch(
      /moved by whole days \(C\): .* the option Retain Longitudinal Modified Dates overrides that\.$/,
    );
    expect(explain('research-ct', 'DateOfLastCalibration').text).toMatch(
      /stricter than Retain Device Identity/,
    );
  });

  test('names the rule of a recipe, and its condition', () => {
    expect(explain('adit', 'StudyDate')).toMatchObject({ action: 'K', rule: 0 });
    const { text } = explain(
      {
        name: 'r',
        rules: [
          {
            keyword: 'ProtocolName',
            action: 'hash',
            when: { keyword: 'Modality', is: 'equal', value: 'MR' },
          },
        ],
      },
      'ProtocolName',
    );
    expect(text).toBe(
      '(0018,1030) ProtocolName is hashed under the key (D): rule 0 of the recipe says hash. Rule 0 applies only where Modality is equal "MR".',
    );
  });

  test('goes along a path', () => {
    const removed = explain('basic', 'PatientID', { path: ['OtherPatientIDsSequence'] });
    expect(removed).toMatchObject({ action: 'X', outcome: 'removed', row: '(0010,1002)' });
    expect(removed.text).toMatch(/^\(0010,0020\) PatientID is removed with the sequence it is in/);
    const kept = explain('basic', 'ReferencedSOPInstanceUID', { path: ['ReferencedSeriesSequence'] });
    expect(kept).toMatchObject({ action: 'U' });
  });

  test.each([
    ['PatientID', 'set', /it is the pseudonym/],
    ['SOPInstanceUID', 'set', /mapped to another UID/],
    ['PatientIdentityRemoved', 'set', /what was performed/],
    ['(0029,1010)', 'X', /row \(gggg,eeee\) where gggg is odd/],
    ['EncapsulatedDocument', 'D', /held back with the instance/],
    ['EncryptedAttributesSequence', 'X', /no object has it afterwards/],
    ['Rows', 'K', /searched for identifiers/],
    ['ExpiryDate', 'D', /its VR decides/],
    ['00189999', 'X', /neither Table E\.1-1 nor PS3\.6 lists it/],
  ])('of %s', (attribute, action, text) => {
    expect(explain('basic', attribute)).toMatchObject({ action, text: expect.stringMatching(text) });
  });

  test('of a private attribute that is listed as safe', () => {
    const options = { creator: 'SIEMENS MR HEADER' };
    expect(explain('research-mr', '0019100C', options)).toMatchObject({ action: 'K' });
    expect(explain('research-mr', '0019100C', { creator: 'ACME' })).toMatchObject({ action: 'X' });
    expect(explain('basic', '0019100C', options)).toMatchObject({ action: 'X' });
  });

  test('is there for every row of the table and every preset', () => {
    for (const { tag } of confidentialityProfiles()) {
      if (tag === undefined) continue;
      const digits = tag.toString(16).padStart(8, '0');
      for (const name of presetNames)
        expect(explain(name, digits).text).toMatch(/^\([0-9A-F]{4},[0-9A-F]{4}\).*\.$/);
    }
  });

  test('of what is no attribute is refused', () => {
    expect(() => explain('basic', 'ShoeSize')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ATTRIBUTE' }),
    );
  });
});
