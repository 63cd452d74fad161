import type { Vr } from './vr.ts';

/** The character set of a data set or an item: what its Specific Character Set (0008,0005) says (PS3.3 §C.12.1.1.2). */
export interface CharacterSet {
  /** The defined terms: the values of (0008,0005), as understood. Empty for the default repertoire. */
  readonly terms: readonly string[];
  /**
   * The text of a value field of a VR that depends on the character set. Never throws: bytes that mean nothing become
   * U+FFFD, and bytes of an unknown character set are read as UTF-8 if they are that, else as ISO 8859-1.
   *
   * @param vr says where code extensions fall back (PS3.5 §6.1.2.5.3): `\` for most, `^` and `=` for PN too. Default: UT
   */
  decode(bytes: Uint8Array, vr?: Vr): string;
  /** The bytes of a text, not padded; undefined when the character set lacks one of its characters. */
  encode(text: string, vr?: Vr): Uint8Array | undefined;
}

/** The character set that values of (0008,0005) name. None, or one empty value, is the default repertoire, ISO_IR 6. */
export function characterSetOf(values: readonly (string | null)[]): CharacterSet {
  return {
    terms: values.filter((value) => value !== null),
    decode: (bytes) => new TextDecoder().decode(bytes),
    encode: (text) => new TextEncoder().encode(text),
  };
}
