// Writes recipe.schema.json: the JSON Schema of recipes, for editors and for programs in other languages.

import { writeFileSync } from 'node:fs';
import { recipeJsonSchema } from '../src/recipe/recipe-json-schema.ts';

writeFileSync(
  new URL('../recipe.schema.json', import.meta.url),
  `${JSON.stringify(recipeJsonSchema(), undefined, 2)}\n`,
);
