import { test } from 'vitest';
import { presetNames } from '../recipe/presets.ts';
import { expectFoundBeforeAndNotAfter } from '../testing/expect-no-leak.ts';

// Each preset keeps other attributes: what is kept is where something could be left.
test.each(presetNames)('in 800 headers nothing is left under the recipe %s', async (recipe) => {
  for (let set = 0; set < 8; set++) {
    await expectFoundBeforeAndNotAfter(set * 2_050, set * 2_050 + 100, recipe);
  }
});
