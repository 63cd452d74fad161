/**
 * A set of characters that ISO 2022 can designate (PS3.3 Tables C.12-2 to C.12-4). G0 is invoked by bytes below 0x80,
 * G1 by those above.
 */
export interface GraphicSet {
  readonly area: 'G0' | 'G1';
  /** Bytes of one character. */
  readonly width: 1 | 2;
  /** What designates the set, after ESC. */
  readonly escape: readonly number[];
  /** The character of a code, whose bytes are below 0x80; undefined where the set has none. */
  decode(code: number): string | undefined;
  /** The code of a character; undefined where the set lacks it. */
  encode(character: string): number | undefined;
}

/** Codes and their characters. Made when first asked for: the larger ones take some milliseconds. */
interface Table {
  characters: readonly (string | undefined)[];
  codes: ReadonlyMap<string, number>;
}

/** ISO 646, the default repertoire: ISO-IR 6. */
export const ascii: GraphicSet = {
  area: 'G0',
  width: 1,
  escape: [0x28, 0x42],
  decode: (code) => String.fromCharCode(code),
  encode: (character) => (character < '\x80' ? character.charCodeAt(0) : undefined),
};

/** JIS X 0201 Roman, ISO-IR 14: ISO 646 but for two characters. 0x5C stays the delimiter of values it is elsewhere. */
const jisRoman: GraphicSet = {
  area: 'G0',
  width: 1,
  escape: [0x28, 0x4a],
  decode: (code) => (code === 0x7e ? '‾' : String.fromCharCode(code)),
  encode: (character) => {
    if (character === '‾') return 0x7e;
    return character < '\x80' && character !== '~' ? character.charCodeAt(0) : undefined;
  },
};

/** JIS X 0201 Katakana, ISO-IR 13: half width, in the order of Unicode. */
const jisKatakana: GraphicSet = {
  area: 'G1',
  width: 1,
  escape: [0x29, 0x49],
  decode: (code) => (code >= 0x21 && code <= 0x5f ? String.fromCharCode(0xff40 + code) : undefined),
  encode: (character) =>
    character >= '\uff61' && character <= '\uff9f' ? character.charCodeAt(0) - 0xff40 : undefined,
};

/** ISO 8859-1. TextDecoder takes its name for windows-1252, which has other characters at 0x80 to 0x9F. */
const latin1: GraphicSet = {
  area: 'G1',
  width: 1,
  escape: [0x2d, 0x41],
  decode: (code) => String.fromCharCode(code | 0x80),
  encode: (character) =>
    character >= '\xa0' && character <= '\xff' ? character.charCodeAt(0) & 0x7f : undefined,
};

/** A set whose table TextDecoder knows. */
function decoded(
  area: 'G0' | 'G1',
  width: 1 | 2,
  sequence: readonly number[],
  make: () => Table,
): GraphicSet {
  let table: Table | undefined;
  return {
    area,
    width,
    escape: sequence,
    decode(code) {
      table ??= make();
      return table.characters[code];
    },
    encode(character) {
      table ??= make();
      return table.codes.get(character);
    },
  };
}

function singleByte(final: number, label: string): GraphicSet {
  return decoded('G1', 1, [0x2d, final], () => {
    const codes = Array.from({ length: 96 }, (_, i) => 0x20 + i);
    return tableOf(label, codes, (code) => [code | 0x80]);
  });
}

/** Rows and cells of 94 codes each, from 0x21 to 0x7E. */
function doubleByteCodes(lastRow = 0x7e): number[] {
  const codes: number[] = [];
  for (let row = 0x21; row <= lastRow; row++) {
    for (let cell = 0x21; cell <= 0x7e; cell++) codes.push(row * 256 + cell);
  }
  return codes;
}

function highBytes(code: number): number[] {
  return [(code >> 8) | 0x80, (code & 0xff) | 0x80];
}

/** Browsers read some characters of JIS X 0208 as Windows did; these are the standard's. */
const jis0208Characters: ReadonlyMap<string, string> = new Map([
  ['～', '〜'],
  ['∥', '‖'],
  ['－', '−'],
  ['￠', '¢'],
  ['￡', '£'],
  ['￢', '¬'],
]);

