import { registeredUid, uidFromBytes } from '@adit/core';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** Gives UIDs new ones: the same for the same UID and key, and no way back without the key. */
export interface UidMapper {
  /**
   * What a UID becomes: `2.25.` and a UUID of 128 bits of its HMAC-SHA-256 (PS3.5 §B.2, RFC 9562 §5.8). A UID that PS3.6
   * Annex A registers stays, and so does an empty text. Anything else is mapped, whether it is a valid UID or not.
   */
  map(uid: string): string;
}

/** How many UIDs of one mapper are remembered: those of a study or two, references included. */
const maxRemembered = 20_000;

export function createUidMapper(key: Uint8Array): UidMapper {
  // The two blocks that HMAC makes of the key are hashed once.
  const keyed = hmac.create(sha256, key);
  const encoder = new TextEncoder();
  const remembered = new Map<string, string>();
  return {
    map(uid) {
      let mapped = remembered.get(uid);
      if (mapped === undefined) {
        mapped = uid === '' || registeredUid(uid) !== undefined ? uid : digest(uid);
        if (remembered.size >= maxRemembered) remembered.clear();
        remembered.set(uid, mapped);
      }
      return mapped;
    },
  };

  function digest(uid: string): string {
    return uidFromBytes(keyed.clone().update(encoder.encode(uid)).digest().subarray(0, 16));
  }
}
