import { expect, it } from 'vitest';
import { explicitBigEndian, explicitLittleEndian, implicitLittleEndian } from './element-reader.ts';
import {
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeItemHeader,
  encodeSequenceDelimiter,
} from './element-writer.ts';
import { bytesOf, hexOf } from './testing/data-sets.ts';

const value = bytesOf('"ABC"');

it('writes a short and a long explicit header, padded as the VR asks', () => {
  expect(hexOf(encodeElement(0x00100020, 'LO', value, explicitLittleEndian))).toBe(
    hexOf(bytesOf('1000 2000 "LO" 0400 "ABC "')),
  );
  expect(hexOf(encodeElement(0x00080018, 'UI', value, explicitLittleEndian))).toBe(
    hexOf(bytesOf('0800 1800 "UI" 0400 "ABC" 00')),
  );
  expect(hexOf(encodeElement(0x00420011, 'OB', value, explicitLittleEndian))).toBe(
    hexOf(bytesOf('4200 1100 "OB" 0000 04000000 "ABC" 00')),
  );
});

it('writes implicit VR and big endian', () => {
  expect(hexOf(encodeElement(0x00100020, 'LO', value, implicitLittleEndian))).toBe(
    hexOf(bytesOf('1000 2000 04000000 "ABC "')),
  );
  expect(hexOf(encodeElement(0x00100020, 'LO', value, explicitBigEndian))).toBe(
    hexOf(bytesOf('0010 0020 "LO" 0004 "ABC "')),
  );
  expect(hexOf(encodeElement(0x00420011, 'OB', value, explicitBigEndian))).toBe(
    hexOf(bytesOf('0042 0011 "OB" 0000 00000004 "ABC" 00')),
  );
});

it('writes a value too long for the length of its VR as UN (PS3.5 §6.2.2)', () => {
  const header = (length: number) =>
    hexOf(encodeElementHeader(0x00080080, 'LO', length, explicitLittleEndian));
  expect(header(65534)).toBe(hexOf(bytesOf('0800 8000 "LO" FEFF')));
  expect(header(65536)).toBe(hexOf(bytesOf('0800 8000 "UN" 0000 00000100')));
});

it('writes items and delimiters', () => {
  expect(hexOf(encodeItemHeader(10, explicitLittleEndian))).toBe('feff00e00a000000');
  expect(hexOf(encodeItemHeader(undefined, explicitBigEndian))).toBe('fffee000ffffffff');
  expect(hexOf(encodeItemDelimiter(explicitLittleEndian))).toBe('feff0de000000000');
  expect(hexOf(encodeSequenceDelimiter(implicitLittleEndian))).toBe('feffdde000000000');
  expect(hexOf(encodeElementHeader(0x00081115, 'SQ', undefined, explicitLittleEndian))).toBe(
    '0800151153510000ffffffff',
  );
});

it('refuses lengths that no element can have', () => {
  for (const length of [1, 0xffffffff, 2 ** 32]) {
    expect(() => encodeElementHeader(0x7fe00010, 'OW', length, explicitLittleEndian)).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
  }
});
