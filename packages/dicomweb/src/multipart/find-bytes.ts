/** Finds `needle` in `bytes` from an index on; -1 when it is not there. */
export type ByteFinder = (bytes: Uint8Array, from: number) => number;

/**
 * Prepares the search for a byte string (Boyer–Moore–Horspool). Most of the haystack is never looked at: a multipart
 * delimiter is about forty bytes long, and pixel data seldom holds any of them.
 */
export function createByteFinder(needle: Uint8Array): ByteFinder {
  const last = needle.length - 1;
  /** How far the window may move when its last byte is this one. */
  const shifts = new Uint32Array(256).fill(needle.length);
  for (let i = 0; i < last; i++) shifts[needle[i]!] = last - i;

  return (bytes, from) => {
    const end = bytes.length - needle.length;
    for (let start = from; start <= end; start += shifts[bytes[start + last]!]!) {
      let i = last;
      while (i >= 0 && bytes[start + i] === needle[i]) i--;
      if (i < 0) return start;
    }
    return -1;
  };
}
