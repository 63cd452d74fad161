import type { Tag } from '@adit/core';
import type { Recipe } from '../recipe/recipe.ts';
import { conditionTags, recipeWithout } from '../recipe/recipe-condition.ts';
import { compileProfile, type Profile } from './profile.ts';

/** The profiles that a recipe makes of the objects it meets: more than one where rules have conditions. */
export interface RecipeProfiles {
  /** That of an object of which nothing is known yet: as if all conditions were true. */
  readonly any: Profile;
  /** Attributes of the data set that conditions ask for. */
  readonly asked: ReadonlySet<Tag>;
  /** That of an object, by the values of the attributes that are asked for. */
  of(values: ReadonlyMap<Tag, string>): Profile;
}

/** Most profiles of one recipe that are remembered. */
const maxProfiles = 64;

export function recipeProfiles(recipe: Recipe): RecipeProfiles {
  const any = compileProfile(recipe);
  const asked = conditionTags(recipe);
  const known = new Map<string, Profile>();
  return {
    any,
    asked,
    of(values) {
      if (asked.size === 0) return any;
      const { recipe: applying, key } = recipeWithout(recipe, (tag) => values.get(tag));
      let profile = known.get(key);
      if (profile === undefined) {
        profile = compileProfile(applying);
        if (known.size >= maxProfiles) known.clear();
        known.set(key, profile);
      }
      return profile;
    },
  };
}
