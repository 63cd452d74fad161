import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterSetOf } from './character-set.ts';
import { bytesOf, hexOf } from './testing/data-sets.ts';
import { decodeValues, encodeValues, formatDecimalString } from './values.ts';
import type { Vr } from './vr.ts';

describe('decodeValues', () => {
  it.each<[Vr, string, unknown[]]>([
    ['LO', '" A \\ B "', ['A', 'B']],
    ['LO', '"A\\\\B"', ['A', null, 'B']],
    ['LO', '""', []],
    ['LO', '"  "', []],
    ['UI', '"1.2" 00', ['1.2']],
    ['UI', '"1.2\\1.3" 00', ['1.2', '1.3']],
    // Spaces before, and a backslash, belong to a text.
    ['LT', '"  A\\B "', ['  A\\B']],
    ['UR', '"http://x/a\\b "', ['http://x/a\\b']],
    ['IS', '" 4 \\+4\\-0"', [4, 4, 0]],
    ['IS', '"1A\\1.5"', ['1A', '1.5']],
    ['DS', '"1.50\\.5\\-1e-3\\5."', [1.5, 0.5, -0.001, 5]],
    ['DS', '"1,5\\NaN\\Infinity\\0x10\\1e999"', ['1,5', 'NaN', 'Infinity', '0x10', '1e999']],
    [
      'PN',
      '"Doe^John=A=B \\X"',
      [{ Alphabetic: 'Doe^John', Ideographic: 'A', Phonetic: 'B' }, { Alphabetic: 'X' }],
    ],
    ['PN', '"==C "', [{ Phonetic: 'C' }]],
    ['DA', '"20240229"', ['20240229']],
    ['AT', '1000 2000 FEFF 00E0', ['00100020', 'FFFEE000']],
    ['US', '0100 FFFF', [1, 65535]],
    ['SS', '0100 FFFF', [1, -1]],
    ['UL', 'FFFFFFFF', [4294967295]],
    ['SL', 'FFFFFFFF', [-1]],
    ['FL', '0000C03F 0000C07F', [1.5, 'NaN']],
    ['FD', '000000000000F83F 000000000000F0FF', [1.5, '-Infinity']],
    ['UV', 'FFFFFFFFFFFFFFFF 0100000000000000', ['18446744073709551615', 1]],
    ['SV', 'FFFFFFFFFFFFFFFF', [-1]],
    // Bytes that make no whole number are no value.
    ['UL', '010000', []],
  ])('reads %s %s', (vr, bytes, values) => {
    expect(decodeValues(bytesOf(bytes), vr)).toEqual(values);
  });

  it('reads big endian', () => {
    expect(decodeValues(bytesOf('0102'), 'US', { littleEndian: false })).toEqual([0x0102]);
    expect(decodeValues(bytesOf('0010 0020'), 'AT', { littleEndian: false })).toEqual(['00100020']);
  });

  it('reads a value that begins at an odd place of a larger buffer', () => {
    const chunk = bytesOf('AA 000000000000F83F');
    expect(decodeValues(chunk.subarray(1), 'FD')).toEqual([1.5]);
  });
});

describe('encodeValues', () => {
  it.each<[Vr, Parameters<typeof encodeValues>[0], string]>([
    ['LO', ['A', null, 'B'], '"A\\\\B"'],
    ['PN', [{ Alphabetic: 'A', Phonetic: 'B' }], '"A==B"'],
    ['PN', ['Doe^John=X'], '"Doe^John=X"'],
    ['IS', [4, '+5'], '"4\\+5"'],
    ['DS', [1.5, '1.50'], '"1.5\\1.50"'],
    ['US', [1, '2'], '01000200'],
    ['FD', ['NaN', 'Infinity'], '000000000000F87F 000000000000F07F'],
    ['UV', ['18446744073709551615', 1], 'FFFFFFFFFFFFFFFF 0100000000000000'],
    ['AT', ['00100020'], '10002000'],
    ['OB', [], ''],
  ])('writes %s %j', (vr, values, bytes) => {
    expect(hexOf(encodeValues(values, vr))).toBe(hexOf(bytesOf(bytes)));
  });

  it.each<[Vr, Parameters<typeof encodeValues>[0]]>([
    ['US', [65536]],
    ['US', [-1]],
    ['US', [1.5]],
    ['US', ['x']],
    ['US', ['']],
    ['US', [null]],
    ['SS', [32768]],
    ['SL', [2 ** 31]],
    ['UV', [-1]],
    ['SV', [1.5]],
    ['SV', ['9223372036854775808']],
    ['FL', ['x']],
    ['IS', [1.5]],
    ['DS', [Number.NaN]],
    ['AT', ['PatientID']],
    ['LO', [{ Alphabetic: 'A' }]],
    ['OB', ['AA==']],
  ])('refuses %s %j', (vr, values) => {
    expect(() => encodeValues(values, vr)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
  });

  it('refuses what the character set lacks, without saying what it was', () => {
    let error: unknown;
    try {
      encodeValues(['Müller'], 'PN', { characterSet: characterSetOf(['ISO_IR 126']) });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'UNENCODABLE' });
    expect((error as Error).message).not.toContain('ller');
  });

  it.each<[Vr, fc.Arbitrary<number | string>]>([
    ['US', fc.integer({ min: 0, max: 0xffff })],
    ['SS', fc.integer({ min: -0x8000, max: 0x7fff })],
    ['UL', fc.integer({ min: 0, max: 0xffffffff })],
    ['SL', fc.integer({ min: -0x80000000, max: 0x7fffffff })],
    ['FL', fc.float({ noNaN: true, noDefaultInfinity: true })],
    ['FD', fc.double({ noNaN: true, noDefaultInfinity: true })],
    [
      'SV',
      fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : String(n))),
    ],
    [
      'UV',
      fc
        .bigInt({ min: 0n, max: 2n ** 64n - 1n })
        .map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : String(n))),
    ],
    ['IS', fc.integer()],
    ['AT', fc.integer({ min: 0, max: 0xffffffff }).map((n) => n.toString(16).toUpperCase().padStart(8, '0'))],
  ])('is read again as it was written: %s', (vr, arbitrary) => {
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 1 }), fc.boolean(), (values, littleEndian) => {
        expect(decodeValues(encodeValues(values, vr, { littleEndian }), vr, { littleEndian })).toEqual(
          values,
        );
      }),
    );
  });
});

it('writes a Decimal String as exact as 16 characters allow', () => {
  expect(formatDecimalString(0.1 + 0.2)).toBe('0.3');
  expect(formatDecimalString(-1 / 3)).toBe('-0.3333333333333');
  expect(formatDecimalString(-1.2345678901234567e-100)).toBe('-1.23456789e-100');
  fc.assert(
    fc.property(fc.double({ min: -1e300, max: 1e300, noNaN: true }), (number) => {
      const text = formatDecimalString(number);
      expect(text.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(text) - number)).toBeLessThanOrEqual(Math.abs(number) * 1e-8);
    }),
  );
});
