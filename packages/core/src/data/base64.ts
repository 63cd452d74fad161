import { DicomError } from '../errors.ts';

/** How many bytes become arguments of one call; more than some 100,000 overflow the stack of some engines. */
const step = 0x8000;

/** Base64 (RFC 4648 §4) of bytes, as `InlineBinary` holds it. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += step) {
    binary += String.fromCharCode(...bytes.subarray(at, at + step));
  }
  return btoa(binary);
}

/** The bytes of a Base64 text. Throws `INVALID_VALUE` for a text that is none. */
export function decodeBase64(text: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw new DicomError('INVALID_VALUE', 'The text is no Base64.', { cause });
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
