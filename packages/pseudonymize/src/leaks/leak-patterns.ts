import { characterSetOf } from '@adit/core';
import type { Identifier } from '../identifiers/identifier.ts';
import { latin1Bytes, latin1Text } from '../identifiers/text.ts';
import type { BytePattern } from './pattern-search.ts';
import { type Boundary, type Spelling, spellingsOf } from './spellings.ts';

/** The bytes of one spelling of an identifier in one encoding. */
export interface LeakPattern extends BytePattern {
  /** Which of the identifiers it is. */
  readonly identifier: number;
  /** A defined term of (0008,0005), `ASCII`, `UTF-16`, `hex`, `base64`, `percent` or `json`. */
  readonly encoding: string;
  /** Characters of the text. */
  readonly characters: number;
  readonly boundary: Boundary;
  /** Of a character next to it: bytes, and whether the first is the high one. */
  readonly unit: 1 | 2;
  readonly bigEndian: boolean;
}

/** Shortest pattern: of three bytes, most come about by chance. */
const minBytes = 4;

/** Shortest text that is looked for in hex, in bytes, and in base64, in its characters. */
const minHexBytes = 5;
const minBase64 = 6;

/** What may stand between bytes in hex: nothing, as a dump has it, as C, JSON and URLs do. */
const hexSeparators = ['', ' ', ':', '-', ',', '\\x', '%', ', 0x', ',0x'];

/** Those of one byte a character, and those whose bytes depend on nothing before them. */
const plainTerms = [
  ...[100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203, 13].map((number) => `ISO_IR ${number}`),
  'GB18030',
  'GBK',
];

/** Sets of two bytes, which escape sequences designate (PS3.3 Table C.12-4). */
const designatedTerms = ['ISO 2022 IR 87', 'ISO 2022 IR 159', 'ISO 2022 IR 149', 'ISO 2022 IR 58'];

/** UIDs are many in some headers; those beyond these are looked for as they are written only. */
const maxEncodedUids = 1000;

/** What identifiers look like in bytes, in whatever encoding. They come with the numbers they have. */
export function leakPatterns(identifiers: Iterable<readonly [number, Identifier]>): LeakPattern[] {
  const patterns = new Map<string, LeakPattern>();
  let uids = 0;
  for (const [index, identifier] of identifiers) {
    const isEncoded = identifier.kind !== 'uid' || ++uids <= maxEncodedUids;
    const isPlain = isAscii(identifier.text);
    /** By their letters, which spellings share: whether a character set has them costs more than which they are. */
    const termsOf = isPlain ? () => [] : rememberedTerms();
    for (const spelling of spellingsOf(identifier)) {
      for (const text of casesOf(spelling.text)) addText(text, spelling, index, isEncoded, termsOf);
    }
  }
  return [...patterns.values()];

  function addText(
    text: string,
    spelling: Spelling,
    identifier: number,
    isEncoded: boolean,
    termsOf: (text: string) => readonly string[],
  ): void {
    const shape = { identifier, characters: [...text].length, boundary: spelling.boundary };
    const plain = (encoding: string, bytes: Uint8Array | undefined, unit: 1 | 2 = 1, bigEndian = false) =>
      add({ ...shape, encoding, bytes, exact: false, unit, bigEndian });
    if (isAscii(text)) {
      plain('ASCII', latin1Bytes(text));
    } else {
      const composed = text.normalize('NFC');
      for (const term of termsOf(composed)) {
        plain(term, term.startsWith('ISO 2022') ? designated(term, composed) : encodeIn(term, composed));
      }
      for (const form of new Set([composed, text.normalize('NFD')])) {
        plain('ISO_IR 192', utf8Encoder.encode(form));
        plain('UTF-16', utf16(form, true), 2);
        plain('UTF-16', utf16(form, false), 2, true);
      }
      plain('json', jsonBytes(text));
      plain('percent', percentBytes(text));
    }
    if (!isEncoded) return;
    plain('UTF-16', utf16(text, true), 2);
    plain('UTF-16', utf16(text, false), 2, true);
    if (spelling.isUsual) addEncoded(text, identifier);
  }

  function addEncoded(text: string, identifier: number): void {
    const characters = [...text].length;
    const shape = { identifier, characters, boundary: 'none', unit: 1, bigEndian: false } as const;
    for (const spelled of new Set([text, text.toLowerCase(), text.toUpperCase(), titled(text)])) {
      const utf8 = utf8Encoder.encode(spelled);
      const latin1 = isAscii(spelled) ? undefined : characterSetOf(['ISO_IR 100']).encode(spelled);
      for (const bytes of [utf8, latin1]) {
        if (bytes === undefined) continue;
        if (bytes.length >= minHexBytes) {
          for (const hex of hexTexts(bytes)) {
            add({ ...shape, encoding: 'hex', bytes: latin1Bytes(hex), exact: false });
          }
        }
        for (const base64 of base64Texts(bytes)) {
          add({ ...shape, encoding: 'base64', bytes: latin1Bytes(base64), exact: true });
        }
      }
      for (const base64 of base64Texts(utf16(spelled, true))) {
        add({ ...shape, encoding: 'base64', bytes: latin1Bytes(base64), exact: true });
      }
    }
  }

  function add(pattern: Omit<LeakPattern, 'bytes'> & { bytes: Uint8Array | undefined }): void {
    const { bytes } = pattern;
    if (bytes === undefined || bytes.length < minBytes) return;
    const key = `${pattern.exact}${pattern.boundary}${latin1Text(bytes)}`;
    if (!patterns.has(key)) patterns.set(key, { ...pattern, bytes });
  }
}

