import { uidFromBytes } from '../data/uid.ts';

/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** A whole number of 32 bits, unsigned. */
  uint32(): number;
  /** A number from `low` up to but not including `high`. */
  between(low: number, high: number): number;
}

/** FNV-1a over UTF-16 code units with a final mix, so that seeds that differ in one letter start far apart. */
function hash(text: string, offset: number): number {
  let state = offset >>> 0;
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/** A generator (sfc32) that starts from a text. For pictures and made-up data, not for secrets. */
export function createRandom(seed: string): Random {
  let a = hash(seed, 0x811c9dc5);
  let b = hash(seed, 0x9e3779b9);
  let c = hash(seed, 0x7f4a7c15);
  let counter = hash(seed, 0x2545f491);

  function uint32(): number {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  }
  for (let round = 0; round < 12; round++) uint32();

  return { uint32, between: (low, high) => low + (uint32() / 2 ** 32) * (high - low) };
}

/** The UID that belongs to a path of names: the same names give the same UID. */
export function syntheticUid(...path: readonly (string | number)[]): string {
  const random = createRandom(JSON.stringify(path));
  return uidFromBytes(new Uint8Array(Uint32Array.from({ length: 4 }, random.uint32).buffer));
}
