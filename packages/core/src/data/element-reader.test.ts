import fc from 'fast-check';
import { deflateSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { concatBytes } from './bytes.ts';
import { deflateDataset } from './deflate.ts';
import {
  createElementReader,
  elementEncodingOf,
  explicitBigEndian,
  explicitLittleEndian,
  implicitLittleEndian,
  readTokens,
  type Token,
} from './element-reader.ts';
import { encodeElement } from './element-writer.ts';
import { bytesOf, describeTokens, encodeNodes, nodes, readAll } from './testing/data-sets.ts';
import { TransferSyntax } from './transfer-syntax.ts';

const explicit = { transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian };
const implicit = { transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian };
const bigEndian = { transferSyntaxUid: TransferSyntax.ExplicitVrBigEndian };
const deflated = { transferSyntaxUid: TransferSyntax.DeflatedExplicitVrLittleEndian };

function read(text: string, options: Parameters<typeof readAll>[1]): string[] {
  return describeTokens(readAll([bytesOf(text)], options));
}

function kinds(tokens: readonly Token[]): string[] {
  return tokens.map((token) => token.kind);
}

describe('elements', () => {
  it('reads a short and a long explicit header', () => {
    expect(
      read(
        `1000 2000 "LO" 0400 "ID 1"
         4200 1100 "OB" 0000 02000000 0102`,
        explicit,
      ),
    ).toEqual([
      '0 element (0010,0020) LO value 49442031 el 100020004c4f040049442031',
      '0 element (0042,0011) OB value 0102 el 420011004f420000020000000102',
    ]);
  });

  it('takes the VR of an implicit element from the dictionary', () => {
    const tokens = readAll([bytesOf('1000 2000 04000000 "ID 1" 2800 1000 02000000 0002')], implicit);
    expect(tokens.map((token) => (token.kind === 'element' ? token.vr : ''))).toEqual(['LO', 'US']);
  });

  it('takes a private creator for LO and other unknown elements for UN where the VR is implicit', () => {
    const tokens = readAll(
      [bytesOf('0900 1000 02000000 "AB" 0900 0110 02000000 0102 0800 0000 04000000 01020304')],
      implicit,
    );
    expect(tokens.map((token) => (token.kind === 'element' ? token.vr : ''))).toEqual(['LO', 'UN', 'UL']);
  });

  it('chooses between US and SS by the Pixel Representation that is in force', () => {
    // Smallest Image Pixel Value before and after Pixel Representation 1, and in an item that says 0 again.
    const tokens = readAll(
      [
        bytesOf(`2800 0301 02000000 0100  2800 0601 02000000 FEFF
          4000 9690 FFFFFFFF
            FEFF 00E0 FFFFFFFF  2800 0301 02000000 0000  4000 1692 02000000 0100  FEFF 0DE0 00000000
            FEFF 00E0 FFFFFFFF  4000 1692 02000000 0100  FEFF 0DE0 00000000
          FEFF DDE0 00000000`),
      ],
      implicit,
    );
    const vrs = tokens.flatMap((token) => (token.kind === 'element' ? [token.vr] : []));
    expect(vrs).toEqual(['US', 'SS', 'US', 'US', 'SS']);
  });

  it('reads big endian tags and lengths', () => {
    expect(read('0010 0020 "LO" 0004 "ID 1"  0042 0011 "OB" 0000 00000002 0102', bigEndian)).toEqual([
      '0 element (0010,0020) LO value 49442031 eb 001000204c4f000449442031',
      '0 element (0042,0011) OB value 0102 eb 004200114f420000000000020102',
    ]);
  });

  it('lets an odd length be', () => {
    expect(kinds(readAll([bytesOf('1000 2000 "LO" 0300 "ID1" 1000 4000 "CS" 0200 "F "')], explicit))).toEqual(
      ['element', 'element'],
    );
  });
});

describe('sequences', () => {
  const sequence = {
    undefined: `0800 1511 "SQ" 0000 FFFFFFFF
                  FEFF 00E0 FFFFFFFF  2000 0E00 "UI" 0200 "1" 00  FEFF 0DE0 00000000
                FEFF DDE0 00000000`,
    defined: `0800 1511 "SQ" 0000 12000000
                FEFF 00E0 0A000000  2000 0E00 "UI" 0200 "1" 00`,
  };

  it('reads one of undefined length', () => {
    expect(read(sequence.undefined, explicit)).toEqual([
      '0 sequence-start (0008,1115) SQ length undefined el 0800151153510000ffffffff',
      '1 item-start #0 length undefined el feff00e0ffffffff',
      '1 element (0020,000E) UI value 3100 el 20000e00554902003100',
      '1 item-end el feff0de000000000',
      '0 sequence-end el feffdde000000000',
    ]);
  });

  it('reads one of defined length, whose ends have no bytes', () => {
    expect(read(sequence.defined, explicit)).toEqual([
      '0 sequence-start (0008,1115) SQ length 18 el 080015115351000012000000',
      '1 item-start #0 length 10 el feff00e00a000000',
      '1 element (0020,000E) UI value 3100 el 20000e00554902003100',
      '1 item-end el ',
      '0 sequence-end el ',
    ]);
  });

  it('reads an empty sequence and an empty item', () => {
    expect(
      kinds(
        readAll(
          [bytesOf('0800 1511 "SQ" 0000 00000000  0800 1511 "SQ" 0000 08000000 FEFF 00E0 00000000')],
          explicit,
        ),
      ),
    ).toEqual(['sequence-start', 'sequence-end', 'sequence-start', 'item-start', 'item-end', 'sequence-end']);
  });

  it('reads a UN of undefined length as a sequence in implicit VR little endian (PS3.5 §6.2.2)', () => {
    const text = `0900 0110 "UN" 0000 FFFFFFFF
        FEFF 00E0 FFFFFFFF  1000 2000 02000000 "AB"  FEFF 0DE0 00000000
      FEFF DDE0 00000000
      1000 4000 "CS" 0200 "F "`;
    expect(read(text, explicit)).toEqual([
      '0 sequence-start (0009,1001) UN length undefined el 09000110554e0000ffffffff',
      '1 item-start #0 length undefined il feff00e0ffffffff',
      '1 element (0010,0020) LO value 4142 il 10002000020000004142',
      '1 item-end il feff0de000000000',
      '0 sequence-end il feffdde000000000',
      '0 element (0010,0040) CS value 4620 el 10004000435302004620',
    ]);
  });

  it('reads the items of a UN in a big endian data set in little endian', () => {
    const text = `0009 1001 "UN" 0000 FFFFFFFF
        FEFF 00E0 FFFFFFFF  1000 2000 02000000 "AB"  FEFF 0DE0 00000000
      FEFF DDE0 00000000
      0010 0040 "CS" 0002 "F "`;
    expect(read(text, bigEndian).at(-1)).toBe('0 element (0010,0040) CS value 4620 eb 00100040435300024620');
  });

  it('leaves a UN of defined length as it is', () => {
    const tokens = readAll([bytesOf('0900 0110 "UN" 0000 08000000 FEFF 00E0 00000000')], explicit);
    expect(kinds(tokens)).toEqual(['element']);
  });

  it('takes a private element of undefined length in implicit VR for a sequence', () => {
    const text = `0900 0110 FFFFFFFF FEFF 00E0 00000000 FEFF DDE0 00000000`;
    expect(read(text, implicit)[0]).toBe(
      '0 sequence-start (0009,1001) SQ length undefined il 09000110ffffffff',
    );
  });
});

describe('long values and pixel data', () => {
  it('gives a value above the limit in chunks, at any depth', () => {
    const value = new Uint8Array(100_000).fill(7);
    const long = encodeElement(0x00420011, 'OB', value, explicitLittleEndian);
    const data = concatBytes([
      bytesOf('0800 1511 "SQ" 0000 FFFFFFFF  FEFF 00E0 FFFFFFFF'),
      long,
      bytesOf('FEFF 0DE0 00000000  FEFF DDE0 00000000'),
    ]);
    const tokens = readAll([data.subarray(0, 50_000), data.subarray(50_000)], explicit);
    expect(kinds(tokens)).toEqual([
      'sequence-start',
      'item-start',
      'bulk-start',
      'bulk-chunk',
      'bulk-chunk',
      'bulk-end',
      'item-end',
      'sequence-end',
    ]);
    expect(concatBytes(tokens.map((token) => token.bytes))).toEqual(data);
  });

  it('counts beyond 4 GiB', () => {
    const reader = createElementReader(explicit);
    const megabyte = new Uint8Array(1024 * 1024);
    let bulk = 0;
    const seen: string[] = [];
    function read(tokens: Iterable<Token>) {
      for (const token of tokens) {
        if (token.kind === 'bulk-chunk') bulk += token.bytes.length;
        else seen.push(token.kind);
      }
    }
    // Two values of the greatest length there is, then a sequence whose ends are found by their places.
    for (let i = 0; i < 2; i++) {
      read(reader.push(bytesOf('4200 1100 "OB" 0000 FEFFFFFF')));
      for (let left = 0xfffffffe; left > 0; left -= megabyte.length)
        read(reader.push(megabyte.subarray(0, left)));
    }
    read(reader.push(bytesOf('5000 1511 "SQ" 0000 12000000 FEFF 00E0 0A000000 2000 0E00 "UI" 0200 "1" 00')));
    read(reader.end());
    expect(bulk).toBe(2 * 0xfffffffe);
    expect(seen).toEqual([
      'bulk-start',
      'bulk-end',
      'bulk-start',
      'bulk-end',
      'sequence-start',
      'item-start',
      'element',
      'item-end',
      'sequence-end',
    ]);
  });

  it('keeps a value of the limit whole', () => {
    const at = (length: number) =>
      kinds(
        readAll([encodeElement(0x00420011, 'OB', new Uint8Array(length), explicitLittleEndian)], explicit),
      )[0];
    expect(at(65_536)).toBe('element');
    expect(at(65_538)).toBe('bulk-start');
  });

  it('gives native pixel data as bulk however short they are, in an icon too', () => {
    const text = `8800 0002 "SQ" 0000 FFFFFFFF  FEFF 00E0 FFFFFFFF
        E07F 1000 "OW" 0000 02000000 0102
      FEFF 0DE0 00000000  FEFF DDE0 00000000
      E07F 0800 "OF" 0000 00000000`;
    expect(kinds(readAll([bytesOf(text)], explicit)).filter((kind) => kind.startsWith('bulk'))).toEqual([
      'bulk-start',
      'bulk-chunk',
      'bulk-end',
      'bulk-start',
      'bulk-end',
    ]);
  });

  it('reads the offset table and the fragments of encapsulated pixel data (PS3.5 §A.4)', () => {
    const text = `E07F 1000 "OB" 0000 FFFFFFFF
        FEFF 00E0 00000000
        FEFF 00E0 04000000 01020304
        FEFF 00E0 02000000 0506
      FEFF DDE0 00000000
      FCFF FCFF "OB" 0000 02000000 0000`;
    expect(read(text, { transferSyntaxUid: TransferSyntax.JpegBaseline8Bit })).toEqual([
      '0 fragments-start (7FE0,0010) OB el e07f10004f420000ffffffff',
      '0 fragment-start #0 length 0 el feff00e000000000',
      '0 fragment-end el ',
      '0 fragment-start #1 length 4 el feff00e004000000',
      '  bulk 01020304',
      '0 fragment-end el ',
      '0 fragment-start #2 length 2 el feff00e002000000',
      '  bulk 0506',
      '0 fragment-end el ',
      '0 fragments-end el feffdde000000000',
      '0 element (FFFC,FFFC) OB value 0000 el fcfffcff4f420000020000000000',
    ]);
  });
});

describe('bytes that others write', () => {
  it('takes an element with something else in place of its VR for UN of a 16-bit length', () => {
    const text = '0900 0110 "??" 0200 "AB"  1000 4000 "CS" 0200 "F "';
    expect(read(text, explicit)[0]).toBe('0 element (0009,1001) UN value 4142 el 090001103f3f02004142');
  });

  it('takes an unknown VR for UN of a 32-bit length, as the standard promises for VRs to come', () => {
    const text = '0900 0110 "ZZ" 0000 02000000 "AB"  1000 4000 "CS" 0200 "F "';
    expect(read(text, explicit)).toHaveLength(2);
  });

  it('reads an element in implicit VR among explicit ones', () => {
    const text = '1000 2000 04000000 "ID 1"  1000 4000 "CS" 0200 "F "';
    expect(read(text, explicit)[0]).toBe(
      '0 element (0010,0020) LO value 49442031 il 100020000400000049442031',
    );
  });
});

describe('malformed bytes', () => {
  const malformed: Record<string, string> = {
    'a delimiter outside of any item': 'FEFF 0DE0 00000000',
    'an item outside of any sequence': 'FEFF 00E0 00000000',
    'an element where an item should begin': '0800 1511 "SQ" 0000 FFFFFFFF 1000 4000 "CS" 0200 "F "',
    'an element longer than its item':
      '0800 1511 "SQ" 0000 12000000 FEFF 00E0 0A000000 2000 0E00 "UI" 0400 "1.2" 00',
    'an item longer than its sequence':
      '0800 1511 "SQ" 0000 12000000 FEFF 00E0 0C000000 2000 0E00 "UI" 0400 "1.2" 00',
    'an item that ends within a header':
      '0800 1511 "SQ" 0000 0C000000 FEFF 00E0 04000000 2000 0E00 "UI" 0400 "1.2" 00',
    'a sequence of undefined length that its item cuts off':
      '0800 1511 "SQ" 0000 1C000000 FEFF 00E0 14000000 0800 9911 "SQ" 0000 FFFFFFFF FEFF 00E0 00000000 1000 4000 "CS" 0200 "F "',
    'a long header that its item cuts off':
      '0800 1511 "SQ" 0000 10000000 FEFF 00E0 08000000 0800 9911 "SQ" 0000 FFFFFFFF FEFF DDE0 00000000',
    'a delimiter that its item cuts off':
      '0800 1511 "SQ" 0000 18000000 FEFF 00E0 10000000 0800 9911 "SQ" 0000 FFFFFFFF FEFF DDE0 00000000',
    'a text of undefined length': '1000 2000 "UT" 0000 FFFFFFFF',
    'a fragment of undefined length': 'E07F 1000 "OB" 0000 FFFFFFFF FEFF 00E0 FFFFFFFF',
    'an element among fragments': 'E07F 1000 "OB" 0000 FFFFFFFF 1000 4000 "CS" 0200 "F "',
    'zeros where an element should begin': '0000 0000 0000 0000 0000 0000',
  };
  for (const [name, text] of Object.entries(malformed)) {
    it(`refuses ${name}`, () => {
      expect(() => read(text, explicit)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
    });
  }

  const truncated: Record<string, string> = {
    'in a tag': '1000 20',
    'in a header': '1000 2000 "LO"',
    'in the second half of a long header': '4200 1100 "OB" 0000 0200',
    'in a value': '1000 2000 "LO" 0400 "ID"',
    'in pixel data': 'E07F 1000 "OW" 0000 04000000 0102',
    'before pixel data of which nothing has come': 'E07F 1000 "OW" 0000 04000000',
    'in a sequence': '0800 1511 "SQ" 0000 FFFFFFFF',
    'in a sequence of defined length': '0800 1511 "SQ" 0000 12000000',
    'in an item': '0800 1511 "SQ" 0000 FFFFFFFF FEFF 00E0 FFFFFFFF',
    'among fragments': 'E07F 1000 "OB" 0000 FFFFFFFF FEFF 00E0 00000000',
    'in a fragment': 'E07F 1000 "OB" 0000 FFFFFFFF FEFF 00E0 04000000 0102',
  };
  for (const [name, text] of Object.entries(truncated)) {
    it(`says that a data set is cut off ${name}`, () => {
      expect(() => read(text, explicit)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
    });
  }

  it('refuses sequences nested too deep', () => {
    const level = bytesOf('0800 1511 "SQ" 0000 FFFFFFFF FEFF 00E0 FFFFFFFF');
    const data = concatBytes(Array.from({ length: 300 }, () => level));
    expect(() => readAll([data], explicit)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  it('refuses more parts than it is allowed', () => {
    const data = concatBytes(Array.from({ length: 101 }, () => bytesOf('1000 4000 "CS" 0000')));
    expect(() => readAll([data], { ...explicit, maxTokens: 100 })).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
  });

  it('goes on refusing after it has refused', () => {
    const reader = createElementReader(explicit);
    expect(() => [...reader.push(bytesOf('FEFF 0DE0 00000000'))]).toThrow();
    expect(() => [...reader.end()]).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });

  it('ends with tokens or a DicomError whatever bytes it is given', () => {
    const anyOptions = fc.constantFrom(explicit, implicit, bigEndian, deflated);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), anyOptions, (data, options) => {
        try {
          readAll([data], options);
        } catch (error) {
          expect(['MALFORMED', 'TRUNCATED', 'TOO_LARGE']).toContain((error as { code: string }).code);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('ends with tokens or a DicomError whatever byte of a good data set is changed', () => {
    fc.assert(
      fc.property(nodes, fc.nat(), fc.nat({ max: 255 }), (tree, place, byte) => {
        const data = encodeNodes(tree, explicitLittleEndian);
        if (data.length > 0) data[place % data.length] = byte;
        try {
          readAll([data], explicit);
        } catch (error) {
          expect(['MALFORMED', 'TRUNCATED', 'TOO_LARGE']).toContain((error as { code: string }).code);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('chunks', () => {
  for (const { name, options, encoding } of [
    { name: 'explicit VR little endian', options: explicit, encoding: explicitLittleEndian },
    { name: 'implicit VR little endian', options: implicit, encoding: implicitLittleEndian },
    { name: 'explicit VR big endian', options: bigEndian, encoding: explicitBigEndian },
  ]) {
    it(`gives the same tokens however ${name} is cut, and their bytes are the data set`, () => {
      // Public sequences in implicit VR would be what the dictionary says; private ones of defined length are bytes.
      const explicitOnly = encoding.explicitVr;
      fc.assert(
        fc.property(nodes, fc.array(fc.nat({ max: 400 }), { maxLength: 8 }), (tree, cuts) => {
          const data = encodeNodes(tree, encoding);
          const limits = { ...options, maxValueLength: 24 };
          let whole: Token[];
          try {
            whole = readAll([data], limits);
          } catch (error) {
            if (explicitOnly) throw error;
            // A random tag that the dictionary has as a sequence, with other bytes in it.
            return;
          }
          expect(concatBytes(whole.map((token) => token.bytes))).toEqual(data);
          const places = [
            0,
            ...cuts.map((cut) => cut % (data.length + 1)).sort((a, b) => a - b),
            data.length,
          ];
          const chunks = places.slice(1).map((place, i) => data.subarray(places[i], place));
          expect(describeTokens(readAll(chunks, limits))).toEqual(describeTokens(whole));
          const single = Array.from(data, (_, i) => data.subarray(i, i + 1));
          expect(describeTokens(readAll(single, limits))).toEqual(describeTokens(whole));
        }),
        { numRuns: 300 },
      );
    });
  }

  it('copies what lies across chunks, so that a chunk may be used again once its tokens are done with', () => {
    const data = bytesOf('1000 2000 "LO" 0400 "ID 1"');
    const reader = createElementReader(explicit);
    const chunk = data.slice(0, 10);
    expect([...reader.push(chunk)]).toEqual([]);
    chunk.fill(0);
    const [token] = reader.push(data.slice(10));
    expect(token?.bytes).toEqual(data);
  });

  it('says so when tokens of a chunk are left unread', () => {
    const reader = createElementReader(explicit);
    reader.push(bytesOf('1000 4000 "CS" 0000')).next();
    reader.push(bytesOf('1000 4000 "CS" 0000'));
    expect(() => reader.push(bytesOf('1000 4000 "CS" 0000'))).toThrow(/not all been read/);
  });
});

describe('deflated data sets', () => {
  const plain = concatBytes(
    Array.from({ length: 1000 }, (_, i) =>
      encodeElement(0x00100020, 'LO', bytesOf(`"${(i * 7919) % 10_007}"`), explicitLittleEndian),
    ),
  );

  async function deflatedOf(data: Uint8Array, size = data.length): Promise<Uint8Array> {
    async function* chunks() {
      for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
    }
    const parts: Uint8Array[] = [];
    for await (const part of deflateDataset(chunks())) parts.push(part);
    return concatBytes(parts);
  }

  it('are read as if they were not', async () => {
    const data = await deflatedOf(plain);
    const expected = describeTokens(readAll([plain], explicit));
    for (const size of [3, 100, data.length]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < data.length; at += size) chunks.push(data.subarray(at, at + size));
      expect(describeTokens(readAll(chunks, deflated))).toEqual(expected);
    }
  });

  it('are deflated to the same even number of bytes whatever chunks they come in', async () => {
    const long = concatBytes(Array.from({ length: 30 }, () => plain));
    const whole = await deflatedOf(long);
    expect(whole.length % 2).toBe(0);
    expect(await deflatedOf(long, 1000)).toEqual(whole);
    expect(await deflatedOf(long, 65_537)).toEqual(whole);
    expect(readAll([whole], deflated)).toHaveLength(30_000);
  });

  it('are refused when they are cut off at any byte', () => {
    const data = deflateSync(plain.subarray(0, 400));
    for (let length = 0; length < data.length; length++) {
      expect(() => readAll([data.subarray(0, length)], deflated), `at ${length}`).toThrow(
        expect.objectContaining({ code: 'TRUNCATED' }),
      );
    }
  });

  it('are refused when they inflate beyond the limits', () => {
    const zeros = (length: number) =>
      deflateSync(encodeElement(0x7fe00010, 'OB', new Uint8Array(length), explicitLittleEndian), {
        level: 1,
      });
    // An empty image is a fair one, however well it deflates; a huge one is not.
    const image = zeros(1024 * 1024);
    expect(readAll([image], deflated).at(-1)?.kind).toBe('bulk-end');
    expect(() => readAll([image], { ...deflated, maxInflatedLength: 1_000_000 })).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
    const bomb = zeros(65 * 1024 * 1024);
    expect(() => readAll([bomb], deflated)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  it('are refused when more than padding follows', () => {
    const data = concatBytes([deflateSync(plain), new Uint8Array(300_000)]);
    expect(() => readAll([data], deflated)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });
});

describe('readTokens', () => {
  it('reads chunks that arrive, and ends their iteration when it is left early', async () => {
    let ended = false;
    async function* chunks() {
      try {
        yield bytesOf('1000 2000 "LO" 0200 "AB"  10');
        yield bytesOf('00 4000 "CS" 0200 "F "');
        yield bytesOf('1000 4000 "CS" 0200 "F "');
      } finally {
        ended = true;
      }
    }
    for await (const token of readTokens(chunks(), explicit)) {
      if (token.kind === 'element' && token.tag === 0x00100040) break;
    }
    expect(ended).toBe(true);
  });
});

it('knows how the elements of a transfer syntax are encoded', () => {
  expect(elementEncodingOf(TransferSyntax.ImplicitVrLittleEndian)).toBe(implicitLittleEndian);
  expect(elementEncodingOf(TransferSyntax.ExplicitVrBigEndian)).toBe(explicitBigEndian);
  expect(elementEncodingOf(TransferSyntax.RleLossless)).toBe(explicitLittleEndian);
  expect(elementEncodingOf('1.2.3.4')).toBe(explicitLittleEndian);
});
