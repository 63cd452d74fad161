import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributesFrom } from './attribute-access.ts';
import type { Attributes, JsonAttribute, JsonValue } from './attributes.ts';
import { encodeBase64 } from './base64.ts';
import { concatBytes } from './bytes.ts';
import { decodeDataset, encodeDataset } from './dataset.ts';
import { Tags } from './tags.ts';
import { bytesOf, hexOf } from './testing/data-sets.ts';
import { TransferSyntax } from './transfer-syntax.ts';
import { allVrs, type Vr, vrForm, vrUnit } from './vr.ts';

const explicit = { transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian };
const implicit = { transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian };
const bigEndian = { transferSyntaxUid: TransferSyntax.ExplicitVrBigEndian };
const deflated = { transferSyntaxUid: TransferSyntax.DeflatedExplicitVrLittleEndian };

describe('encodeDataset', () => {
  it('writes ascending tags, whatever the order of keys', () => {
    // Keys such as 30060002 are array indices to JavaScript, and come first in an object.
    const attributes = attributesFrom({ StructureSetLabel: 'A', PatientID: '1', SOPInstanceUID: '1.2' });
    expect(hexOf(encodeDataset(attributes, explicit))).toBe(
      hexOf(bytesOf('0800 1800 "UI" 0400 "1.2" 00  1000 2000 "LO" 0200 "1 "  0630 0200 "SH" 0200 "A "')),
    );
  });

  it('writes a command set with its group length (PS3.7 §6.3.1)', () => {
    const command = attributesFrom({
      CommandGroupLength: 999,
      AffectedSOPClassUID: '1.2.840.10008.1.1',
      CommandField: 0x0030,
      MessageID: 1,
      CommandDataSetType: 0x0101,
    });
    expect(hexOf(encodeDataset(command, { ...implicit, groupLength: true }))).toBe(
      hexOf(
        bytesOf(`0000 0000 04000000 38000000
          0000 0200 12000000 "1.2.840.10008.1.1" 00
          0000 0001 02000000 3000
          0000 1001 02000000 0100
          0000 0008 02000000 0101`),
      ),
    );
  });

  it('writes sequences with their lengths, or with delimiters', () => {
    const attributes = attributesFrom({ ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: '1.2' }, {}] });
    expect(hexOf(encodeDataset(attributes, explicit))).toBe(
      hexOf(
        bytesOf(`0800 9911 "SQ" 0000 1C000000
          FEFF 00E0 0C000000  0800 5511 "UI" 0400 "1.2" 00
          FEFF 00E0 00000000`),
      ),
    );
    expect(hexOf(encodeDataset(attributes, { ...explicit, definedLengths: false }))).toBe(
      hexOf(
        bytesOf(`0800 9911 "SQ" 0000 FFFFFFFF
          FEFF 00E0 FFFFFFFF  0800 5511 "UI" 0400 "1.2" 00  FEFF 0DE0 00000000
          FEFF 00E0 FFFFFFFF  FEFF 0DE0 00000000
          FEFF DDE0 00000000`),
      ),
    );
  });

  it('writes texts in the character set of their item', () => {
    const attributes = attributesFrom({
      SpecificCharacterSet: 'ISO_IR 100',
      PatientName: 'Jérôme',
      OtherPatientIDsSequence: [
        { PatientID: 'é' },
        { SpecificCharacterSet: 'ISO_IR 192', PatientID: 'é', OtherPatientIDsSequence: [{ PatientID: 'é' }] },
      ],
    });
    const bytes = encodeDataset(attributes, explicit);
    const text = hexOf(bytes);
    expect(text).toContain(hexOf(bytesOf('"J" E9 "r" F4 "me"')));
    expect(text.split(hexOf(bytesOf('1000 2000 "LO" 0200 E920')))).toHaveLength(2);
    // In the item that has its own, and in the item of that item.
    expect(text.split(hexOf(bytesOf('1000 2000 "LO" 0200 C3A9')))).toHaveLength(3);
    expect(decodeDataset(bytes, explicit)).toEqual(attributes);
  });

  it('turns words of bytes around for big endian', () => {
    const attributes: Attributes = {
      '00091010': { vr: 'OW', InlineBinary: encodeBase64(bytesOf('0102 0304')) },
      '00091011': { vr: 'OD', InlineBinary: encodeBase64(bytesOf('0102030405060708')) },
      '00091012': { vr: 'OB', InlineBinary: encodeBase64(bytesOf('0102')) },
    };
    const bytes = encodeDataset(attributes, bigEndian);
    expect(hexOf(bytes)).toBe(
      hexOf(
        bytesOf(`0009 1010 "OW" 0000 00000004 0201 0403
          0009 1011 "OD" 0000 00000008 0807060504030201
          0009 1012 "OB" 0000 00000002 0102`),
      ),
    );
    expect(decodeDataset(bytes, bigEndian)).toEqual(attributes);
  });

  it.each<[string, Attributes, string]>([
    ['a character its character set lacks', attributesFrom({ PatientName: 'Jérôme' }), 'UNENCODABLE'],
    ['a number beyond its VR', attributesFrom({ Rows: 65536 }), 'INVALID_VALUE'],
    ['a value that is elsewhere', { '7FE00010': { vr: 'OW', BulkDataURI: 'bulk/1' } }, 'INVALID_VALUE'],
    ['text in place of Base64', { '00420011': { vr: 'OB', InlineBinary: '§' } }, 'INVALID_VALUE'],
    ['an unknown VR', { '00100020': { vr: 'XX' as Vr, Value: ['1'] } }, 'INVALID_VALUE'],
    ['a key that is no tag', { PatientID: { vr: 'LO', Value: ['1'] } }, 'INVALID_VALUE'],
    ['a text in place of an item', { '00081115': { vr: 'SQ', Value: ['1'] } }, 'INVALID_VALUE'],
  ])('refuses %s', (_what, attributes, code) => {
    expect(() => encodeDataset(attributes, explicit)).toThrow(expect.objectContaining({ code }));
  });
});

