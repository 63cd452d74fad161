import { formatAge, formatDate, parseAge, parseDate, parseDateTime, type Vr } from '@adit/core';
import { keyedText } from '../keys/keyed-text.ts';
import type { RecipeRule } from './recipe-rule.ts';

/** VRs that a hash fits, with the most characters of one value (PS3.5 §6.2). */
export const hashedVrs: ReadonlyMap<Vr, number> = new Map([
  ['AE', 16],
  ['CS', 16],
  ['IS', 9],
  ['LO', 51],
  ['LT', 51],
  ['PN', 51],
  ['SH', 16],
  ['ST', 51],
  ['UC', 51],
  ['UT', 51],
]);

/** A rule that makes a text of the one that was there. */
export type TextRule = Extract<RecipeRule, { action: 'hash' | 'initials' | 'round-age' | 'round-date' }>;

/**
 * What a rule makes of one value; undefined where it cannot make anything of it, which is then to be treated as if the rule
 * were not there.
 *
 * @param text the value, trimmed, not empty
 * @param key the sub-key for `name`
 */
export function textByRule(rule: TextRule, text: string, vr: Vr, key: Uint8Array): string | undefined {
  switch (rule.action) {
    case 'hash': {
      const most = hashedVrs.get(vr);
      return most === undefined ? undefined : keyedText(key, text, Math.min(rule.length, most), vr === 'IS');
    }
    case 'initials':
      return initialsOf(text);
    case 'round-age':
      return roundedAge(text, rule.years);
    case 'round-date':
      return roundedDate(text, vr, rule.to);
  }
}

/** Of the alphabetic name group: given names first, family name last. */
function initialsOf(name: string): string | undefined {
  const [family, ...others] = (name.split('=')[0] ?? '').split('^').slice(0, 3);
  const letters = [...others, family ?? '']
    .flatMap((component) => component.split(/[\s-]+/))
    .map((word) => /\p{L}/u.exec(word)?.[0] ?? '')
    .join('');
  return letters === '' ? undefined : letters.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase();
}

function roundedAge(text: string, years: number): string | undefined {
  const age = parseAge(text);
  if (age === undefined) return undefined;
  const inYears = age.value / { D: 365.2425, W: 52.1775, M: 12, Y: 1 }[age.unit];
  return formatAge({ value: Math.min(Math.round(inYears / years) * years, 999), unit: 'Y' });
}

function roundedDate(text: string, vr: Vr, to: 'month' | 'year'): string | undefined {
  const date = vr === 'DA' ? parseDate(text) : vr === 'DT' ? parseDateTime(text) : undefined;
  if (date === undefined) return undefined;
  return formatDate({ year: date.year, month: to === 'month' ? (date.month ?? 1) : 1, day: 1 });
}