const utf8Encoder = new TextEncoder();

function encodeIn(term: string, text: string): Uint8Array | undefined {
  return characterSetOf([term]).encode(text);
}

/** Which character sets besides Unicode have all letters of a text. */
function rememberedTerms(): (text: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (text) => {
    const letters = [...new Set(text)]
      .filter((letter) => letter > '\x7f')
      .sort()
      .join('');
    let terms = known.get(letters);
    if (terms === undefined) {
      terms = [
        ...plainTerms.filter((term) => encodeIn(term, letters) !== undefined),
        ...designatedTerms.filter((term) => characterSetOf(['', term]).encode(letters) !== undefined),
      ];
      known.set(letters, terms);
    }
    return terms;
  };
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** Search minds the case of no ASCII letter; those of other letters are spellings of their own. */
function casesOf(text: string): Iterable<string> {
  return isAscii(text) ? [text] : new Set([text, text.toLowerCase(), text.toUpperCase(), titled(text)]);
}

function titled(text: string): string {
  return text.toLowerCase().replace(/(?<![\p{L}\p{M}])\p{L}/gu, (letter) => letter.toUpperCase());
}

/**
 * The bytes of a text in a set of two bytes a character. Of G0, with the escape sequence before it, for without that they
 * are any ASCII; of G1 without, for it stands at the beginning of a line (PS3.5 §6.1.2.5.3).
 */
function designated(term: string, text: string): Uint8Array | undefined {
  const bytes = characterSetOf(['', term]).encode(text, 'LO');
  if (bytes === undefined) return undefined;
  let start = 0;
  let end = bytes.length;
  if (bytes[0] === 0x1b && bytes[1] === 0x24 && bytes[2] === 0x29) start = 4;
  if (bytes[end - 3] === 0x1b && bytes[end - 2] === 0x28) end -= 3;
  return bytes.subarray(start, end);
}

function utf16(text: string, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const [low, high] = littleEndian ? [0, 1] : [1, 0];
  for (let i = 0; i < text.length; i++) {
    bytes[2 * i + low] = text.charCodeAt(i) & 0xff;
    bytes[2 * i + high] = text.charCodeAt(i) >>> 8;
  }
  return bytes;
}

function hexTexts(bytes: Uint8Array): string[] {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  return hexSeparators.map((separator) => digits.join(separator));
}

/**
 * The characters that stand for these bytes alone, wherever among others they are: six bits each, so that they begin in
 * one of three places. Those of the URL-safe alphabet (RFC 4648 §5) besides, where they differ.
 */
function base64Texts(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let before = 0; before < 3; before++) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const whole = btoa(String.fromCharCode(...padded));
    const text = whole.slice(Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6));
    if (text.length < minBase64) continue;
    texts.push(text);
    if (/[+/]/.test(text)) texts.push(text.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return texts;
}

/** As JSON has it that knows ASCII only: `M\u00fcller`. */
function jsonBytes(text: string): Uint8Array {
  return latin1Bytes(
    text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** As URLs have it: `M%C3%BCller`. */
function percentBytes(text: string): Uint8Array | undefined {
  return text.isWellFormed() ? latin1Bytes(encodeURIComponent(text)) : undefined;
}

/** Is nothing beside the bytes that would make them a part of something else? */
export function isWhole(
  { bytes: { length }, boundary, unit, bigEndian }: LeakPattern,
  bytes: Uint8Array,
  start: number,
): boolean {
  if (boundary === 'none') return true;
  let before = characterAt(bytes, start - unit, unit, bigEndian);
  const after = characterAt(bytes, start + length, unit, bigEndian);
  if (boundary === 'number' || boundary === 'short-number') {
    // Zeros may have been put before it.
    for (let at = start - unit; before === 0x30; at -= unit) {
      before = characterAt(bytes, at, unit, bigEndian);
    }
  }
  switch (boundary) {
    case 'word':
    case 'short-number':
      return !isWordByte(before) && !isWordByte(after);
    case 'number':
      return !isDigit(before) && !isDigit(after);
    case 'date':
      // A time may follow (PS3.5 §6.2, DT).
      return !isDigit(before);
    case 'uid':
      return !isDigit(before) && before !== 0x2e && !isDigit(after);
  }
}

/** A character in ASCII, one of another alphabet as 0xFF; 0 where there is none. */
function characterAt(bytes: Uint8Array, at: number, unit: 1 | 2, bigEndian: boolean): number {
  if (at < 0 || at + unit > bytes.length) return 0;
  if (unit === 1) return bytes[at]!;
  const [low, high] = bigEndian ? [bytes[at + 1]!, bytes[at]!] : [bytes[at]!, bytes[at + 1]!];
  return high === 0 ? low : 0xff;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isWordByte(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte >= 0x80;
}
