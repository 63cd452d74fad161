import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterSetOf } from './character-set.ts';
import { bytesOf, hexOf } from './testing/data-sets.ts';
import type { Vr } from './vr.ts';

const ESC = '1B';

/** The examples of PS3.5 Annexes H, I, J and K: terms, VR, text, bytes. */
const examples: readonly (readonly [string, readonly string[], Vr, string, string])[] = [
  [
    'H.3.1 Japanese, kanji and hiragana by code extension',
    ['', 'ISO 2022 IR 87'],
    'PN',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    `"Yamada^Tarou=" ${ESC} "$B;3ED" ${ESC} "(B^" ${ESC} "$BB@O:" ${ESC} "(B=" ${ESC} "$B$d$^$@" ${ESC} "(B^" ${ESC} "$B$?$m$&" ${ESC} "(B"`,
  ],
  [
    'H.3.2 Japanese with half-width katakana',
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    'PN',
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    `D4CFC0DE "^" C0DBB3 "=" ${ESC} "$B;3ED" ${ESC} "(J^" ${ESC} "$BB@O:" ${ESC} "(J=" ${ESC} "$B$d$^$@" ${ESC} "(J^" ${ESC} "$B$?$m$&" ${ESC} "(J"`,
  ],
  [
    'I.2 Korean, designated anew after each delimiter',
    ['', 'ISO 2022 IR 149'],
    'PN',
    'Hong^Gildong=洪^吉洞=홍^길동',
    `"Hong^Gildong=" ${ESC} "$)C" FBF3 "^" ${ESC} "$)C" D1CED4D7 "=" ${ESC} "$)C" C8AB "^" ${ESC} "$)C" B1E6B5BF`,
  ],
  [
    'J.1 Chinese in UTF-8',
    ['ISO_IR 192'],
    'PN',
    'Wang^XiaoDong=王^小東=',
    '"Wang^XiaoDong=" E78E8B "^" E5B08FE69DB1 "="',
  ],
  [
    'J.2 Chinese in GB18030',
    ['GB18030'],
    'PN',
    'Wang^XiaoDong=王^小东=',
    '"Wang^XiaoDong=" CDF5 "^" D0A1B6AB "="',
  ],
  ['J.4 Chinese in GBK', ['GBK'], 'PN', 'Wang^XiaoDong=王^小东=', '"Wang^XiaoDong=" CDF5 "^" D0A1B6AB "="'],
  [
    'K.2 Chinese in GB 2312 by code extension',
    ['', 'ISO 2022 IR 58'],
    'PN',
    'Zhang^XiaoDong=张^小东=',
    `"Zhang^XiaoDong=" ${ESC} "$)A" D5C5 "^" ${ESC} "$)A" D0A1B6AB "="`,
  ],
  [
    'K.3 Chinese in a text of several lines',
    ['', 'ISO 2022 IR 58'],
    'LT',
    '1. 第一行文字。\r\n2. 第二行文字。\r\n',
    `"1. " ${ESC} "$)A" B5DAD2BBD0D0CEC4D7D6A1A3 0D0A "2. " ${ESC} "$)A" B5DAB6FED0D0CEC4D7D6A1A3 0D0A`,
  ],
];

describe('the examples of PS3.5', () => {
  it.each(examples)('%s', (_name, terms, vr, text, bytes) => {
    const set = characterSetOf(terms);
    expect(set.decode(bytesOf(bytes), vr)).toBe(text);
    expect(hexOf(set.encode(text, vr)!)).toBe(hexOf(bytesOf(bytes)));
  });
});

