import { expect, test } from 'vitest';
import { Rate } from './rate.ts';

test('is not known from one count, and is right from a steady stream', () => {
  const rate = new Rate();
  rate.add(0, 0);
  expect(rate.bytesPerSecond).toBeUndefined();
  for (let second = 1; second <= 60; second += 1) rate.add(second * 1000, second * 1000);
  expect(rate.bytesPerSecond).toBeCloseTo(1000);
});

test('follows a change without jumping', () => {
  const rate = new Rate();
  for (let second = 0; second <= 30; second += 1) rate.add(second * 1000, second * 1000);
  rate.add(30_000, 31_000);
  expect(rate.bytesPerSecond).toBeGreaterThan(800);
  expect(rate.bytesPerSecond).toBeLessThan(1000);
});

test('does not go below zero when a retry counts anew', () => {
  const rate = new Rate();
  rate.add(5000, 0);
  rate.add(6000, 1000);
  rate.add(0, 2000);
  expect(rate.bytesPerSecond).toBe(1000);
});
