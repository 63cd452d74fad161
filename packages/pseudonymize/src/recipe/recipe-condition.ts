import { parseTag, type Tag } from '@adit/core';
import type { Recipe } from './recipe.ts';
import type { RecipeCondition } from './recipe-rule.ts';

/** The attribute a condition is about; undefined where its keyword is none. */
export function conditionTag({ tag, keyword }: RecipeCondition): Tag | undefined {
  const text = tag ?? (keyword !== undefined && /^[A-Za-z]/.test(keyword) ? keyword : '');
  return parseTag(text);
}

/** The regular expression a condition compares whole values with; undefined where it is none. */
export function patternOf(value: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${value})$`, 'us');
  } catch {
    return undefined;
  }
}

/**
 * Is a condition true?
 *
 * @param text value of the attribute, several with backslashes between them, trimmed; undefined where it is not there
 */
export function isTrue({ is, value = '', not }: RecipeCondition, text: string | undefined): boolean {
  return holds(is, value, text) !== not;
}

function holds(is: RecipeCondition['is'], value: string, text: string | undefined): boolean {
  if (is === 'present') return text !== undefined;
  if (is === 'blank') return text === undefined || text === '';
  if (text === undefined) return false;
  switch (is) {
    case 'equal':
      return text.toLowerCase() === value.toLowerCase();
    case 'containing':
      return text.toLowerCase().includes(value.toLowerCase());
    case 'matching':
      return patternOf(value)?.test(text) ?? false;
    case 'greater':
      return numberIn(text) > numberIn(value);
  }
}

/** The first number in a text: 12 of `012Y`. */
function numberIn(text: string): number {
  const [digits] = /-?\d+(?:\.\d+)?/.exec(text) ?? [];
  return digits === undefined ? Number.NaN : Number(digits);
}

/** Attributes that the conditions of a recipe ask for. */
export function conditionTags(recipe: Recipe): ReadonlySet<Tag> {
  const tags = recipe.rules.map(({ when }) => when && conditionTag(when));
  return new Set(tags.filter((tag) => tag !== undefined));
}

/** The recipe for one object: rules whose condition is not true are gone, and so are the conditions. */
export function recipeWithout(
  recipe: Recipe,
  textOf: (tag: Tag) => string | undefined,
): { recipe: Recipe /** Tells which conditions were true. */; key: string } {
  let key = '';
  const rules = recipe.rules.flatMap((rule) => {
    const { when, ...always } = rule;
    if (when === undefined) return [rule];
    const tag = conditionTag(when);
    const applies = tag !== undefined && isTrue(when, textOf(tag));
    key += applies ? '1' : '0';
    return applies ? [always] : [];
  });
  return { recipe: { ...recipe, rules }, key };
}
