import { expect, test } from 'vitest';
import { ByteBudget } from './byte-budget.ts';

test('grants what fits at once and makes the rest wait in order', async () => {
  const budget = new ByteBudget(10);
  const order: string[] = [];
  await budget.reserve(8);
  const large = budget.reserve(9).then(() => order.push('large'));
  const small = budget.reserve(1).then(() => order.push('small'));
  await Promise.resolve();
  expect(order).toEqual([]);
  budget.release(8);
  await large;
  await small;
  expect(order).toEqual(['large', 'small']);
});

test('lets a request above the whole budget through when nothing else is held', async () => {
  const budget = new ByteBudget(10);
  await budget.reserve(1000);
  expect(budget.tryReserve(1)).toBe(false);
  budget.release(1000);
  expect(budget.tryReserve(1)).toBe(true);
});
