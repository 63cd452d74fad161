import { type Tag, Tags } from '@adit/core';

/**
 * Attributes that are what the pseudonymizer makes them, or that say how to read the others: no rule is about them.
 *
 * UIDs of the instance go by the option Retain UIDs; the pseudonym is given; the stamps say what was performed.
 */
const setByUs: ReadonlySet<Tag> = new Set([
  Tags.SpecificCharacterSet,
  Tags.SOPClassUID,
  Tags.SOPInstanceUID,
  Tags.PatientName,
  Tags.PatientID,
  Tags.PatientIdentityRemoved,
  Tags.DeidentificationMethod,
  Tags.DeidentificationMethodCodeSequence,
  Tags.RecognizableVisualFeatures,
  Tags.LongitudinalTemporalInformationModified,
]);

export function isSetByUs(tag: Tag): boolean {
  return setByUs.has(tag) || tag >>> 16 <= 0x0002;
}
