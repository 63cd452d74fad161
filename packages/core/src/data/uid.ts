import { DicomError } from '../errors.ts';

/**
 * Is the text a UID (PS3.5 §9.1)? At most 64 characters, components of digits without leading zeros, divided by dots.
 */
export function isValidUid(text: string): boolean {
  return text.length <= 64 && /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$/.test(text);
}

/** A new UID made from a random UUID (PS3.5 §B.2). */
export function generateUid(): string {
  return uidFromBytes(globalThis.crypto.getRandomValues(new Uint8Array(16)), 4);
}

/**
 * The UID of a UUID (PS3.5 §B.2): `2.25.` and its 128 bits as one decimal number. The bits of the UUID's version and
 * variant (RFC 9562 §4) are set first, so that any 16 bytes do: a digest for a UID that can be made again.
 *
 * @param bytes 16 bytes, most significant first
 * @param version of the UUID. Default: 8, for bytes of one's own making
 */
export function uidFromBytes(bytes: Uint8Array, version: 4 | 8 = 8): string {
  if (bytes.length !== 16) {
    throw new DicomError('INVALID_ARGUMENT', `A UID is made from 16 bytes, not from ${bytes.length}.`);
  }
  let number = 0n;
  for (let i = 0; i < 16; i++) {
    let byte = bytes[i]!;
    if (i === 6) byte = (byte & 0x0f) | (version << 4);
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    number = (number << 8n) | BigInt(byte);
  }
  return `2.25.${number}`;
}
