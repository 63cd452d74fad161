import { type ElementEncoding, encodeElement, encodeItemHeader, type Tag, Tags } from '@adit/core';
import { edition } from '../generated/confidentiality-profiles.ts';
import { latin1Bytes } from '../identifiers/text.ts';

/** What was performed, for (0012,0063): one value of at most 64 characters. */
export const methodText = `PS3.15 ${edition} Basic Application Confidentiality Profile`;

/** Code of what was performed in CID 7050, for (0012,0064). */
export const basicProfileCode = '113100';

/** An element that every data set has afterwards, whether it had it before or not. */
interface InsertedElement {
  readonly tag: Tag;
  /** The value of a code string; of the others, it depends on the object. */
  readonly code?: string;
}

/** The pseudonym and the stamps (PS3.15 §E.1.1, PS3.3 §C.7.1.1 and §C.12.1), ascending. */
export const insertedElements: readonly InsertedElement[] = [
  { tag: Tags.PatientName },
  { tag: Tags.PatientID },
  { tag: Tags.PatientIdentityRemoved, code: 'YES' },
  { tag: Tags.DeidentificationMethod },
  { tag: Tags.DeidentificationMethodCodeSequence },
  // Dates and times are gone: those of the table by its actions, all others by their VR.
  { tag: Tags.LongitudinalTemporalInformationModified, code: 'REMOVED' },
];

export const insertedTags: ReadonlySet<Tag> = new Set(insertedElements.map(({ tag }) => tag));

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