/** JIS X 0208, with the characters that makers added to it in rows it leaves free, for names are written with them. */
const jis0208 = decoded('G0', 2, [0x24, 0x42], () => {
  const { characters, codes } = tableOf('euc-jp', doubleByteCodes(), highBytes);
  const reverse = new Map(codes);
  for (const [windows, standard] of jis0208Characters) {
    // Both are written as the same code.
    const code = codes.get(windows) ?? codes.get(standard);
    if (code !== undefined) reverse.set(standard, code).set(windows, code);
  }
  const corrected = characters.map((character) => jis0208Characters.get(character ?? '') ?? character);
  return { characters: corrected, codes: reverse };
});

/** JIS X 0212 ends with row 77; what some decoders have behind it is not of the standard. */
const jis0212 = decoded('G0', 2, [0x24, 0x28, 0x44], () =>
  tableOf('euc-jp', doubleByteCodes(0x6d), (code) => [0x8f, ...highBytes(code)]),
);

const ksX1001 = decoded('G1', 2, [0x24, 0x29, 0x43], () => {
  const { characters, codes } = tableOf('euc-kr', doubleByteCodes(), highBytes);
  // Added to the set in 1998; not every decoder has them.
  const made = { characters: [...characters], codes: new Map(codes) };
  made.characters[0x2266] = '€';
  made.characters[0x2267] = '®';
  made.codes.set('€', 0x2266).set('®', 0x2267);
  return made;
});

const gb2312 = decoded('G1', 2, [0x24, 0x29, 0x41], () =>
  tableOf('gb18030', doubleByteCodes(0x77), highBytes),
);

/**
 * The table of codes whose bytes a decoder of the platform reads. Characters for private use are left out: decoders
 * differ in where they have them.
 */
export function tableOf(label: string, codes: readonly number[], bytesOf: (code: number) => number[]): Table {
  // A line feed after each keeps a code that means nothing from taking bytes of the next.
  const text = new TextDecoder(label).decode(
    Uint8Array.from(codes.flatMap((code) => [...bytesOf(code), 0x0a])),
  );
  const characters: (string | undefined)[] = [];
  const reverse = new Map<string, number>();
  for (const [index, character] of text.split('\n').entries()) {
    const code = codes[index];
    if (code === undefined || [...character].length !== 1 || /[\ufffd\ue000-\uf8ff]/.test(character))
      continue;
    characters[code] = character;
    // Of characters that are there twice, the first is the one to write.
    if (!reverse.has(character)) reverse.set(character, code);
  }
  return { characters, codes: reverse };
}

/** The sets of the defined terms, by the number of the ISO registration that is their name (PS3.3 §C.12.1.1.2). */
export const graphicSets: ReadonlyMap<string, readonly GraphicSet[]> = new Map([
  ['6', [ascii]],
  ['13', [jisRoman, jisKatakana]],
  ['58', [gb2312]],
  ['87', [jis0208]],
  ['100', [latin1]],
  ['101', [singleByte(0x42, 'iso-8859-2')]],
  ['109', [singleByte(0x43, 'iso-8859-3')]],
  ['110', [singleByte(0x44, 'iso-8859-4')]],
  ['126', [singleByte(0x46, 'iso-8859-7')]],
  ['127', [singleByte(0x47, 'iso-8859-6')]],
  ['138', [singleByte(0x48, 'iso-8859-8')]],
  ['144', [singleByte(0x4c, 'iso-8859-5')]],
  ['148', [singleByte(0x4d, 'iso-8859-9')]],
  ['149', [ksX1001]],
  ['159', [jis0212]],
  ['166', [singleByte(0x54, 'windows-874')]],
  ['203', [singleByte(0x62, 'iso-8859-15')]],
]);

/** All sets with the escape sequences that designate them; the last two are older ways to say JIS X 0208. */
const escapes: readonly { bytes: readonly number[]; set: GraphicSet }[] = [
  ...[...graphicSets.values()].flat().map((set) => ({ bytes: set.escape, set })),
  { bytes: [0x24, 0x40], set: jis0208 },
  { bytes: [0x24, 0x28, 0x42], set: jis0208 },
];

/** The set that the escape sequence at this place designates, and the length of the sequence with its ESC. */
export function escapeAt(bytes: Uint8Array, at: number): { set: GraphicSet; length: number } | undefined {
  for (const { bytes: sequence, set } of escapes) {
    if (sequence.every((byte, i) => bytes[at + 1 + i] === byte)) return { set, length: sequence.length + 1 };
  }
  return undefined;
}
