import { describe, expect, it } from 'vitest';
import { attributesFromXml } from './attributes-from-xml.ts';

const model = (content: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">${content}</NativeDicomModel>`;

describe('attributesFromXml', () => {
  it('reads values, names, bytes and sequences', () => {
    const text = model(`
      <DicomAttribute tag="00080005" vr="CS"><Value number="1">ISO_IR 192</Value></DicomAttribute>
      <DicomAttribute tag="00081190" vr="UR"><Value number="1">https://pacs/studies/1.2?a=1&amp;b=2</Value></DicomAttribute>
      <DicomAttribute tag="00081198" vr="SQ">
        <Item number="1">
          <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2.3</Value></DicomAttribute>
          <DicomAttribute tag="00081197" vr="US"><Value number="1">272</Value></DicomAttribute>
        </Item>
        <Item number="2">
          <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2.4</Value></DicomAttribute>
        </Item>
      </DicomAttribute>
      <DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Alphabetic>
        <FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName><NamePrefix>Dr.</NamePrefix></Alphabetic>
        <Ideographic><FamilyName>山田</FamilyName></Ideographic></PersonName></DicomAttribute>
      <DicomAttribute tag="00280010" vr="US"/>
      <DicomAttribute tag="00420011" vr="OB"><InlineBinary>AAE=</InlineBinary></DicomAttribute>
      <DicomAttribute tag="7fe00010" vr="OW"><BulkData uri="../bulkdata/1"/></DicomAttribute>`);
    expect(attributesFromXml(text, 'PACS')).toEqual({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00081190': { vr: 'UR', Value: ['https://pacs/studies/1.2?a=1&b=2'] },
      '00081198': {
        vr: 'SQ',
        Value: [
          { '00081155': { vr: 'UI', Value: ['1.2.3'] }, '00081197': { vr: 'US', Value: [272] } },
          { '00081155': { vr: 'UI', Value: ['1.2.4'] } },
        ],
      },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou^^Dr.', Ideographic: '山田' }] },
      '00280010': { vr: 'US' },
      '00420011': { vr: 'OB', InlineBinary: 'AAE=' },
      '7FE00010': { vr: 'OW', BulkDataURI: '../bulkdata/1' },
    });
  });

  it.each([
    ['cut', model('<DicomAttribute tag="00080005" vr="CS">').slice(0, -10)],
    ['no XML', 'Doe^John'],
    ['an entity of its own', `<!DOCTYPE x [<!ENTITY a "Doe">]>${model('&a;')}`],
    ['endless nesting', model(`${'<DicomAttribute tag="00081198" vr="SQ"><Item>'.repeat(500)}`)],
  ])('refuses %s', (_, text) => {
    expect(() => attributesFromXml(text, 'PACS')).toThrow(
      expect.objectContaining({ code: 'MALFORMED', message: expect.not.stringContaining('Doe') }),
    );
  });
});
