import type { Identifier } from '../identifiers/identifier.ts';
import {
  type PatientIdentifiers,
  patientIdentifiers,
  type SearchedKind,
} from '../identifiers/patient-identifiers.ts';
import { isWhole, type LeakPattern, leakPatterns } from './leak-patterns.ts';
import { PatternSearch } from './pattern-search.ts';

/** Shortest pattern, and text, that is looked for among numbers and pixels, where shorter ones come about by chance. */
const minAmongNumbers = 8;

/** Where bytes stand: what may be found there by chance differs. */
export type Place = 'text' | 'code' | 'numbers';

/** Shortest text that counts as found. Codes of the standard, dates and numbers have parts that look like a word. */
const minCharacters: Readonly<Record<Place, number>> = { text: 2, code: 6, numbers: minAmongNumbers };

/** A pattern that was found. */
export interface FoundPattern {
  pattern: LeakPattern;
  /** Place of its first byte. */
  start: number;
}

/** Makes the part of a search that instances of one patient share. */
type PatientSearches = (identifiers: readonly (readonly [number, Identifier])[]) => PatientSearch;

/**
 * Identifiers in a form that bytes and texts can be searched for. Making it takes milliseconds, for a name in several
 * scripts some tens of them; use it for all that is searched for the same ones.
 */
export class LeakSearch {
  readonly identifiers: readonly Identifier[];
  /** Bytes of the longest pattern. */
  readonly longest: number;
  readonly #all: PatternSearch<LeakPattern>[];
  /** Those that are looked for among numbers and pixels. */
  readonly #long: PatternSearch<LeakPattern>[];
  readonly #texts: PatientIdentifiers;
  /** For one identifier each, made when one of them was found. */
  readonly #single: (PatientIdentifiers | undefined)[] = [];

  constructor(identifiers: readonly Identifier[], patientSearches: PatientSearches = patientSearch) {
    this.identifiers = identifiers;
    const numbered = [...identifiers.entries()];
    const patient = patientSearches(numbered.filter(([, { kind }]) => kind !== 'uid'));
    const uids = leakPatterns(numbered.filter(([, { kind }]) => kind === 'uid'));
    const ofUids = new PatternSearch(uids);
    const longUids = uids.every(isLong) ? ofUids : new PatternSearch(uids.filter(isLong));
    this.#all = [patient.all, ofUids].filter((search) => !search.isEmpty);
    this.#long = [patient.long, longUids].filter((search) => !search.isEmpty);
    this.longest = Math.max(0, ...this.#all.map(({ longest }) => longest));
    this.#texts = patient.texts;
  }

  /** Finds what ends after `from`, up to `to`; what stands before and after decides whether it is whole. */
  inBytes(
    bytes: Uint8Array,
    from: number,
    to: number,
    isAmongNumbers: boolean,
    found: (found: FoundPattern) => void,
  ): void {
    for (const search of isAmongNumbers ? this.#long : this.#all) {
      search.search(bytes, from, to, (pattern, start) => {
        if (isWhole(pattern, bytes, start)) found({ pattern, start });
      });
    }
  }

  /** Which identifiers are in a text, in whatever case and order, with marks or without. */
  inText(text: string, kind: SearchedKind): number[] {
    if (!this.#texts.in(text, kind)) return [];
    return this.#singles((single) => single.in(text, kind));
  }

  /** Which identifiers a number is. */
  isNumber(text: string): number[] {
    if (!this.#texts.isNumber(text)) return [];
    return this.#singles((single) => single.isNumber(text));
  }

  #singles(isFound: (single: PatientIdentifiers) => boolean): number[] {
    const found: number[] = [];
    this.identifiers.forEach((identifier, index) => {
      if (identifier.kind === 'uid') return;
      this.#single[index] ??= textSearch([identifier]);
      if (isFound(this.#single[index])) found.push(index);
    });
    return found;
  }
}

/** Is a pattern long enough to count where it was found? */
export function countsIn(place: Place, { characters, bytes }: LeakPattern): boolean {
  return characters >= minCharacters[place] && (place !== 'numbers' || bytes.length >= minAmongNumbers);
}

function isLong(pattern: LeakPattern): boolean {
  return countsIn('numbers', pattern);
}

interface PatientSearch {
  all: PatternSearch<LeakPattern>;
  long: PatternSearch<LeakPattern>;
  texts: PatientIdentifiers;
}

function patientSearch(numbered: readonly (readonly [number, Identifier])[]): PatientSearch {
  const patterns = leakPatterns(numbered);
  return {
    all: new PatternSearch(patterns),
    long: new PatternSearch(patterns.filter(isLong)),
    texts: textSearch(numbered.map(([, identifier]) => identifier)),
  };
}

/** Most patients whose searches are remembered: instances of a transfer share one, but for their UIDs. */
const maxPatients = 16;

/** Makes searches and remembers what those of one patient share. */
export function rememberedLeakSearches(): (identifiers: readonly Identifier[]) => LeakSearch {
  const known = new Map<string, PatientSearch>();
  const remembered: PatientSearches = (numbered) => {
    const signature = numbered.map(([index, { kind, text }]) => `${index} ${kind} ${text}`).join('\0');
    let search = known.get(signature);
    if (search === undefined) {
      search = patientSearch(numbered);
      if (known.size >= maxPatients) known.clear();
      known.set(signature, search);
    }
    return search;
  };
  return (identifiers) => new LeakSearch(identifiers, remembered);
}

function textSearch(identifiers: readonly Identifier[]): PatientIdentifiers {
  const names = new Set<string>();
  const ids = new Set<string>();
  const birthDates = new Set<string>();
  for (const { kind, text } of identifiers) {
    if (kind === 'name') names.add(text);
    else if (kind === 'birth-date' || kind === 'date') birthDates.add(text);
    else if (kind !== 'uid') ids.add(text);
  }
  return patientIdentifiers({ names, ids, birthDates });
}
