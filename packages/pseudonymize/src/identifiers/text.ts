import type { CharacterSet, Vr } from '@adit/core';

/** The text of bytes that all are printable ASCII or white space; undefined if one is not, or begins an escape. */
export function asciiText(bytes: Uint8Array, start = 0, end = bytes.length): string | undefined {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7e || byte === 0x1b) return undefined;
  }
  return latin1Text(bytes, start, end);
}

/** A character for every byte. */
export function latin1Text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  // Spreading arguments is fast, and limited by the stack.
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(
      null,
      bytes.subarray(i, Math.min(i + 4096, end)) as unknown as number[],
    );
  }
  return text;
}

/** Bytes of a text that has only characters below U+0100. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Where the value ends that spaces and NULs may follow. */
export function endOfValue(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0x00)) end--;
  return end;
}

/** The text of a value field without its padding, decoded only where it is more than ASCII. */
export function textOfValue(bytes: Uint8Array, vr: Vr, characterSet: CharacterSet): string {
  const end = endOfValue(bytes);
  return asciiText(bytes, 0, end) ?? characterSet.decode(bytes.subarray(0, end), vr);
}

/** Leading and trailing blanks and NULs mean nothing around a value. */
export function trimmed(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  if (first > 0x20 && last > 0x20) return text;
  return text.replace(/^[\0\s]+|[\0\s]+$/g, '');
}

/** A text without accents and the like, and in characters of the usual width: `Muller` for `Müller`, `ヤマタ` for `ﾔﾏﾀﾞ`. */
export function withoutMarks(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC');
}

const umlauts: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  Ä: 'Ae',
  Ö: 'Oe',
  Ü: 'Ue',
  ẞ: 'SS',
};

/** German umlauts as they are written where there are none. */
export function withoutUmlauts(text: string): string {
  return text.normalize('NFC').replace(/[äöüßÄÖÜẞ]/g, (letter) => umlauts[letter]!);
}

/**
 * A text as identifiers are compared: words of lower-case letters without marks and of digits, a space between two of
 * them. `Müller^Änne` is `muller anne`. Hiragana is written as katakana.
 */
export function comparable(text: string): string {
  return withoutMarks(text)
    .toLowerCase()
    .replace(/[\u3041-\u3096]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) + 0x60))
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
