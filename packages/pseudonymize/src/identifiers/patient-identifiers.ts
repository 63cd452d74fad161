import { monthNames } from './month-names.ts';
import { comparable, withoutUmlauts } from './text.ts';

/**
 * What says who a patient is, as found in the attributes of one header, in the form that texts are searched for it.
 * Made once for a patient and used for all instances that say the same.
 */
export interface PatientIdentifiers {
  /** Is one of the identifiers in the text? */
  in(text: string, kind?: SearchedKind): boolean;
  /** Is the text, a number, one of the identifiers? */
  isNumber(text: string): boolean;
}

/**
 * What is searched. Short words in code strings are terms of the standard: `HEAD` is the name of few people, and the body
 * part of many. In bytes that are no text at all, short words come about by chance.
 */
export type SearchedKind = 'text' | 'code' | 'bytes';

/** Shortest word that is looked for. */
const minWordIn: Readonly<Record<SearchedKind, number>> = {
  text: 0,
  code: Number.POSITIVE_INFINITY,
  bytes: 4,
};

export interface IdentifierTexts {
  /** Person names: values of PN, component groups divided by `=` and components by `^`. */
  names: ReadonlySet<string>;
  /** Patient IDs, accession numbers and the like. */
  ids: ReadonlySet<string>;
  /** Birth dates: values of DA. */
  birthDates: ReadonlySet<string>;
}

/** Shorter ones are only looked for as words of their own. */
const minPart = 6;

/** Texts whose answers are remembered. */
const maxRemembered = 1024;
const maxRememberedLength = 256;

export function patientIdentifiers({ names, ids, birthDates }: IdentifierTexts): PatientIdentifiers {
  /** Found between other words only: ` apple `, ` 27 4 1945 `. */
  const words = new Set<string>();
  /** Found anywhere in the text without its spaces. */
  const parts = new Set<string>();
  const numbers = new Set<string>();

  for (const name of names) addName(name);
  for (const id of ids) addId(id);
  for (const date of birthDates) addDate(date);

  const partList = [...parts];
  const kinds = Object.entries(minWordIn) as [SearchedKind, number][];
  const wordLists = Object.fromEntries(
    kinds.map(([kind, least]) => [
      kind,
      [...words].filter((word) => word.length >= least).map((word) => ` ${word} `),
    ]),
  ) as Record<SearchedKind, string[]>;
  const remembered: Record<SearchedKind, Map<string, boolean>> = {
    text: new Map(),
    code: new Map(),
    bytes: new Map(),
  };

  return {
    in(text, kind = 'text') {
      if (text.length > maxRememberedLength) return search(text, kind);
      const answers = remembered[kind];
      let found = answers.get(text);
      if (found === undefined) {
        found = search(text, kind);
        if (answers.size >= maxRemembered) answers.clear();
        answers.set(text, found);
      }
      return found;
    },
    isNumber: (text) => numbers.has(text),
  };

  function search(text: string, kind: SearchedKind): boolean {
    if (text.length < 2) return false;
    const normal = comparable(text);
    const spaced = ` ${normal} `;
    if (wordLists[kind].some((word) => spaced.includes(word))) return true;
    const squeezed = normal.replaceAll(' ', '');
    return partList.some((part) => squeezed.includes(part));
  }

  function add(text: string, minWord: number): void {
    const squeezed = text.replaceAll(' ', '');
    if (squeezed.length >= minPart) parts.add(squeezed);
    else if (squeezed.length >= minWord) words.add(text);
    // `PAT 12` may be written `PAT12`.
    if (squeezed.length >= minWord && squeezed !== text) words.add(squeezed);
  }

  function addName(name: string): void {
    for (const nameGroup of name.split('=')) {
      // Family, given and middle name; what follows are prefix and suffix, `Dr.` and `Jr.` (PS3.5 §6.2).
      const group = nameGroup.split('^').slice(0, 3).join('^');
      const whole = comparable(group);
      const components = whole.split(' ');
      if (components.length > 1) {
        // In both orders, so that `Wu, Li` is found though neither is long enough to be looked for alone.
        add(whole, 4);
        add([...components.slice(1), components[0]!].join(' '), 4);
      }
      for (const component of components) addWord(component);
      // German umlauts as they are written without them.
      const spelled = comparable(withoutUmlauts(group));
      if (spelled !== whole) for (const component of spelled.split(' ')) addWord(component);
    }
  }

  function addWord(word: string): void {
    // A Chinese or Japanese given name often is two characters, and nothing divides words.
    if (/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u.test(word)) {
      if (word.length >= 2) parts.add(word);
    } else {
      add(word, 3);
    }
  }

  function addId(id: string): void {
    const normal = comparable(id);
    // Short numbers are everywhere.
    add(normal, /^\d+$/.test(normal) ? 4 : 3);
    if (/^\d{6,}$/.test(id)) {
      numbers.add(id);
      numbers.add(id.replace(/^0+/, ''));
    }
  }

  /** A date in the ways people write it, four digits of the year or two, the month in letters or digits. */
  function addDate(date: string): void {
    const match = /^(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)$/.exec(date);
    if (match === null) return;
    const [, year, month, day] = match as unknown as [string, string, string, string];
    parts
      .add(year + month + day)
      .add(day + month + year)
      .add(month + day + year);
    numbers.add(year + month + day);
    const short = year.slice(2);
    // As in the personal numbers of some countries.
    words.add(short + month + day).add(day + month + short);
    const dayNumber = String(Number(day));
    const monthNumber = String(Number(month));
    for (const y of [year, short]) {
      words.add(`${day} ${month} ${y}`).add(`${month} ${day} ${y}`).add(`${y} ${month} ${day}`);
      words.add(`${dayNumber} ${monthNumber} ${y}`).add(`${monthNumber} ${dayNumber} ${y}`);
    }
    for (const m of monthNames(Number(month))) {
      for (const d of [day, dayNumber]) {
        words.add(`${d} ${m} ${year}`).add(`${m} ${d} ${year}`).add(`${d} ${m} ${short}`);
        words.add(`${d}${m}${year}`);
      }
    }
  }
}

/** Most patients whose searches are remembered: instances of a study, and so of a transfer, share one. */
const maxPatients = 16;

/** Remembers the searches it makes. */
export function rememberedPatientIdentifiers(): (texts: IdentifierTexts) => PatientIdentifiers {
  const known = new Map<string, PatientIdentifiers>();
  return (texts) => {
    const { names, ids, birthDates } = texts;
    // No value has a control character but line breaks, which a name or a number does not have.
    const signature = [names, ids, birthDates].map((set) => [...set].join('\n')).join('\n\n');
    let search = known.get(signature);
    if (search === undefined) {
      search = patientIdentifiers(texts);
      if (known.size >= maxPatients) known.clear();
      known.set(signature, search);
    }
    return search;
  };
}
