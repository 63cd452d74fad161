/** Bytes to look for. */
export interface BytePattern {
  readonly bytes: Uint8Array;
  /** Does the case of ASCII letters matter, as in base64? */
  readonly exact: boolean;
}

/** Lower case of the byte of an ASCII letter, any other byte as it is. */
const folded = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

/** A byte as it may stand in a text: a letter in both cases. */
const casesOf: readonly (readonly number[])[] = Array.from(folded, (lower, byte) =>
  lower >= 0x61 && lower <= 0x7a ? [lower, lower ^ 0x20] : [byte],
);

/** Longest window: beyond it, a longer jump saves nothing. */
const maxWindow = 16;

/** Places of the filter: a power of two. */
const filterSize = 0x4000;

/**
 * Finds many patterns in bytes in one pass, after Wu and Manber (A Fast Algorithm for Multi-Pattern Searching, 1994): a
 * window as long as the shortest pattern jumps ahead by what its last two bytes allow. It is compared with the ends of
 * the patterns, for UIDs differ there and begin alike.
 */
export class PatternSearch<Pattern extends BytePattern> {
  /** Bytes of the longest pattern. */
  readonly longest: number = 0;
  readonly #window: number = 0;
  readonly #patterns: readonly Pattern[];
  readonly #shifts = new Uint8Array(0x10000);
  /** Which patterns end with two bytes. */
  readonly #buckets = new Map<number, number[]>();
  /** Which hashes windows have that a pattern ends with: pixels of 16 bits look like UTF-16 by two bytes. */
  readonly #filter = new Uint8Array(filterSize);
  readonly #bytes: readonly Uint8Array[];

  /** @param patterns each of two bytes or more */
  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    this.#bytes = patterns.map(({ bytes, exact }) => (exact ? bytes : bytes.map((byte) => folded[byte]!)));
    if (patterns.length === 0) return;
    let shortest = maxWindow;
    for (const { length } of this.#bytes) {
      if (length < shortest) shortest = length;
      if (length > this.longest) this.longest = length;
    }
    this.#window = shortest;
    this.#shifts.fill(shortest - 1);
    this.#bytes.forEach((bytes, index) => {
      this.#add(bytes, index);
    });
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  #add(bytes: Uint8Array, index: number): void {
    const start = bytes.length - this.#window;
    this.#filter[hashOf(bytes, start, bytes.length - 2)] = 1;
    for (let i = start; i < bytes.length - 1; i++) {
      const shift = bytes.length - 2 - i;
      for (const first of casesOf[bytes[i]!]!) {
        for (const second of casesOf[bytes[i + 1]!]!) this.#addBlock((first << 8) | second, shift, index);
      }
    }
  }

  #addBlock(block: number, shift: number, index: number): void {
    if (shift < this.#shifts[block]!) this.#shifts[block] = shift;
    if (shift > 0) return;
    const bucket = this.#buckets.get(block);
    if (bucket === undefined) this.#buckets.set(block, [index]);
    else bucket.push(index);
  }

  /**
   * Calls `found` for each pattern that ends in `bytes` after `from` and up to `to`, with the place of its first byte.
   * Patterns may begin before `from`. Returns where to go on once there are more bytes.
   */
  search(
    bytes: Uint8Array,
    from: number,
    to: number,
    found: (pattern: Pattern, start: number) => void,
  ): number {
    const window = this.#window;
    if (window === 0) return to;
    const shifts = this.#shifts;
    // From here on, the place of the last byte of the window.
    let at = from + window - 1;
    while (at < to) {
      const block = (bytes[at - 1]! << 8) | bytes[at]!;
      const shift = shifts[block]!;
      if (shift > 0) {
        at += shift;
        continue;
      }
      if (this.#filter[hashOf(bytes, at + 1 - window, at - 1)] === 0) {
        at++;
        continue;
      }
      for (const index of this.#buckets.get(block)!) {
        const start = at + 1 - this.#bytes[index]!.length;
        if (start >= 0 && this.#isAt(index, bytes, start)) found(this.#patterns[index]!, start);
      }
      at++;
    }
    return at - window + 1;
  }

  #isAt(index: number, bytes: Uint8Array, start: number): boolean {
    const pattern = this.#bytes[index]!;
    if (this.#patterns[index]!.exact) {
      for (let i = pattern.length - 1; i >= 0; i--) if (bytes[start + i] !== pattern[i]) return false;
    } else {
      for (let i = pattern.length - 1; i >= 0; i--) {
        if (folded[bytes[start + i]!] !== pattern[i]) return false;
      }
    }
    return true;
  }
}

/** A hash of bytes in whatever case. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0;
  for (let i = from; i < to; i++) hash = (hash * 31 + folded[bytes[i]!]!) | 0;
  return (hash ^ (hash >>> 15)) & (filterSize - 1);
}
