import type { Tag } from './tag.ts';
import type { Vr } from './vr.ts';

/** What PS3.6 and PS3.7 say about an attribute. */
export interface DictionaryEntry {
  tag: Tag;
  /** `PatientID`. Empty for a few retired attributes that never had one. */
  keyword: string;
  /** Where the standard leaves a choice ("US or SS"), all of it; the first is the usual one. */
  vrs: readonly [Vr, ...Vr[]];
  /** The usual VR: the first of `vrs`. */
  vr: Vr;
  /** Value multiplicity as the standard writes it: `1`, `1-n`, `2-2n`. */
  vm: string;
  retired: boolean;
}

/** Looks an attribute up by its tag, repeating groups (`60xx`) included. Undefined for private and unknown tags. */
export function dictionaryEntry(_tag: Tag): DictionaryEntry | undefined {
  return undefined;
}

/** The tag of a keyword. Of repeating groups, the first: `OverlayData` is (6000,3000). */
export function tagOf(_keyword: string): Tag | undefined {
  return undefined;
}

export function keywordOf(_tag: Tag): string | undefined {
  return undefined;
}

/** The usual VR of a tag, private ones included: LO for a private creator, UL for a group length, UN when unknown. */
export function vrOf(_tag: Tag): Vr {
  return 'UN';
}
