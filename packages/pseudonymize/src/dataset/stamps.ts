import { type ElementEncoding, encodeElement, encodeItemHeader, Tags } from '@adit/core';
import { edition } from '../generated/confidentiality-profiles.ts';
import { latin1Bytes } from '../identifiers/text.ts';

/**
 * What was performed, for (0012,0063): one value of at most 64 characters.
 */
export const methodText = `PS3.15 ${edition} Basic Application Confidentiality Profile`;

/** Code of what was performed in CID 7050, for (0012,0064). */
export const basicProfileCode = '113100';

/** An item of (0012,0064) that says the Basic Profile was applied (PS3.16 CID 7050). */
export function encodeMethodItem(encoding: ElementEncoding): Uint8Array {
  return encodeCodeItem(
    { value: basicProfileCode, scheme: 'DCM', meaning: 'Basic Application Confidentiality Profile' },
    encoding,
  );
}

/** An item of a code sequence (PS3.3 Table 8.8-1), of a defined length. */
export function encodeCodeItem(
  { value, scheme, meaning }: { value: string; scheme: string; meaning: string },
  encoding: ElementEncoding,
): Uint8Array {
  const elements = [
    encodeElement(Tags.CodeValue, 'SH', latin1Bytes(value), encoding),
    encodeElement(Tags.CodingSchemeDesignator, 'SH', latin1Bytes(scheme), encoding),
    encodeElement(Tags.CodeMeaning, 'LO', latin1Bytes(meaning), encoding),
  ];
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return concatenated([encodeItemHeader(length, encoding), ...elements]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}
