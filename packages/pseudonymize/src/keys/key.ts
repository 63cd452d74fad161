import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { PseudonymizeError } from '../pseudonymize-error.ts';

/** What a sub-key is for. */
export type KeyPurpose = 'uid' | 'id' | 'date' | 'name';

/** Sub-keys of one key, 32 bytes each. */
export type SubKeys = Readonly<Record<KeyPurpose, Uint8Array>>;

/** Shortest and longest key, in bytes. */
const minKeyLength = 16;
const maxKeyLength = 4096;

/** A random key of 32 bytes. */
export function randomKey(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(32));
}

/**
 * Derives the sub-keys of a key: HKDF (RFC 5869) with SHA-256 and no salt, the info `adit pseudonymize v1 uid` and so on.
 * The bytes of the key are taken as they are. Throws `INVALID_KEY` for one that is not 16 to 4096 bytes long.
 */
export function deriveSubKeys(key: Uint8Array): SubKeys {
  checkKey(key);
  const derive = (purpose: KeyPurpose) => hkdf(sha256, key, undefined, infoOf(purpose), 32);
  return { uid: derive('uid'), id: derive('id'), date: derive('date'), name: derive('name') };
}

/**
 * Tells two keys apart and nothing else of them: 16 bytes in hexadecimal digits, derived as the sub-keys are, with the info
 * `adit pseudonymize v1 fingerprint`. Throws `INVALID_KEY`.
 */
export function keyFingerprint(key: Uint8Array): string {
  checkKey(key);
  return bytesToHex(hkdf(sha256, key, undefined, infoOf('fingerprint'), 16));
}

function infoOf(purpose: string): Uint8Array {
  return new TextEncoder().encode(`adit pseudonymize v1 ${purpose}`);
}

function checkKey(key: Uint8Array): void {
  if (key.length >= minKeyLength && key.length <= maxKeyLength) return;
  throw new PseudonymizeError(
    'INVALID_KEY',
    `A key has ${minKeyLength} to ${maxKeyLength} bytes, this one has ${key.length}; give another.`,
  );
}
