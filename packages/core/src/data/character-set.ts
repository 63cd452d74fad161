import { decodeLatin1 } from './bytes.ts';
import { encodeGb18030 } from './gb18030.ts';
import { ascii, escapeAt, type GraphicSet, graphicSets } from './graphic-sets.ts';
import { isMultiValuedVr, type Vr } from './vr.ts';

/** The character set of a data set or an item: what its Specific Character Set (0008,0005) says (PS3.3 §C.12.1.1.2). */
export interface CharacterSet {
  /** The defined terms, as understood: the values of (0008,0005) in the standard's spelling. */
  readonly terms: readonly string[];
  /**
   * The text of a value field of a VR that depends on the character set. Never throws: bytes that mean nothing become
   * U+FFFD. Bytes beyond the default repertoire where it is all there is, and those of an unknown character set, are
   * read as UTF-8 if they are that, else as ISO 8859-1.
   *
   * @param vr says where code extensions fall back (PS3.5 §6.1.2.5.3): at the end of a line always, at `\` where that
   *   divides values, at `^` and `=` in PN. Default: UT
   */
  decode(bytes: Uint8Array, vr?: Vr): string;
  /**
   * The bytes of a text, not padded; undefined when the character set lacks one of its characters. What was decoded
   * without U+FFFD is encoded to bytes that mean the same.
   */
  encode(text: string, vr?: Vr): Uint8Array | undefined;
}

const cache = new Map<string, CharacterSet>();
/** Nobody needs more at once; whoever invents character sets must not fill the memory. */
const cacheSize = 64;

/** The character set that values of (0008,0005) name. None, or one empty value, is the default repertoire, ISO_IR 6. */
export function characterSetOf(values: readonly (string | null)[]): CharacterSet {
  const key = values.join('\\');
  let set = cache.get(key);
  if (set === undefined) {
    set = makeCharacterSet(values.map((value) => canonicalTerm(value ?? '')));
    if (cache.size >= cacheSize) cache.clear();
    cache.set(key, set);
  }
  return set;
}

/** The standard's spelling of a term: `ISO 2022-IR 87`, `iso ir 100` and `UTF-8` are found too. */
function canonicalTerm(value: string): string {
  const term = value.trim().toUpperCase();
  const iso = /^ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d+)$/.exec(term);
  if (iso !== null) return iso[1] === undefined ? `ISO_IR ${iso[2]}` : `ISO 2022 IR ${iso[2]}`;
  return /^UTF[ _-]?8$/.test(term) ? 'ISO_IR 192' : term;
}

function makeCharacterSet(all: readonly string[]): CharacterSet {
  // An empty first value is the default repertoire with code extensions after it.
  const terms = all.length === 1 && all[0] === '' ? [] : all;
  const [first = ''] = terms;
  switch (first) {
    case 'ISO_IR 192':
      return { terms, decode: (bytes) => decodeBy('utf-8', bytes), encode: encodeUtf8 };
    case 'GB18030':
    case 'GBK':
      return {
        terms,
        decode: (bytes) => (isPlainAscii(bytes) ? decodeLatin1(bytes) : decodeBy('gb18030', bytes)),
        encode: (text) => encodeGb18030(text, first),
      };
  }
  const sets = terms.map(setsOfTerm);
  if (sets.every((members) => members === undefined || members.every((set) => set === ascii))) {
    return {
      terms,
      decode: decodeUnknown,
      encode: (text) => encodeExtended(text, defaultState, [], new Set()),
    };
  }
  return makeExtended(
    terms,
    sets.map((members) => members ?? []),
  );
}

function setsOfTerm(term: string): readonly GraphicSet[] | undefined {
  if (term === '') return [ascii];
  const number = /^ISO(?:_| 2022 )IR (\d+)$/.exec(term)?.[1];
  return number === undefined ? undefined : graphicSets.get(number);
}

/** Made when first needed: not every platform has GB18030, and whoever reads UTF-8 alone can do without. */
const decoders = new Map<string, { decode(bytes: Uint8Array): string }>();
function decodeBy(label: string, bytes: Uint8Array): string {
  let decoder = decoders.get(label);
  if (decoder === undefined) {
    decoder = new TextDecoder(label);
    decoders.set(label, decoder);
  }
  return decoder.decode(bytes);
}

const utf8Encoder = new TextEncoder();

/** A lone surrogate is no character. */
function encodeUtf8(text: string): Uint8Array | undefined {
  return text.isWellFormed() ? utf8Encoder.encode(text) : undefined;
}

/** Characters of the default repertoire alone, and no escape sequences to others. */
function isPlainAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! >= 0x80 || bytes[at] === ESC) return false;
  return true;
}

/** Bytes whose character set is not known, or is the default repertoire and holds more than that. */
function decodeUnknown(bytes: Uint8Array): string {
  if (isPlainAscii(bytes)) return decodeLatin1(bytes);
  if (bytes.includes(ESC)) return decodeExtended(bytes, defaultState, new Set());
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decodeLatin1(bytes);
  }
}

/** What is designated (ISO 2022): G0 for bytes below 0x80, G1 for those above. */
interface State {
  g0: GraphicSet;
  g1: GraphicSet | undefined;
}

const defaultState: State = { g0: ascii, g1: undefined };

const ESC = 0x1b;

