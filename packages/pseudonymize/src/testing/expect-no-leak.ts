import { expect } from 'vitest';
import { rememberedLeakSearches } from '../leaks/leak-search.ts';
import { scanForLeaks } from '../leaks/scan-for-leaks.ts';
import type { PseudonymizerOptions } from '../pseudonymizer.ts';
import { createPseudonymizer } from '../pseudonymizer.ts';
import { chunksOf, collect, testKey } from './dataset.ts';
import { plantedHeader } from './planted-headers.ts';

/** In headers of these numbers, every planted identifier is found before pseudonymization, and none after it. */
export async function expectFoundBeforeAndNotAfter(
  from: number,
  to: number,
  recipe: PseudonymizerOptions['recipe'] = 'basic',
): Promise<void> {
  const searches = rememberedLeakSearches();
  const { pseudonymizePart10 } = createPseudonymizer({ key: testKey, recipe });
  for (let index = from; index < to; index++) {
    const { file, identifiers, planted } = plantedHeader(index);
    const search = searches(identifiers);
    const before = await scanForLeaks(file, search);
    const found = new Set(before.leaks.map(({ path, identifier }) => `${path} ${identifier}`));
    const missed = planted.filter(({ path, identifier }) => !found.has(`${path} ${identifier}`));
    if (missed.length > 0) expect({ index, missed }).toEqual({ index, missed: [] });
    const after = await scanForLeaks(await collect(pseudonymizePart10(chunksOf(file, file.length))), search);
    if (after.leaks.length > 0 || !after.isDicom)
      expect({ index, ...after }).toMatchObject({ index, leaks: [], isDicom: true });
  }
}
