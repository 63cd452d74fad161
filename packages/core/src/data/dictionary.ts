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
  const entry = dictionary.byTag.get(tag);
  if (entry !== undefined) return entry;
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
  dictionary ??= load();
  return dictionary.byKeyword.get(keyword)?.tag;
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
  byTag: Map<Tag, DictionaryEntry>;
  byKeyword: Map<string, DictionaryEntry>;
  /** By the mask of the digits that do not vary, entries by their tag under that mask. */
  repeating: Map<number, Map<Tag, DictionaryEntry>>;
}

/** Made on first use: whoever only moves explicit VR data sets never pays for it. */
let dictionary: Dictionary | undefined;

function load(): Dictionary {
  const made: Dictionary = { byTag: new Map(), byKeyword: new Map(), repeating: new Map() };
  let group = '';
  for (const line of dictionaryData.split('\n')) {
    if (line.startsWith('=')) {
      group = line.slice(1);
      continue;
    }
    const retired = line.startsWith('!');
    const [head, vrs, vm = '1'] = (retired ? line.slice(1) : line).split(' ') as [string, string, string?];
    const digits = group + head.slice(0, 4);
    const choices = vrs.split('/') as Vr[];
    const entry: DictionaryEntry = {
      tag: Number.parseInt(digits.replaceAll('x', '0'), 16),
      keyword: head.slice(4),
      vr: choices[0]!,
      vrs: choices,
      vm,
      retired,
    };
    if (entry.keyword !== '') made.byKeyword.set(entry.keyword, entry);
    if (digits.includes('x')) {
      const mask = Number.parseInt(
        digits.replace(/./g, (digit) => (digit === 'x' ? '0' : 'f')),
        16,
      );
      let entries = made.repeating.get(mask);
      if (entries === undefined) {
        entries = new Map();
        made.repeating.set(mask, entries);
      }
      entries.set(entry.tag, entry);
    } else {
      made.byTag.set(entry.tag, entry);
    }
  }
  return made;
}
