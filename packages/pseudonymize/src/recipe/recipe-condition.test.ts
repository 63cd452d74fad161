import { type Tag, Tags } from '@adit/core';
import { expect, test } from 'vitest';
import { parseRecipe } from './recipe.ts';
import { conditionTags, isTrue, recipeWithout } from './recipe-condition.ts';
import type { RecipeCondition } from './recipe-rule.ts';

test.each<[RecipeCondition['is'], string | undefined, string | undefined, boolean]>([
  ['present', undefined, '', true],
  ['present', undefined, undefined, false],
  ['blank', undefined, undefined, true],
  ['blank', undefined, '', true],
  ['blank', undefined, 'MR', false],
  ['equal', 'mr', 'MR', true],
  ['equal', 'M', 'MR', false],
  ['equal', '', undefined, false],
  ['containing', 'secondary', 'DERIVED\\SECONDARY', true],
  ['containing', 'primary', 'DERIVED\\SECONDARY', false],
  ['matching', '[CM][TR]', 'MR', true],
  ['matching', 'M', 'MR', false],
  ['matching', 'a|M', 'MR', false],
  ['greater', '18', '045Y', true],
  ['greater', '45Y', '045Y', false],
  ['greater', '1.5', '3', true],
  ['greater', '1', 'MR', false],
])('%s %s is of %j: %s', (is, value, text, expected) => {
  const condition = { is, ...(value === undefined ? {} : { value }), keyword: 'Modality' };
  expect(isTrue({ ...condition, not: false }, text)).toBe(expected);
  expect(isTrue({ ...condition, not: true }, text)).toBe(!expected);
});

const recipe = parseRecipe({
  name: 'conditions',
  rules: [
    { keyword: 'ProtocolName', action: 'keep', when: { keyword: 'Modality', is: 'equal', value: 'MR' } },
    { keyword: 'ProtocolName', action: 'clean', when: { tag: '(0008,0070)', is: 'present' } },
    { keyword: 'ProtocolName', action: 'remove' },
  ],
});

test('the attributes that conditions ask for are known', () => {
  expect([...conditionTags(recipe)].sort()).toEqual([Tags.Modality, Tags.Manufacturer].sort());
});

test('a recipe for an object has the rules of which the condition is true', () => {
  const of = (values: ReadonlyMap<Tag, string>) => recipeWithout(recipe, (tag) => values.get(tag));
  expect(of(new Map())).toMatchObject({ key: '00', recipe: { rules: [{ action: 'remove' }] } });
  const mr = of(new Map([[Tags.Modality, 'MR']]));
  expect(mr).toMatchObject({ key: '10', recipe: { rules: [{ action: 'keep' }, { action: 'remove' }] } });
  expect(mr.recipe.rules[0]).not.toHaveProperty('when');
});
