import { describe, expect, it } from 'vitest';
import { isValidUid } from '../data/uid.ts';
import { createRandom, syntheticUid } from './random.ts';

describe('createRandom', () => {
  it('gives the same numbers for the same seed, in every release', () => {
    const random = createRandom('adit');
    expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
      [
        2709537211,
        307386420,
        635448348,
      ]
    `);
  });

  it('starts elsewhere for a seed that differs in one letter', () => {
    expect(createRandom('adit').uint32()).not.toBe(createRandom('adis').uint32());
  });

  it('stays between its bounds', () => {
    const random = createRandom('bounds');
    for (let i = 0; i < 1000; i++) {
      const value = random.between(-2, 3);
      expect(value).toBeGreaterThanOrEqual(-2);
      expect(value).toBeLessThan(3);
    }
  });
});

describe('syntheticUid', () => {
  it('makes distinct valid UIDs that can be made again', () => {
    const uids = new Set(Array.from({ length: 5000 }, (_, i) => syntheticUid('seed', i)));
    expect(uids.size).toBe(5000);
    expect([...uids].every(isValidUid)).toBe(true);
    expect(syntheticUid('seed', 7)).toBe(syntheticUid('seed', 7));
  });

  it('does not confuse paths whose parts run together alike', () => {
    expect(syntheticUid('a', 'bc')).not.toBe(syntheticUid('ab', 'c'));
    expect(syntheticUid('1', 11)).not.toBe(syntheticUid('11', 1));
  });
});
