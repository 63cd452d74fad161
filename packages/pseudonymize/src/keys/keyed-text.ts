import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** Letters and digits without 0, 1, I and O, which people take for each other. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** The first `length` characters of bytes, five bits to a character; at most 51 of 32 bytes. */
export function base32(bytes: Uint8Array, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    const bit = i * 5;
    const pair = (bytes[bit >>> 3]! << 8) | (bytes[(bit >>> 3) + 1] ?? 0);
    text += alphabet[(pair >>> (11 - (bit & 7))) & 31];
  }
  return text;
}

/**
 * A text that stands for another: the same for the same text, key and length.
 *
 * @param key the sub-key for `name`
 * @param length number of characters, at most 51; of digits, at most 9
 * @param digits digits only, the first of them not 0
 */
export function keyedText(key: Uint8Array, text: string, length: number, digits = false): string {
  const digest = hmac(sha256, key, new TextEncoder().encode(text));
  if (!digits) return base32(digest, length);
  let number = 0;
  for (const byte of digest.subarray(0, 6)) number = number * 256 + byte;
  const least = 10 ** (length - 1);
  return String(least + (number % (9 * least)));
}
