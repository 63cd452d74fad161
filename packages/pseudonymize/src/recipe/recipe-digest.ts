import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Recipe } from './recipe.ts';

/**
 * SHA-256 of a recipe's canonical JSON (RFC 8785), in hexadecimal: the same however the document was laid out, and whether
 * its defaults were written or not.
 */
export function recipeDigest(recipe: Recipe): string {
  const { $schema: _, ...meaning } = recipe;
  return bytesToHex(sha256(new TextEncoder().encode(canonicalJson(meaning))));
}

/** Strings and whole numbers are written as RFC 8785 asks for by JSON.stringify; what is left is the order of members. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
