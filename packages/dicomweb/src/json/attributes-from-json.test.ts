import { describe, expect, it } from 'vitest';
import { attributesFromJson } from './attributes-from-json.ts';

describe('attributesFromJson', () => {
  it('takes the DICOM JSON model as it is', () => {
    const json = {
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' }] },
      '00100030': { vr: 'DA' },
      '00080061': { vr: 'CS', Value: ['CT', null, 'SR'] },
      '00201208': { vr: 'IS', Value: [11] },
      '00081110': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }] },
      '00091010': { vr: 'OB', InlineBinary: 'AAEC' },
      '7FE00010': { vr: 'OW', BulkDataURI: 'http://pacs/bulk' },
    };
    expect(attributesFromJson(json)).toEqual(json);
  });

  it('corrects what servers get wrong', () => {
    expect(
      attributesFromJson({
        '7fe00010': { vr: 'OW' },
        '00100010': { vr: 'PN', Value: ['Müller^Jörg'] },
        '00100020': { Value: ['1'] },
        '00280301': { vr: 'CS', Value: [true] },
        '00081110': { vr: 'SQ', Value: ['no item'] },
      }),
    ).toEqual({
      '7FE00010': { vr: 'OW' },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Jörg' }] },
      '00100020': { vr: 'LO', Value: ['1'] },
      '00280301': { vr: 'CS', Value: ['true'] },
      '00081110': { vr: 'SQ', Value: [{}] },
    });
  });

  it('leaves out what is no attribute', () => {
    expect(attributesFromJson({ PatientID: { vr: 'LO' }, '00100020': 'text', __proto__: {} })).toEqual({});
    expect(attributesFromJson(['x'])).toEqual({});
    expect(attributesFromJson(null)).toEqual({});
  });
});