describe('single-byte sets', () => {
  it.each([
    ['ISO_IR 100', 'Buc^Jérôme', '"Buc^J" E9 "r" F4 "me"'],
    ['ISO_IR 101', 'Čapek', 'C8 "apek"'],
    ['ISO_IR 109', 'Ħanin', 'A1 "anin"'],
    ['ISO_IR 110', 'Ģirts', 'AB "irts"'],
    ['ISO_IR 144', 'Люкceмбypг', 'BBEEDA "ce" DCD1 "yp" D3'],
    ['ISO_IR 127', 'قباني^لنزار', 'E2C8C7E6EA "^" E4E6D2C7D1'],
    ['ISO_IR 126', 'Διονυσιος', 'C4E9EFEDF5F3E9EFF2'],
    ['ISO_IR 138', 'שרון^דבורה', 'F9F8E5EF "^" E3E1E5F8E4'],
    ['ISO_IR 148', 'Çavuşoğlu', 'C7 "avu" FE "o" F0 "lu"'],
    ['ISO_IR 203', 'Œuvre €', 'BC "uvre " A4'],
    ['ISO_IR 166', 'นามสกุล', 'B9D2C1CAA1D8C5'],
    ['ISO_IR 13', 'ﾔﾏﾀﾞ', 'D4CFC0DE'],
  ])('%s', (term, text, bytes) => {
    const set = characterSetOf([term]);
    expect(set.decode(bytesOf(bytes), 'PN')).toBe(text);
    expect(hexOf(set.encode(text, 'PN')!)).toBe(hexOf(bytesOf(bytes)));
    // The same set with code extensions needs no escape sequence, for it is there from the beginning.
    const extended = characterSetOf([term.replace('ISO_IR', 'ISO 2022 IR'), 'ISO 2022 IR 87']);
    expect(hexOf(extended.encode(text, 'PN')!)).toBe(hexOf(bytesOf(bytes)));
  });

  it('read every byte of ISO 8859-1 as the character of its number', () => {
    const bytes = Uint8Array.from({ length: 96 }, (_, i) => 0xa0 + i);
    const text = characterSetOf(['ISO_IR 100']).decode(bytes);
    expect([...text].map((character) => character.charCodeAt(0))).toEqual([...bytes]);
  });

  it('do not encode what they lack', () => {
    expect(characterSetOf(['ISO_IR 100']).encode('山田', 'PN')).toBeUndefined();
    expect(characterSetOf(['ISO_IR 100']).encode('€', 'PN')).toBeUndefined();
    expect(characterSetOf([]).encode('é', 'PN')).toBeUndefined();
    expect(characterSetOf(['GBK']).encode('😀')).toBeUndefined();
    expect(characterSetOf(['ISO_IR 192']).encode('\ud800')).toBeUndefined();
  });

  it('read the two characters of JIS X 0201 that differ from ISO 646, and divide values where it has the yen sign', () => {
    const set = characterSetOf(['ISO_IR 13']);
    expect(set.decode(bytesOf('"A~B\\C"'), 'LO')).toBe('A‾B\\C');
    expect(set.encode('‾\\', 'LO')).toEqual(bytesOf('"~\\"'));
    expect(set.encode('~', 'LO')).toBeUndefined();
  });
});

describe('code extensions', () => {
  it('go back to the first set before a delimiter, as the VR has delimiters (PS3.5 §6.1.2.5.3)', () => {
    const set = characterSetOf(['ISO 2022 IR 100', 'ISO 2022 IR 144']);
    // é, Cyrillic А designated by ESC - L, then é of the first set again: after ^ by itself in PN …
    const bytes = bytesOf(`E9 ${ESC} "-L" B0 "^" E9`);
    expect(set.decode(bytes, 'PN')).toBe('éА^é');
    // … and not in LO, where ^ is a character like others.
    expect(set.decode(bytes, 'LO')).toBe('éА^щ');
    expect(hexOf(set.encode('éА^é', 'PN')!)).toBe(hexOf(bytesOf(`E9 ${ESC} "-L" B0 ${ESC} "-A^" E9`)));
  });

  it('take a backslash for a delimiter where it divides values alone', () => {
    const set = characterSetOf(['', 'ISO 2022 IR 149']);
    const text = '홍\\홍';
    expect(hexOf(set.encode(text, 'LO')!)).toBe(hexOf(bytesOf(`${ESC} "$)C" C8AB "\\" ${ESC} "$)C" C8AB`)));
    expect(hexOf(set.encode(text, 'LT')!)).toBe(hexOf(bytesOf(`${ESC} "$)C" C8AB "\\" C8AB`)));
  });

  it('read two bytes that look like delimiters as the one character they are', () => {
    // 鼎 is 0x4522 … and 0x5C5E, whose bytes are a backslash and a caret, is 尅.
    const set = characterSetOf(['', 'ISO 2022 IR 87']);
    const text = set.decode(bytesOf(`${ESC} "$B" 5C5E 5C3D ${ESC} "(B"`), 'PN');
    expect([...text]).toHaveLength(2);
    expect(text).not.toMatch(/[\\^=�]/);
    expect(hexOf(set.encode(text, 'PN')!)).toBe(hexOf(bytesOf(`${ESC} "$B" 5C5E 5C3D ${ESC} "(B"`)));
  });

  it('read and write JIS X 0212', () => {
    const set = characterSetOf(['', 'ISO 2022 IR 87', 'ISO 2022 IR 159']);
    // 丂 is row 16, cell 1 of JIS X 0212 and is not in JIS X 0208.
    const bytes = bytesOf(`${ESC} "$(D" 3021 ${ESC} "$B;3" ${ESC} "(B"`);
    expect(set.decode(bytes, 'LO')).toBe('丂山');
    expect(hexOf(set.encode('丂山', 'LO')!)).toBe(hexOf(bytes));
  });

  it("write the characters that Windows has in place of JIS's as those", () => {
    const set = characterSetOf(['', 'ISO 2022 IR 87']);
    expect(set.encode('～−', 'LO')).toEqual(set.encode('〜－', 'LO'));
    expect(set.decode(set.encode('～', 'LO')!, 'LO')).toBe('〜');
  });

  it('read text whose set was not designated by the one there is', () => {
    expect(characterSetOf(['ISO 2022 IR 149']).decode(bytesOf('C8AB'), 'PN')).toBe('홍');
    // After ^ the writer should have designated it anew.
    const bytes = bytesOf(`${ESC} "$)C" C8AB "^" B1E6`);
    expect(characterSetOf(['', 'ISO 2022 IR 149']).decode(bytes, 'PN')).toBe('홍^길');
  });

  it('replace what means nothing', () => {
    const set = characterSetOf(['', 'ISO 2022 IR 87']);
    expect(set.decode(bytesOf(`"A" ${ESC} "%GB"`), 'LO')).toBe('A\ufffd%GB');
    expect(set.decode(bytesOf('"A" E9'), 'LO')).toBe('A\ufffd');
    expect(set.decode(bytesOf(`${ESC} "$B;3E"`), 'LO')).toBe('山\ufffd');
    expect(characterSetOf(['', 'ISO 2022 IR 149']).decode(bytesOf('C8 "A"'), 'LO')).toBe('\ufffdA');
  });

  it('do not let a text bring escape sequences of its own', () => {
    expect(characterSetOf(['', 'ISO 2022 IR 87']).encode('A\x1b$B', 'LO')).toBeUndefined();
  });
});

