import type { Identifier } from '../identifiers/identifier.ts';
import { withoutMarks, withoutUmlauts } from '../identifiers/text.ts';
import { dateSpellings } from './date-spellings.ts';

/** What may not stand beside a spelling, for it would be a part of something else. */
export type Boundary = 'none' | 'word' | 'number' | 'short-number' | 'date' | 'uid';

/** One way to write an identifier. */
export interface Spelling {
  text: string;
  boundary: Boundary;
  /** Is it looked for in hex, base64 and the like as well? */
  isUsual: boolean;
}

/** Shorter words are only looked for between other characters than letters and digits. */
const minPart = 6;

/** Shorter numbers are, too: longer ones do not come about by chance. */
const minLongNumber = 12;

/** Longest text that is looked for: more of it makes nothing clearer. */
const maxText = 64;

/** What stands between the parts of a name when somebody writes it in one; the first ones are enough where they are long. */
const separators = ['^', ' ', ', ', ',', '_', '-', '.', ''];
const usualSeparators = separators.slice(0, 3);

/** The ways an identifier may be written, whole and in parts. */
export function spellingsOf({ kind, text }: Identifier): Spelling[] {
  const spellings = new Map<string, Spelling>();
  const add = (spelled: string, isUsual: boolean, boundary = boundaryOf(spelled)) => {
    const known = spellings.get(spelled);
    if (spelled.length < 2 || (known !== undefined && (known.isUsual || !isUsual))) return;
    spellings.set(spelled, { text: spelled, boundary, isUsual });
  };
  switch (kind) {
    case 'name':
      for (const group of text.split('=')) addName(group, add);
      break;
    case 'birth-date':
    case 'date':
      for (const { text: date, isUsual } of dateSpellings(text)) add(date, isUsual, 'date');
      break;
    case 'uid':
      add(text, true, 'uid');
      break;
    case 'id':
      addId(text, add);
      break;
    default:
      for (const line of text.split(/[\r\n]+/)) addMarked(line.trim().slice(0, maxText), add, true);
  }
  return [...spellings.values()];
}

/** Writing in which nothing divides words, and letters have no case. */
const undivided = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]/u;

type Add = (text: string, isUsual: boolean) => void;

function addName(group: string, add: Add): void {
  // Family, given and middle name; what follows are prefix and suffix (PS3.5 §6.2.1.1).
  const parts = group
    .split('^')
    .slice(0, 3)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  for (const part of parts) {
    addMarked(part, add, true);
    const words = part.split(/[\s\-']+/).filter((word) => word.length >= 4);
    if (words.length > 1) for (const word of words) addMarked(word, add, true);
  }
  const [family, ...given] = parts;
  if (family === undefined || given.length === 0) return;
  // Where the parts are long enough to be found alone, so is the whole.
  const isShort = parts.some((part) => part.length < minPart);
  for (const separator of isShort ? separators : usualSeparators) {
    const isUsual = isShort && (separator === '^' || separator === ' ');
    addMarked([family, ...given].join(separator), add, isUsual);
    addMarked([...given, family].join(separator), add, isUsual);
    // Without the middle name.
    if (given.length > 1) {
      addMarked(family + separator + given[0], add, false);
      addMarked(given[0] + separator + family, add, false);
    }
  }
}

/** A text as it is, and as people write it who do not have its marks: `Müller`, `Muller`, `Mueller`. */
function addMarked(text: string, add: Add, isUsual: boolean): void {
  add(text, isUsual);
  if (undivided.test(text)) return;
  add(withoutMarks(text), isUsual);
  add(withoutUmlauts(text), isUsual);
}

function addId(text: string, add: Add): void {
  addMarked(text, add, true);
  const squeezed = text.replace(/[^\p{L}\p{N}]+/gu, '');
  // Short numbers are everywhere.
  if (squeezed.length >= 5) add(squeezed, false);
  if (/^0+\d{6,}$/.test(text)) add(text.replace(/^0+/, ''), true);
  for (const [digits] of text.matchAll(/\d{6,}/g)) if (!isDate(digits)) add(digits, false);
}

/** Numbers of today often begin with the date, which may be kept for its own sake. */
function isDate(digits: string): boolean {
  return /^(?:19|20)?\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(digits);
}

function boundaryOf(text: string): Boundary {
  if (/^\d+$/.test(text)) {
    if (text.length >= minLongNumber) return 'none';
    return text.length < minPart ? 'short-number' : 'number';
  }
  if (undivided.test(text)) return 'none';
  return text.length < minPart ? 'word' : 'none';
}
