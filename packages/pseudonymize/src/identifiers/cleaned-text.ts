import type { InstanceIdentifiers } from './instance-identifiers.ts';
import { monthNames } from './month-names.ts';
import type { PatientIdentifiers } from './patient-identifiers.ts';

/** The name of a month, with marks or without. */
const month = `(?:${Array.from({ length: 12 }, (_, index) => monthNames(index + 1))
  .flat()
  .map((name) => name.replace(/[aeu]/g, (letter) => ({ a: '[aä]', e: '[eé]', u: '[uû]' })[letter]!))
  .join('|')})(?!\\p{L})`;

/**
 * What leads to a person although no header names it: written so in any text that is to be cleaned (PS3.15 §E.3.5).
 *
 * Names are known by the title before them, and nothing knows all names: this is what a description may be cleaned of by
 * itself, besides what the header names.
 */
const identifyingForms: readonly RegExp[] = [
  // Electronic mail and web addresses.
  /[\p{L}\d._%+-]{1,64}@[\p{L}\d-]+(?:\.[\p{L}\d-]+)+/gu,
  /\b(?:https?|ftp|file|dicom):\/\/\S+/giu,
  // Dates, with points, dashes or slashes, in digits only, and with a month's name. The beginning of a UID is none.
  /(?<!\d)(?<!\d\.)\d{1,4}[./-]\d{1,2}[./-]\d{2,4}(?!\d|\.\d)/gu,
  /(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)/gu,
  new RegExp(`(?<!\\p{L})\\d{1,2}(?:st|nd|rd|th|\\.)?[\\s-]?${month}\\.?[\\s,-]{0,2}\\d{2,4}(?!\\d)`, 'giu'),
  new RegExp(`(?<!\\p{L})${month}\\.?\\s\\d{1,2}(?:st|nd|rd|th)?,?\\s\\d{4}(?!\\d)`, 'giu'),
  // UIDs, telephone numbers, and numbers of six digits and more: accessions, patients, insurances.
  /(?<![\d.])\d+(?:\.\d+){4,}(?![\d.])/gu,
  /(?<![\d.])\+?\(?\d{2,5}\)?(?:[ /-]\(?\d{2,5}\)?){2,4}(?![\d.])/gu,
  /(?<![\d.,])[A-Z]{0,4}-?\d{6,}(?![\d.,]\d)/gu,
  // Names behind a title or a word that introduces one.
  /(?<!\p{L})(?:Drs?|Prof|Mr|Mrs|Ms|Miss|Herrn?|Frau|Fr|Hr|PD)\.?(?:\s+(?:Dr|Prof|med|h\.?\s?c)\.?){0,4}\s+\p{Lu}[\p{L}'’-]+(?:\s+\p{Lu}[\p{L}'’-]+)?/gu,
  /(?<!\p{L})(?:[Pp]atient|[Nn]ame|[Pp]hysician|[Rr]eferred by|[Rr]eported by|[Pp]erformed by|[Oo]perator|[Tt]echnologist)\s*[:=]\s*\p{Lu}[\p{L}'’-]+(?:[\s,^]+\p{Lu}[\p{L}'’-]+)?/gu,
];

/** Longest run of words that is looked at as one identifier: `27 April 1945`, a name of four parts. */
const maxWords = 4;

/** Most words of a text that are tried one by one: of a longer one that names somebody nothing is kept. */
const maxTriedWords = 2000;

/**
 * A text without what identifies: the identifiers of the header, whole or in part, and what by its form is a date, a number,
 * an address or a name. Other words stay as they are. The text given where it holds nothing of that, empty where nothing
 * else is left or where an identifier cannot be cut out of it.
 */
export function cleanedText(text: string, identifiers: InstanceIdentifiers): string {
  // A text in which a UID may stand depends on the instance; all others are the same in all of a patient's.
  if (text.length > maxRememberedLength || /\d\.\d+\./.test(text)) return makeCleanedText(text, identifiers);
  let known = remembered.get(identifiers.patient);
  if (known === undefined) {
    known = new Map();
    remembered.set(identifiers.patient, known);
  }
  let cleaned = known.get(text);
  if (cleaned === undefined) {
    cleaned = makeCleanedText(text, identifiers);
    if (known.size >= maxRemembered) known.clear();
    known.set(text, cleaned);
  }
  return cleaned;
}

/** Texts of a patient that were cleaned: descriptions come again in every instance of a series. */
const remembered = new WeakMap<PatientIdentifiers, Map<string, string>>();
const maxRemembered = 512;
const maxRememberedLength = 256;

function makeCleanedText(text: string, identifiers: InstanceIdentifiers): string {
  let cleaned = text;
  for (const form of identifyingForms) cleaned = cleaned.replace(form, ' ');
  if (identifiers.in(cleaned)) cleaned = withoutIdentifiers(cleaned, identifiers);
  if (cleaned === text) return text;
  const tidy = cleaned
    .replace(/[ \t]+/g, ' ')
    .replace(/ ([,;:.)\]])/g, '$1')
    .replace(/[\s,;:]+$/, '')
    .trim();
  return /[\p{L}\d]/u.test(tidy) && !identifiers.in(tidy) ? tidy : '';
}

function withoutIdentifiers(text: string, identifiers: InstanceIdentifiers): string {
  const words = text.split(/(\s+|[,;/^_=]+)/u).filter((word) => word !== '');
  if (words.length > maxTriedWords) return '';
  const isWord = words.map((word) => /[\p{L}\d]/u.test(word));
  const left: string[] = [];
  for (let at = 0; at < words.length; at++) {
    if (!isWord[at]) {
      left.push(words[at]!);
      continue;
    }
    const end = endOfIdentifier(words, isWord, at, identifiers);
    if (end === undefined) left.push(words[at]!);
    else at = end - 1;
  }
  return left.join('');
}

/** Where the shortest run of words ends that is an identifier only because it begins at `at`; undefined where none is. */
function endOfIdentifier(
  words: readonly string[],
  isWord: readonly boolean[],
  at: number,
  identifiers: InstanceIdentifiers,
): number | undefined {
  let count = 0;
  for (let end = at + 1; end <= words.length && count < maxWords; end++) {
    if (!isWord[end - 1]) continue;
    count++;
    if (!identifiers.in(words.slice(at, end).join(''))) continue;
    return identifiers.in(words.slice(at + 1, end).join('')) ? undefined : end;
  }
  return undefined;
}
