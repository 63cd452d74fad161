import { DicomError } from '../errors.ts';
import type { Attributes, JsonAttribute, JsonValue } from './attributes.ts';
import type { Tag } from './tag.ts';

/** The attribute of a keyword (`PatientID`), eight hexadecimal digits or a tag. */
export function attributeOf(_attributes: Attributes, _key: string | Tag): JsonAttribute | undefined {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}

/**
 * The first value as text, undefined when absent or empty. Of a person name, its component groups divided by `=`; of a
 * sequence or bytes, undefined.
 */
export function textOf(_attributes: Attributes, _key: string | Tag): string | undefined {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}

/** All values as text; empty values are empty texts. Absent: none. */
export function textsOf(_attributes: Attributes, _key: string | Tag): string[] {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}

/** The first value as a number; undefined when absent, empty or no number. */
export function numberOf(_attributes: Attributes, _key: string | Tag): number | undefined {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}

/** The items of a sequence. Absent: none. */
export function itemsOf(_attributes: Attributes, _key: string | Tag): readonly Attributes[] {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}

/** A value to make an attribute of: one, several, items of a sequence, bytes, or an attribute as it is. */
export type AttributeInput =
  | JsonValue
  | undefined
  | Uint8Array
  | JsonAttribute
  | readonly (JsonValue | AttributesInput)[]
  | AttributesInput;

/** Values by keyword or by eight hexadecimal digits. */
export interface AttributesInput {
  readonly [keyword: string]: AttributeInput;
}

/**
 * Makes attributes: `attributesFrom({ PatientID: '1', ImageType: ['ORIGINAL', 'PRIMARY'], Rows: 512 })`. The VR is that
 * of the dictionary; an attribute with a `vr` of its own is taken as it is. An empty text, `null` or an empty list makes
 * an empty attribute; undefined makes none. Throws `UNKNOWN_ATTRIBUTE` for a keyword the dictionary lacks.
 */
export function attributesFrom(_input: AttributesInput): Attributes {
  throw new DicomError('NOT_IMPLEMENTED', 'Attribute access is being written.');
}
