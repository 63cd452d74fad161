import { type CharacterSet, isMultiValuedVr, type Vr, vrForm } from '@adit/core';
import type { InstanceIdentifiers } from '../identifiers/instance-identifiers.ts';
import { latin1Bytes, latin1Text, textOfValue, trimmed } from '../identifiers/text.ts';
import type { Dummies } from '../profile/dummy.ts';
import type { Rule } from '../profile/profile.ts';

/** What it takes to look into a value. */
export interface KeptValueContext {
  characterSet: CharacterSet;
  identifiers: InstanceIdentifiers;
  dummies: Dummies;
}

/**
 * What is left of a value that the profile keeps once no identifier may be in it: the value given, where it has none; a
 * cleaned one; undefined where the element must go, for nobody knows what a part of its bytes means.
 *
 * @param vr of the value: that of the data set, or the dictionary's where that is UN
 * @param isResolved false for a value of VR UN in the data set
 */
export function keptValue(
  value: Uint8Array,
  vr: Vr,
  rule: Rule,
  isResolved: boolean,
  context: KeptValueContext,
): Uint8Array | undefined {
  if (vr === 'DS' || vr === 'IS') {
    return isNumeric(value) ? keptNumbers(value, context) : keptText(value, vr, false, context);
  }
  if (vrForm(vr) === 'text') return keptText(value, vr, vr === 'CS' && rule.vr === 'CS', context);
  // Binary numbers are what their VR says, unless they look like a text that was given a wrong one.
  const isBinary = vr !== 'OB' && vr !== 'UN' && isResolved && rule.vrs.includes(vr);
  if (isBinary && !hasWord(value)) return value;
  return context.identifiers.in(latin1Text(value), 'bytes') ? undefined : value;
}

/** Characters of code strings (PS3.5 §6.2), and what divides them. */
const codeStrings = /^[A-Z0-9_ \\]*$/;

function keptText(value: Uint8Array, vr: Vr, isCode: boolean, context: KeptValueContext): Uint8Array {
  const { characterSet, identifiers, dummies } = context;
  const text = textOfValue(value, vr, characterSet);
  const kind = isCode && codeStrings.test(text) ? 'code' : 'text';
  if (!identifiers.in(text, kind)) return value;

  const dummy = dummies.text(vr);
  const parts = isMultiValuedVr(vr) ? text.split('\\') : [text];
  const cleaned = parts.map((part) => (identifiers.in(part, kind) ? dummy : part)).join('\\');
  // An identifier may be spread over several values.
  const encoded = identifiers.in(cleaned, kind) ? undefined : characterSet.encode(cleaned, vr);
  return encoded ?? dummies.bytes(vr);
}

/** Shortest number that is looked for. */
const minNumber = 6;

function keptNumbers(value: Uint8Array, { identifiers: { patient } }: KeptValueContext): Uint8Array {
  if (value.length < minNumber) return value;
  const numbers = latin1Text(value).split('\\').map(trimmed);
  if (!numbers.some((number) => patient.isNumber(number))) return value;
  return latin1Bytes(numbers.map((number) => (patient.isNumber(number) ? '0' : number)).join('\\'));
}

const isNumericByte = byteTable('0123456789+-.eE \\\0');
const isAlphanumericByte = byteTable('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');

function byteTable(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Are these digits, signs, exponents, blanks and separators: what DS and IS consist of (PS3.5 §6.2)? */
export function isNumeric(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (isNumericByte[bytes[i]!] === 0) return false;
  return true;
}

/** Are there letters or digits side by side, as in a text? Binary numbers rarely look like that. */
function hasWord(bytes: Uint8Array): boolean {
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    run = isAlphanumericByte[bytes[i]!] === 1 ? run + 1 : 0;
    if (run === 4) return true;
  }
  return false;
}
