import { dictionaryData } from './generated/dictionary-data.ts';
import type { Tag } from './tag.ts';
import type { Vr } from './vr.ts';

/** What PS3.6 and PS3.7 say about an attribute. */
export interface DictionaryEntry {
  /** Of a repeating group, the first: (6000,3000) for every (60xx,3000). */
  tag: Tag;
  /** `PatientID`. Empty for a few retired attributes that never had one. */
  keyword: string;
  /** The usual VR: the first of `vrs`. */
  vr: Vr;
  /** Where the standard leaves a choice ("US or SS"), all of it. */
  vrs: readonly Vr[];
  /** Value multiplicity as the standard writes it: `1`, `1-n`, `2-2n`. */
  vm: string;
  retired: boolean;
}

/** Looks an attribute up by its tag, repeating groups (`60xx`) included. Undefined for private and unknown tags. */
export function dictionaryEntry(tag: Tag): DictionaryEntry | undefined {
  dictionary ??= load();
  const known = dictionary.entries.get(tag);
  if (known !== undefined) return known;
  const group = tag >>> 16;
  const unread = dictionary.unread.get(group);
  if (unread !== undefined) {
    dictionary.unread.delete(group);
    readGroup(dictionary, group.toString(16).padStart(4, '0'), unread);
  }
  const place = dictionary.places.get(tag);
  if (place !== undefined) {
    const entry = readEntry(tag, place);
    dictionary.entries.set(tag, entry);
    return entry;
  }
  // Private groups lie among the repeating ones: (6001,3000) is no overlay.
  if ((tag & 0x10000) !== 0) return undefined;
  for (const [mask, entries] of dictionary.repeating) {
    const repeating = entries.get((tag & mask) >>> 0);
    if (repeating !== undefined) return repeating;
  }
  return undefined;
}

/** The tag of a keyword; of a repeating group, the first: `OverlayData` is (6000,3000). */
export function tagOf(keyword: string): Tag | undefined {
  const known = keywords.get(keyword);
  if (known !== undefined) return known;
  const tag = findKeyword(keyword);
  if (tag !== undefined) keywords.set(keyword, tag);
  return tag;
}

/** The keyword of a tag; undefined for private and unknown tags. */
export function keywordOf(tag: Tag): string | undefined {
  return dictionaryEntry(tag)?.keyword || undefined;
}

/** The usual VR of a tag, private ones included: LO for a private creator, UL for a group length, UN when unknown. */
export function vrOf(tag: Tag): Vr {
  const entry = dictionaryEntry(tag);
  if (entry !== undefined) return entry.vr;
  const element = tag & 0xffff;
  if (element === 0) return 'UL';
  return (tag & 0x10000) !== 0 && element >= 0x10 && element <= 0xff ? 'LO' : 'UN';
}

interface Dictionary {
  /** Groups that nobody has asked for yet, and where in the data their lines begin. */
  unread: Map<number, number>;
  /** Where in the data an attribute's line begins, behind its number. */
  places: Map<Tag, number>;
  /** Entries that were asked for. */
  entries: Map<Tag, DictionaryEntry>;
  /** By the mask of the digits that do not vary, entries by their tag under that mask. */
  repeating: Map<number, Map<Tag, DictionaryEntry>>;
}

// Groups are read when they are asked for, and so are entries: whoever only moves explicit VR data sets never pays, and a
// query asks for three groups of a hundred.
let dictionary: Dictionary | undefined;
/** Those that were asked for: a program asks for few of the thousands there are. */
const keywords = new Map<string, Tag>();

function load(): Dictionary {
  const made: Dictionary = {
    unread: new Map(),
    places: new Map(),
    entries: new Map(),
    repeating: new Map(),
  };
  for (let at = 0; at >= 0; at = dictionaryData.indexOf('\n=', at)) {
    const start = dictionaryData.indexOf('=', at) + 1;
    const group = dictionaryData.slice(start, start + 4);
    at = start + 5;
    // A repeating group may be any of many.
    if (group.includes('x')) readGroup(made, group, at);
    else made.unread.set(Number.parseInt(group, 16), at);
  }
  return made;
}

/** Takes the lines of a group into the dictionary, from `at` in the data. */
function readGroup({ places, repeating }: Dictionary, group: string, at: number): void {
  for (const { digits, place } of lines(group, at)) {
    const tag = Number.parseInt(digits.replaceAll('x', '0'), 16);
    if (!digits.includes('x')) {
      places.set(tag, place);
      continue;
    }
    const mask = Number.parseInt(
      digits.replace(/./g, (digit) => (digit === 'x' ? '0' : 'f')),
      16,
    );
    let entries = repeating.get(mask);
    if (entries === undefined) {
      entries = new Map();
      repeating.set(mask, entries);
    }
    entries.set(tag, readEntry(tag, place));
  }
}

/** Searches the data for the line of a keyword. */
function findKeyword(keyword: string): Tag | undefined {
  if (keyword === '') return undefined;
  const text = `${keyword} `;
  for (
    let place = dictionaryData.indexOf(text);
    place >= 0;
    place = dictionaryData.indexOf(text, place + 1)
  ) {
    const line = dictionaryData.lastIndexOf('\n', place) + 1;
    const start = dictionaryData[line] === '!' ? line + 1 : line;
    // Else it is the end of a longer keyword, or a VR.
    if (start + 4 !== place) continue;
    const group = dictionaryData.lastIndexOf('=', place) + 1;
    const digits = dictionaryData.slice(group, group + 4) + dictionaryData.slice(start, place);
    return Number.parseInt(digits.replaceAll('x', '0'), 16);
  }
  return undefined;
}

/** The attributes of a group whose lines begin at `from`: eight digits, and where their line goes on behind them. */
function* lines(group: string, from: number): Generator<{ digits: string; place: number }> {
  for (let at = from; at < dictionaryData.length; at = endOfLine(at) + 1) {
    const sign = dictionaryData[at];
    if (sign === '=') return;
    const start = sign === '!' ? at + 1 : at;
    yield { digits: group + dictionaryData.slice(start, start + 4), place: start + 4 };
  }
}

function endOfLine(at: number): number {
  const end = dictionaryData.indexOf('\n', at);
  return end < 0 ? dictionaryData.length : end;
}

function readEntry(tag: Tag, place: number): DictionaryEntry {
  const [keyword, vrs, vm = '1'] = dictionaryData.slice(place, endOfLine(place)).split(' ') as [
    string,
    string,
    string?,
  ];
  const choices = vrs.split('/') as Vr[];
  // The number takes four characters, and `!` before it marks what is retired.
  return { tag, keyword, vr: choices[0]!, vrs: choices, vm, retired: dictionaryData[place - 5] === '!' };
}
