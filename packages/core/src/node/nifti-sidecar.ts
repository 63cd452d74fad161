import { textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { type DicomDate, parseDate } from '../data/date-time.ts';
import type { Tag } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';

/** What of the first instance goes into the sidecar of a series, by keyword. */
const TAGS = {
  PatientID: Tags.PatientID,
  PatientName: Tags.PatientName,
  PatientBirthDate: Tags.PatientBirthDate,
  PatientSex: Tags.PatientSex,
  PatientAge: Tags.PatientAge,
  StudyInstanceUID: Tags.StudyInstanceUID,
  StudyDate: Tags.StudyDate,
  StudyDescription: Tags.StudyDescription,
  SeriesInstanceUID: Tags.SeriesInstanceUID,
  SeriesNumber: Tags.SeriesNumber,
  SeriesDescription: Tags.SeriesDescription,
  Modality: Tags.Modality,
  InstitutionName: Tags.InstitutionName,
} as const;

export const SIDECAR_TAGS: readonly Tag[] = Object.values(TAGS);

/**
 * Entries for the sidecar of a series: the attributes as they were stored, after any de-identification, and the patient's age
 * on the day of the study in years (`PatientAgeAtStudy`), where both dates are known.
 */
export function sidecarEntries(attributes: Attributes): Record<string, string | number> {
  const entries: Record<string, string | number> = {};
  for (const [keyword, tag] of Object.entries(TAGS)) {
    const text = textOf(attributes, tag)?.trim();
    if (text)
      entries[keyword] = keyword === 'SeriesNumber' && !Number.isNaN(Number(text)) ? Number(text) : text;
  }
  const born = parseDate(textOf(attributes, Tags.PatientBirthDate) ?? '');
  const studied = parseDate(textOf(attributes, Tags.StudyDate) ?? '');
  const age = born && studied && yearsBetween(born, studied);
  if (age !== undefined && age >= 0) entries.PatientAgeAtStudy = age;
  return entries;
}

function yearsBetween(from: DicomDate, to: DicomDate): number {
  const isBefore = to.month < from.month || (to.month === from.month && to.day < from.day);
  return to.year - from.year - (isBefore ? 1 : 0);
}
