import { describe, expect, it } from 'vitest';
import { attributeOf, attributesFrom, itemsOf, numberOf, textOf, textsOf } from './attribute-access.ts';
import type { Attributes } from './attributes.ts';
import { Tags } from './tags.ts';

const attributes: Attributes = {
  '00080008': { vr: 'CS', Value: ['ORIGINAL', null, 'AXIAL'] },
  '00081140': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }] },
  '00081199': { vr: 'SQ' },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Phonetic: 'やまだ' }] },
  '00100020': { vr: 'LO' },
  '00101030': { vr: 'DS', Value: [61.5] },
  '00200013': { vr: 'IS', Value: ['+4'] },
  '00280010': { vr: 'US', Value: [0] },
  '00420011': { vr: 'OB', InlineBinary: 'AQI=' },
};

describe('reading', () => {
  it('finds an attribute by keyword, by digits and by tag', () => {
    const wanted = attributes['00101030'];
    expect(attributeOf(attributes, 'PatientWeight')).toBe(wanted);
    expect(attributeOf(attributes, '00101030')).toBe(wanted);
    expect(attributeOf(attributes, 0x00101030)).toBe(wanted);
    expect(attributeOf(attributes, 'NoSuchKeyword')).toBeUndefined();
    expect(attributeOf(attributes, 'constructor')).toBeUndefined();
  });

  it('gives the first value as text', () => {
    expect(textOf(attributes, 'ImageType')).toBe('ORIGINAL');
    expect(textOf(attributes, 'PatientName')).toBe('Yamada^Tarou==やまだ');
    expect(textOf(attributes, 'PatientWeight')).toBe('61.5');
    expect(textOf(attributes, Tags.Rows)).toBe('0');
    for (const key of ['PatientID', 'PatientSex', 'ReferencedImageSequence', 'EncapsulatedDocument']) {
      expect(textOf(attributes, key), key).toBeUndefined();
    }
  });

  it('gives all values as texts', () => {
    expect(textsOf(attributes, 'ImageType')).toEqual(['ORIGINAL', '', 'AXIAL']);
    expect(textsOf(attributes, 'PatientSex')).toEqual([]);
    expect(textsOf(attributes, 'ReferencedImageSequence')).toEqual([]);
  });

  it('gives the first value as a number', () => {
    expect(numberOf(attributes, 'PatientWeight')).toBe(61.5);
    expect(numberOf(attributes, 'InstanceNumber')).toBe(4);
    expect(numberOf(attributes, 'Rows')).toBe(0);
    expect(numberOf(attributes, 'ImageType')).toBeUndefined();
    expect(numberOf(attributes, 'PatientID')).toBeUndefined();
  });

  it('gives the items of a sequence', () => {
    expect(itemsOf(attributes, 'ReferencedImageSequence')).toHaveLength(1);
    expect(itemsOf(attributes, 'ReferencedSOPSequence')).toEqual([]);
    expect(itemsOf(attributes, 'ImageType')).toEqual([]);
    expect(itemsOf(attributes, 'PatientID')).toEqual([]);
  });
});

describe('attributesFrom', () => {
  it('takes the VR from the dictionary', () => {
    expect(
      attributesFrom({
        ImageType: ['ORIGINAL', 'PRIMARY'],
        PatientName: 'Yamada^Tarou=山田^太郎',
        PatientID: '',
        PatientSex: undefined,
        OtherPatientNames: ['A', { Alphabetic: 'B' }],
        PatientWeight: 61.5,
        InstanceNumber: '4',
        StudyDate: '20240101-20240131',
        Rows: '512',
        '(0028,0011)': 512,
        ReferencedImageSequence: [{ ReferencedSOPInstanceUID: '1.2' }],
        ReferencedSOPSequence: [],
        ReferencedStudySequence: { ReferencedSOPInstanceUID: '1.3' },
        EncapsulatedDocument: Uint8Array.of(1, 2),
        '00091010': { vr: 'LO', Value: ['private'] },
      }),
    ).toEqual({
      '00080008': { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] },
      '00100020': { vr: 'LO' },
      '00101001': { vr: 'PN', Value: [{ Alphabetic: 'A' }, { Alphabetic: 'B' }] },
      '00101030': { vr: 'DS', Value: [61.5] },
      '00200013': { vr: 'IS', Value: ['4'] },
      '00080020': { vr: 'DA', Value: ['20240101-20240131'] },
      '00280010': { vr: 'US', Value: [512] },
      '00280011': { vr: 'US', Value: [512] },
      '00081140': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }] },
      '00081199': { vr: 'SQ' },
      '00081110': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.3'] } }] },
      '00420011': { vr: 'OB', InlineBinary: 'AQI=' },
      '00091010': { vr: 'LO', Value: ['private'] },
    });
  });

  it('takes items that are attributes already', () => {
    expect(attributesFrom({ ReferencedImageSequence: [attributes] })).toEqual({
      '00081140': { vr: 'SQ', Value: [attributes] },
    });
  });

  it('refuses what it does not know and what does not fit', () => {
    expect(() => attributesFrom({ NoSuchKeyword: '1' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ATTRIBUTE' }),
    );
    expect(() => attributesFrom({ '00091010': '1' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ATTRIBUTE' }),
    );
    expect(() => attributesFrom({ ReferencedImageSequence: '1' })).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
    expect(() => attributesFrom({ PatientID: Uint8Array.of(1) })).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
    expect(() => attributesFrom({ PixelData: '1' })).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
    expect(() => attributesFrom({ PatientID: [{ PatientID: '1' }] })).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
  });
});
