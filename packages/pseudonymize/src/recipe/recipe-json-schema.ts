import * as z from 'zod';
import { recipeSchema } from './recipe.ts';

/** JSON Schema (2020-12) of the recipes that people write. */
export function recipeJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(recipeSchema, { io: 'input' });
}
