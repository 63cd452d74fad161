import { tagOf } from './dictionary.ts';

/** An attribute tag as one unsigned number: group × 65536 + element. */
export type Tag = number;

/** Puts a tag together from its two halves. */
export function makeTag(group: number, element: number): Tag {
  return group * 0x10000 + element;
}

export function tagGroup(tag: Tag): number {
  return tag >>> 16;
}

export function tagElement(tag: Tag): number {
  return tag & 0xffff;
}

/** Private attributes have odd group numbers (PS3.5 §7.8). */
export function isPrivate(tag: Tag): boolean {
  return (tag & 0x10000) !== 0;
}

/** Does the element reserve a block of private elements, (gggg,0010-00FF) with gggg odd (PS3.5 §7.8.1)? */
export function isPrivateCreator(tag: Tag): boolean {
  const element = tag & 0xffff;
  return (tag & 0x10000) !== 0 && element >= 0x10 && element <= 0xff;
}

/** The creator element of a private element's block: (gggg,00bb) for (gggg,bbxx); undefined for other tags. */
export function privateCreatorTag(tag: Tag): Tag | undefined {
  const block = (tag >>> 8) & 0xff;
  return (tag & 0x10000) !== 0 && block >= 0x10 ? ((tag & 0xffff0000) | block) >>> 0 : undefined;
}

/** Group lengths, (gggg,0000), are retired everywhere but in command sets and file meta information (PS3.5 §7.2). */
export function isGroupLength(tag: Tag): boolean {
  return (tag & 0xffff) === 0;
}

/** Spelled already: headers have the same tags again and again, and to spell one takes as long as to decode its value. */
const spelled = new Map<Tag, string>();
/** Objects have far fewer; whoever invents tags must not fill the memory. */
const mostSpelled = 8192;

/** Eight upper-case hexadecimal digits, as in the DICOM JSON model: `00100020`. */
export function tagToHex(tag: Tag): string {
  let hex = spelled.get(tag);
  if (hex === undefined) {
    hex = (tag >>> 0).toString(16).toUpperCase().padStart(8, '0');
    if (spelled.size < mostSpelled) spelled.set(tag, hex);
  }
  return hex;
}

/** The standard's way to write a tag: `(0010,0020)`. */
export function formatTag(tag: Tag): string {
  const hex = tagToHex(tag);
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

/**
 * Reads a tag as people write it: a keyword of the dictionary (`PatientID`), eight hexadecimal digits, `gggg,eeee` or
 * `(gggg,eeee)`. Gives undefined for anything else.
 */
export function parseTag(text: string): Tag | undefined {
  const digits = /^(?:([0-9a-f]{4}),?([0-9a-f]{4})|\(([0-9a-f]{4}),([0-9a-f]{4})\))$/i.exec(text);
  if (digits !== null) {
    return Number.parseInt(`${digits[1] ?? digits[3]}${digits[2] ?? digits[4]}`, 16);
  }
  return tagOf(text);
}