/** A character set of graphic sets: one of eight bits, or several with code extensions (PS3.5 §6.1.2.4, §6.1.2.5). */
function makeExtended(terms: readonly string[], sets: readonly (readonly GraphicSet[])[]): CharacterSet {
  const [first = []] = sets;
  const initial: State = {
    g0: first.find((set) => set.area === 'G0' && set.width === 1) ?? ascii,
    g1: first.find((set) => set.area === 'G1' && set.width === 1),
  };
  // Those who forget to designate a set mean the only one there is.
  const fallback = initial.g1 ?? sets.flat().find((set) => set.area === 'G1');
  // The Roman set of JIS X 0201 differs from ISO 646 in bytes below 0x80.
  const isPlain = initial.g0 === ascii;
  // Without code extensions nothing else may be designated.
  const all = sets.flat();
  const mayExtend =
    terms.length > 1 || /^ISO 2022/.test(terms[0] ?? '') || all.some((set) => set.width === 2);
  const extensions = mayExtend ? [ascii, ...all] : [];
  return {
    terms,
    decode(bytes, vr = 'UT') {
      if (isPlain && isPlainAscii(bytes)) return decodeLatin1(bytes);
      return decodeExtended(bytes, initial, delimitersOf(vr), fallback);
    },
    encode: (text, vr = 'UT') => encodeExtended(text, initial, extensions, delimitersOf(vr)),
  };
}

const lineDelimiters = ['\t', '\n', '\f', '\r'];
const textDelimiters = new Set(lineDelimiters);
const valueDelimiters = new Set([...lineDelimiters, '\\']);
const nameDelimiters = new Set([...lineDelimiters, '\\', '^', '=']);

/** Characters at which the character set falls back to the first one (PS3.5 §6.1.2.5.3). */
function delimitersOf(vr: Vr): ReadonlySet<string> {
  if (vr === 'PN') return nameDelimiters;
  return isMultiValuedVr(vr) ? valueDelimiters : textDelimiters;
}

function decodeExtended(
  bytes: Uint8Array,
  initial: State,
  delimiters: ReadonlySet<string>,
  fallback?: GraphicSet,
): string {
  let { g0, g1 } = initial;
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte === ESC) {
      const designation = escapeAt(bytes, at);
      if (designation === undefined) {
        text += '\ufffd';
        at++;
        continue;
      }
      if (designation.set.area === 'G0') g0 = designation.set;
      else g1 = designation.set;
      at += designation.length;
      continue;
    }
    const set = byte < 0x80 ? g0 : (g1 ?? fallback);
    // Control characters and the space are the same in all sets. Among those of two bytes, a byte that looks like a
    // delimiter is none: they must be left before one.
    const isControl = (byte & 0x7f) < 0x20 || byte === 0x20 || byte === 0x7f;
    if (isControl || set === undefined || set.width === 1) {
      const character = isControl ? String.fromCharCode(byte) : (set?.decode(byte & 0x7f) ?? '\ufffd');
      text += character;
      at++;
      if (delimiters.has(character)) ({ g0, g1 } = initial);
    } else {
      const next = bytes[at + 1] ?? 0;
      const isPair = (next & 0x80) === (byte & 0x80) && (next & 0x7f) > 0x20;
      text += (isPair ? set.decode(((byte & 0x7f) << 8) | (next & 0x7f)) : undefined) ?? '\ufffd';
      at += isPair ? 2 : 1;
    }
  }
  return text;
}

/** Most texts are ASCII, and need no designations. Undefined for one that is not, or has an ESC. */
function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80 || code === ESC) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

function encodeExtended(
  text: string,
  initial: State,
  extensions: readonly GraphicSet[],
  delimiters: ReadonlySet<string>,
): Uint8Array | undefined {
  const plain = initial.g0 === ascii ? encodeAscii(text) : undefined;
  if (plain) return plain;
  const bytes: number[] = [];
  let { g0, g1 } = initial;

  function designate(set: GraphicSet): void {
    bytes.push(ESC, ...set.escape);
    if (set.area === 'G0') g0 = set;
    else g1 = set;
  }

  /** What was designated must be undone before a delimiter; a G1 that was nothing before needs no undoing. */
  function fallBack(): void {
    if (g0 !== initial.g0) designate(initial.g0);
    if (g1 !== initial.g1 && initial.g1 !== undefined) designate(initial.g1);
    g1 = initial.g1;
  }

  for (const character of text) {
    if (delimiters.has(character)) {
      fallBack();
      bytes.push(character.charCodeAt(0));
      continue;
    }
    if (character === ' ' || character < ' ' || character === '\x7f') {
      // ESC in a text would be taken for a designation.
      if (character === '\x1b') return undefined;
      // A set of two bytes has a space of its own; not every reader knows the one below it then.
      if (g0.width === 2) designate(initial.g0);
      bytes.push(character.charCodeAt(0));
      continue;
    }
    let set: GraphicSet | undefined;
    let code: number | undefined;
    for (const candidate of [g0, g1, ...extensions]) {
      code = candidate?.encode(character);
      if (code !== undefined) {
        set = candidate;
        break;
      }
    }
    if (set === undefined || code === undefined) return undefined;
    if (set !== g0 && set !== g1) designate(set);
    const high = set.area === 'G1' ? 0x80 : 0;
    if (set.width === 2) bytes.push((code >> 8) | high, (code & 0xff) | high);
    else bytes.push(code | high);
  }
  fallBack();
  return Uint8Array.from(bytes);
}
