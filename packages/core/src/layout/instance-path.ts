import { textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import type { Tag } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { safeName } from './safe-name.ts';

/** What `instancePath` looks at. All of it comes before the pixel data. */
export const INSTANCE_PATH_TAGS: readonly Tag[] = [
  Tags.PatientID,
  Tags.StudyInstanceUID,
  Tags.StudyDate,
  Tags.StudyTime,
  Tags.SeriesInstanceUID,
  Tags.SeriesNumber,
  Tags.SeriesDescription,
  Tags.SOPInstanceUID,
];

export interface InstancePathOptions {
  /** Modalities of the whole study, where they are known; a single instance cannot tell. Default: left out. */
  modalities?: readonly string[];
}

/** One folder on the way to a file. */
export interface PathFolder {
  /** Safe on every file system; not unique. */
  name: string;
  /** Whose folder it is: folders of the same name and different owners must be kept apart. */
  owner: string;
}

/** Where an instance belongs, below some root. */
export interface InstancePath {
  /** Patient, study and series, from the outside in. */
  folders: readonly PathFolder[];
  /** `<SOPInstanceUID>.dcm` */
  file: string;
}

/**
 * Folder and file name of an instance, from its own attributes alone:
 *
 * ```
 * <PatientID>/<StudyDate>-<StudyTime>[-<modality>,<modality>…]/<SeriesNumber>-<SeriesDescription>/<SOPInstanceUID>.dcm
 * ```
 *
 * Of the time, hours, minutes and seconds. A missing date or time is written `nodate`, `notime`; a missing description
 * `Undefined`; a series without a number is named by its UID alone. A pseudonymized instance has its pseudonym as
 * PatientID.
 */
export function instancePath(attributes: Attributes, options: InstancePathOptions = {}): InstancePath {
  const text = (tag: Tag) => textOf(attributes, tag)?.trim() ?? '';
  const patientId = text(Tags.PatientID);
  const studyUid = text(Tags.StudyInstanceUID);
  const seriesUid = text(Tags.SeriesInstanceUID);
  return {
    folders: [
      { name: safeName(patientId), owner: patientId },
      { name: safeName(studyName(text, options.modalities ?? [])), owner: studyUid },
      { name: safeName(seriesName(text, seriesUid)), owner: seriesUid },
    ],
    file: `${safeName(text(Tags.SOPInstanceUID))}.dcm`,
  };
}

function studyName(text: (tag: Tag) => string, modalities: readonly string[]): string {
  const date = text(Tags.StudyDate).replaceAll('.', '') || 'nodate';
  const time = text(Tags.StudyTime).replaceAll(':', '').slice(0, 6) || 'notime';
  // The order in which a server lists them does not change the name.
  const sorted = [...new Set(modalities)].filter((one) => one !== '').sort();
  return [date, time, ...(sorted.length > 0 ? [sorted.join()] : [])].join('-');
}

function seriesName(text: (tag: Tag) => string, seriesUid: string): string {
  const number = text(Tags.SeriesNumber);
  if (number === '') return seriesUid;
  return `${Number.isNaN(Number(number)) ? number : Number(number)}-${text(Tags.SeriesDescription) || 'Undefined'}`;
}
