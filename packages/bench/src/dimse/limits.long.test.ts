import { expect, test } from 'vitest';
import type { Figure } from '../measurement.ts';
import { measureAssociations, measureGrowth, measureSlowPeers } from './limits.ts';

function expectWithinLimits(figures: readonly Figure[]): void {
  for (const { work, value, unit, limit } of figures) {
    expect(value, `${work}: ${unit}`).toBeLessThanOrEqual(limit);
  }
}

test('a slow peer makes neither side hold an object of 500 MB', async () => {
  expectWithinLimits(await measureSlowPeers({ quick: false }));
});

test('objects leave no memory behind', async () => {
  expectWithinLimits(await measureGrowth({ quick: false }));
});

test('associations come and go, none refused, none left', async () => {
  expectWithinLimits(await measureAssociations({ quick: false }));
});