describe('decodeDataset', () => {
  it('makes empty attributes of empty values and sequences, and an empty item of an empty item', () => {
    const bytes = bytesOf(`0800 9911 "SQ" 0000 00000000
      0800 4011 "SQ" 0000 08000000 FEFF 00E0 00000000
      1000 2000 "LO" 0000  1000 4000 "CS" 0200 "  "`);
    expect(decodeDataset(bytes, explicit)).toEqual({
      '00081199': { vr: 'SQ' },
      '00081140': { vr: 'SQ', Value: [{}] },
      '00100020': { vr: 'LO' },
      '00100040': { vr: 'CS' },
    });
  });

  it('finds the sequence that a UN hides', () => {
    const bytes = bytesOf(`0900 0110 "UN" 0000 FFFFFFFF
      FEFF 00E0 FFFFFFFF 1000 2000 02000000 "AB" FEFF 0DE0 00000000 FEFF DDE0 00000000`);
    expect(decodeDataset(bytes, explicit)).toEqual({
      '00091001': { vr: 'SQ', Value: [{ '00100020': { vr: 'LO', Value: ['AB'] } }] },
    });
  });

  it('reads a UN by the VR that the dictionary has for it, in little endian', () => {
    const bytes = bytesOf(`0010 0020 "UN" 0000 00000002 "1 "  0028 0010 "UN" 0000 00000002 0002
      0009 1001 "UN" 0000 00000002 0102  0008 1199 "UN" 0000 00000008 FEFF00E0 00000000`);
    expect(decodeDataset(bytes, bigEndian)).toEqual({
      '00100020': { vr: 'LO', Value: ['1'] },
      '00280010': { vr: 'US', Value: [512] },
      '00091001': { vr: 'UN', InlineBinary: encodeBase64(bytesOf('0102')) },
      '00081199': { vr: 'UN', InlineBinary: encodeBase64(bytesOf('FEFF00E000000000')) },
    });
  });

  it('stops before an element, not at one of the same tag in an item', () => {
    const bytes = bytesOf(`0800 9911 "SQ" 0000 12000000 FEFF 00E0 0A000000  1000 4000 "CS" 0200 "F "
      1000 2000 "LO" 0200 "1 "  1000 4000 "CS" 0200 "M "`);
    expect(Object.keys(decodeDataset(bytes, { ...explicit, stopAt: Tags.PatientSex }))).toEqual([
      '00081199',
      '00100020',
    ]);
    expect(Object.keys(decodeDataset(bytes, { ...explicit, stopAt: 0x00100030 }))).toEqual([
      '00081199',
      '00100020',
    ]);
  });

  it('gives what came before the end of one that is cut off, when asked to', () => {
    const bytes = bytesOf(`1000 2000 "LO" 0200 "1 "  0800 9911 "SQ" 0000 FFFFFFFF FEFF 00E0 FFFFFFFF
      1000 4000 "CS" 0200 "F "  1000 10`);
    expect(() => decodeDataset(bytes, explicit)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
    expect(decodeDataset(bytes, { ...explicit, allowTruncated: true })).toEqual({
      '00100020': { vr: 'LO', Value: ['1'] },
      '00081199': { vr: 'SQ', Value: [{ '00100040': { vr: 'CS', Value: ['F'] } }] },
    });
    expect(() =>
      decodeDataset(bytesOf('FEFF 0DE0 00000000'), { ...explicit, allowTruncated: true }),
    ).toThrow();
  });

  it('does not make room for a length that is only said', () => {
    const bytes = bytesOf('4200 1100 "OB" 0000 FEFFFFFF 0102');
    expect(() => decodeDataset(bytes, explicit)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
    expect(decodeDataset(bytes, { ...explicit, allowTruncated: true })).toEqual({});
  });

  it('takes a deflated value whole that is longer than the deflated data set', () => {
    const attributes: Attributes = { '0040A160': { vr: 'UT', Value: ['x'.repeat(200_000)] } };
    expect(decodeDataset(encodeDataset(attributes, deflated), deflated)).toEqual(attributes);
  });

  it('leaves encapsulated pixel data out and takes native ones whole', () => {
    const fragments = bytesOf(
      `E07F 1000 "OB" 0000 FFFFFFFF FEFF 00E0 00000000 FEFF 00E0 02000000 0102 FEFF DDE0 00000000`,
    );
    expect(decodeDataset(fragments, { transferSyntaxUid: TransferSyntax.JpegBaseline8Bit })).toEqual({});
    const pixels = Uint8Array.from({ length: 100_000 }, (_, i) => i);
    const native = concatBytes([bytesOf('E07F 1000 "OW" 0000 A0860100'), pixels]);
    expect(decodeDataset(native, explicit)).toEqual({
      '7FE00010': { vr: 'OW', InlineBinary: encodeBase64(pixels) },
    });
  });

  it('takes the character set from around it where it names none', () => {
    const bytes = bytesOf('1000 2000 "LO" 0200 E920');
    const decoded = decodeDataset(bytes, { ...explicit, characterSet: ['ISO_IR 144'] });
    expect(decoded).toEqual({ '00100020': { vr: 'LO', Value: ['щ'] } });
    expect(encodeDataset(decoded, { ...explicit, characterSet: ['ISO_IR 144'] })).toEqual(bytes);
  });

  it('reads a text longer than an element reader would collect', () => {
    const attributes: Attributes = { '0040A160': { vr: 'UT', Value: ['x'.repeat(200_000)] } };
    expect(decodeDataset(encodeDataset(attributes, explicit), explicit)).toEqual(attributes);
  });
});

describe('what was encoded', () => {
  // JSON has no -0.
  const positiveZero = (number: number) => number + 0;
  const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_éß'), minLength: 1, maxLength: 8 });
  const valuesOf = (vr: Vr): fc.Arbitrary<JsonValue> => {
    switch (vr) {
      case 'PN':
        return fc.record({ Alphabetic: word, Ideographic: word });
      case 'AT':
        return fc
          .integer({ min: 0, max: 0xffffffff })
          .map((n) => n.toString(16).toUpperCase().padStart(8, '0'));
      case 'FL':
        return fc.float({ noNaN: true, noDefaultInfinity: true }).map(positiveZero);
      case 'FD':
        return fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero);
      case 'SS':
      case 'SL':
      case 'SV':
      case 'IS':
        return fc.integer({ min: -0x8000, max: 0x7fff });
      case 'US':
      case 'UL':
      case 'UV':
        return fc.integer({ min: 0, max: 0xffff });
      case 'DS':
        return fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 1000);
      default:
        return vrForm(vr) === 'text' ? word : fc.constant(null);
    }
  };
  const attribute = (vr: Vr): fc.Arbitrary<JsonAttribute> => {
    if (vrForm(vr) === 'bytes') {
      return fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => ({
        vr,
        InlineBinary: encodeBase64(concatBytes(Array.from({ length: Math.max(2, vrUnit(vr)) }, () => bytes))),
      }));
    }
    return fc
      .array(valuesOf(vr), { minLength: 1, maxLength: ['LT', 'ST', 'UT', 'UR'].includes(vr) ? 1 : 3 })
      .map((Value) => ({ vr, Value }));
  };
  // Elements of a private block in which each VR has its place, so that implicit VR could be read by one who knows it.
  const attributes: fc.Arbitrary<Attributes> = fc.letrec<{ level: Attributes }>((tie) => ({
    level: fc
      .tuple(
        fc.subarray([...allVrs.filter((vr) => vrForm(vr) !== 'sequence').entries()]),
        fc.option(fc.array(tie('level'), { minLength: 1, maxLength: 2 }), {
          depthSize: 'small',
          nil: undefined,
        }),
      )
      .chain(([vrs, items]) =>
        fc.tuple(...vrs.map(([, vr]) => attribute(vr))).map((made) => {
          const level: Record<string, JsonAttribute> = { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] } };
          for (const [i, [place]] of vrs.entries())
            level[`000910${(0x10 + place).toString(16).toUpperCase()}`] = made[i]!;
          if (items !== undefined) level['000910FF'] = { vr: 'SQ', Value: items };
          return level;
        }),
      ),
  })).level;

  it.each([
    ['explicit VR little endian', explicit],
    ['explicit VR big endian', bigEndian],
    ['deflated explicit VR little endian', deflated],
    ['an encapsulated syntax', { transferSyntaxUid: TransferSyntax.Jpeg2000 }],
  ])('is decoded to the same attributes: %s', (_name, options) => {
    fc.assert(
      fc.property(attributes, fc.boolean(), (value, definedLengths) => {
        const bytes = encodeDataset(value, { ...options, definedLengths });
        expect(decodeDataset(bytes, options)).toEqual(value);
        expect(bytes.length % 2).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('is decoded to the same attributes: implicit VR, of attributes that the dictionary knows', () => {
    const known = fc.record({
      SpecificCharacterSet: fc.constant('ISO_IR 192'),
      PatientName: fc.record({ Alphabetic: word }),
      PatientID: word,
      PatientWeight: fc.integer({ min: 0, max: 100_000 }).map((n) => n / 100),
      Rows: fc.integer({ min: 0, max: 0xffff }),
      ReferencedSOPSequence: fc.array(fc.record({ ReferencedSOPInstanceUID: fc.constant('1.2.3') }), {
        minLength: 1,
        maxLength: 3,
      }),
      FrameIncrementPointer: fc.constant('00181063'),
      PixelData: fc.constant(bytesOf('0102')),
    });
    fc.assert(
      fc.property(known, fc.boolean(), (input, definedLengths) => {
        const value = attributesFrom(input);
        expect(decodeDataset(encodeDataset(value, { ...implicit, definedLengths }), implicit)).toEqual(value);
      }),
    );
  });

  it('survives JSON', () => {
    fc.assert(
      fc.property(attributes, (value) => {
        const decoded = decodeDataset(encodeDataset(value, explicit), explicit);
        const parsed = JSON.parse(JSON.stringify(decoded)) as Attributes;
        expect(encodeDataset(parsed, explicit)).toEqual(encodeDataset(value, explicit));
      }),
      { numRuns: 50 },
    );
  });
});