describe('terms', () => {
  it('are found in other spellings', () => {
    for (const term of [
      'ISO_IR 100',
      'ISO IR 100',
      'ISO-IR 100',
      'iso_ir 100',
      ' ISO_IR 100 ',
      'ISO_IR_100',
    ]) {
      expect(characterSetOf([term]).terms, term).toEqual(['ISO_IR 100']);
    }
    expect(characterSetOf(['ISO2022 IR 87', 'ISO 2022-IR 159']).terms).toEqual([
      'ISO 2022 IR 87',
      'ISO 2022 IR 159',
    ]);
    expect(characterSetOf(['UTF-8']).terms).toEqual(['ISO_IR 192']);
    expect(characterSetOf([]).terms).toEqual([]);
    expect(characterSetOf(['']).terms).toEqual([]);
    expect(characterSetOf([null, 'ISO 2022 IR 87']).terms).toEqual(['', 'ISO 2022 IR 87']);
  });

  it.each([[[]], [['']], [['ISO_IR 6']], [['KOI8-R']], [['ISO_IR 999', 'ISO 2022 IR 998']]])(
    'of the default repertoire or unknown, %j, let UTF-8 and ISO 8859-1 be read all the same',
    (terms) => {
      const set = characterSetOf(terms);
      expect(set.decode(bytesOf('"Doe"'))).toBe('Doe');
      expect(set.encode('Doe')).toEqual(bytesOf('"Doe"'));
      expect(set.encode('é')).toBeUndefined();
      expect(set.decode(bytesOf('"J" C3A9'))).toBe('Jé');
      expect(set.decode(bytesOf('"J" E9 "r"'))).toBe('Jér');
    },
  );
});

