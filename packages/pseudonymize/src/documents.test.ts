// What the documents of this package say, tried out.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { explain } from './explain/explain.ts';
import { presetNames } from './recipe/presets.ts';
import { parseRecipe } from './recipe/recipe.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('the example in docs/recipes.md is a recipe', () => {
  const [, json] = /```json\n([\s\S]*?)```/.exec(read('../docs/recipes.md'))!;
  expect(parseRecipe(JSON.parse(json!)).name).toBe('lung');
});

test('docs/recipes.md and README.md name every preset', () => {
  for (const name of presetNames) {
    expect(read('../docs/recipes.md')).toContain(`| \`${name}\``);
    expect(read('../README.md')).toContain(`\`${name}\``);
  }
});

test('the explanation in README.md is the one that is given', () => {
  const [, sopClassUid, text] =
    /explain\('basic', 'SeriesDate', \{ sopClassUid: '([\d.]+)' \}\)\.text;\n\/\/ (.*)\n/.exec(
      read('../README.md'),
    )!;
  expect(explain('basic', 'SeriesDate', { sopClassUid: sopClassUid! }).text).toBe(text);
});
