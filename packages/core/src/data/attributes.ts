import type { Vr } from './vr.ts';

/** A person name in the DICOM JSON model: up to three component groups (PS3.18 §F.2.2). */
export interface PersonNameJson {
  Alphabetic?: string;
  Ideographic?: string;
  Phonetic?: string;
}

/** One value in the DICOM JSON model. */
export type JsonValue = string | number | null | PersonNameJson | Attributes;

/** One attribute in the DICOM JSON model (PS3.18 §F.2.2). */
export interface JsonAttribute {
  vr: Vr;
  Value?: readonly JsonValue[];
  /** Base64, for VRs of bytes. */
  InlineBinary?: string;
  BulkDataURI?: string;
}

/**
 * A data set in memory: the DICOM JSON model, keyed by eight upper-case hexadecimal digits (PS3.18 §F.2.1.1.2).
 *
 * It is what queries return and small objects are built from. Objects on their way from one place to another are never
 * turned into it: they stay bytes.
 */
export type Attributes = Readonly<Record<string, JsonAttribute>>;