describe('every set', () => {
  const all = [
    [],
    ...['100', '101', '109', '110', '126', '127', '138', '144', '148', '166', '203', '13', '192'].map((n) => [
      `ISO_IR ${n}`,
    ]),
    ['GB18030'],
    ['GBK'],
    ['', 'ISO 2022 IR 87', 'ISO 2022 IR 159', 'ISO 2022 IR 13'],
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    ['', 'ISO 2022 IR 149'],
    ['', 'ISO 2022 IR 58'],
    [
      'ISO 2022 IR 100',
      'ISO 2022 IR 144',
      'ISO 2022 IR 126',
      'ISO 2022 IR 87',
      'ISO 2022 IR 149',
      'ISO 2022 IR 58',
    ],
    ['KOI8-R'],
  ];
  const samples = [
    'Doe^John',
    'Müller',
    'Čapek',
    'Διονυσιος',
    'Люкceмбypг',
    'قباني',
    'שרון',
    'นามสกุล',
    '山田',
    'やまだ',
    'ﾔﾏﾀﾞ',
    '홍길동',
    '张小东',
    '丂',
    '€',
    '😀',
    ' ',
    '\\',
    '^',
    '=',
    '\r\n',
    '~',
    '\u3000',
    '㐀',
  ];
  const text = fc
    .array(fc.oneof(fc.constantFrom(...samples), fc.string({ unit: 'grapheme', maxLength: 4 })), {
      maxLength: 8,
    })
    .map((parts) => parts.join(''));

  it.each(all.map((terms) => [terms.join('\\') || 'none', terms] as const))(
    'reads what it wrote: %s',
    (_name, terms) => {
      const set = characterSetOf(terms);
      let encoded = 0;
      fc.assert(
        fc.property(text, fc.constantFrom<Vr>('PN', 'LO', 'LT', 'UC'), (value, vr) => {
          const bytes = set.encode(value, vr);
          if (bytes === undefined) return;
          encoded++;
          const back = set.decode(bytes, vr);
          // Windows's characters become JIS's on the way; UTF-8 loses a byte order mark.
          const expected = value
            .replace(/[～∥－￠￡￢]/g, (c) => (back.includes(c) ? c : (jis[c] ?? c)))
            .replace(/^\ufeff/, '');
          expect(back.replace(/^\ufeff/, '')).toBe(expected);
        }),
        { numRuns: 400 },
      );
      expect(encoded).toBeGreaterThan(0);
    },
  );
  const jis: Record<string, string> = { '～': '〜', '∥': '‖', '－': '−', '￠': '¢', '￡': '£', '￢': '¬' };

  it.each(all.map((terms) => [terms.join('\\') || 'none', terms] as const))(
    'never throws on bytes: %s',
    (_name, terms) => {
      const set = characterSetOf(terms);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom<Vr>('PN', 'LO', 'LT'), (bytes, vr) => {
          expect(typeof set.decode(bytes, vr)).toBe('string');
        }),
      );
    },
  );

  it.each([
    ['ISO 2022 IR 87', 6879],
    ['ISO 2022 IR 159', 6067],
    ['ISO 2022 IR 149', 8226],
    ['ISO 2022 IR 58', 7445],
  ])('of two bytes has the characters of its standard, and writes each as it was: %s', (term, size) => {
    const set = characterSetOf(['', term]);
    const high = term === 'ISO 2022 IR 149' || term === 'ISO 2022 IR 58' ? 0x80 : 0;
    const designation = { 87: '"$B"', 159: '"$(D"', 149: '"$)C"', 58: '"$)A"' }[term.split(' ')[3]!]!;
    const known = new Map<string, string>();
    for (let row = 0x21; row <= 0x7e; row++) {
      for (let cell = 0x21; cell <= 0x7e; cell++) {
        const bytes = Uint8Array.from([...bytesOf(`${ESC} ${designation}`), row | high, cell | high]);
        const character = set.decode(bytes, 'LO');
        if (character.includes('\ufffd')) continue;
        expect([...character]).toHaveLength(1);
        const end = high === 0 ? hexOf(bytesOf(`${ESC} "(B"`)) : '';
        // What is there twice is written as the first of the two.
        if (!known.has(character)) known.set(character, hexOf(bytes) + end);
        expect(hexOf(set.encode(character, 'LO')!)).toBe(known.get(character));
      }
    }
    expect(known.size).toBeGreaterThanOrEqual(size);
  });

  it('writes every character of Unicode in GB18030 and reads it again', () => {
    const set = characterSetOf(['GB18030']);
    const points: number[] = [];
    for (let point = 0x20; point < 0x10ffff; point += point < 0x10000 ? 1 : 997) {
      // Surrogates are no characters; decoders do not agree on those for private use.
      if ((point >= 0xd800 && point < 0xf900) || (point >= 0xe000 && point < 0xf900)) continue;
      points.push(point);
    }
    const text = points.map((point) => String.fromCodePoint(point));
    const lost = text.filter((character) => {
      const bytes = set.encode(character);
      return bytes === undefined || set.decode(bytes) !== character;
    });
    expect(lost.filter((character) => character !== '\ufffd')).toEqual([]);
  });
});
