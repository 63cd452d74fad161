import type { PersonName, Series, Study } from '@adit/client';
import { type Attributes, attributeOf, numberOf, type PersonNameJson, textOf, textsOf } from '@adit/core';

/** A match of a search as the contract has it; undefined for one without a usable Study Instance UID. */
export function toStudy(match: Attributes): Study | undefined {
  const studyInstanceUid = uidOf(match, 'StudyInstanceUID');
  if (studyInstanceUid === undefined) return undefined;
  return withoutEmpty({
    studyInstanceUid,
    patientId: textOf(match, 'PatientID'),
    patientName: personName(match),
    patientBirthDate: formatDate(textOf(match, 'PatientBirthDate')),
    patientSex: textOf(match, 'PatientSex'),
    studyDate: formatDate(textOf(match, 'StudyDate')),
    studyTime: formatTime(textOf(match, 'StudyTime')),
    description: textOf(match, 'StudyDescription'),
    accessionNumber: textOf(match, 'AccessionNumber'),
    modalities: textsOf(match, 'ModalitiesInStudy').filter((modality) => modality !== ''),
    series: count(match, 'NumberOfStudyRelatedSeries'),
    instances: count(match, 'NumberOfStudyRelatedInstances'),
  });
}

/** The same for a series. */
export function toSeries(match: Attributes): Series | undefined {
  const seriesInstanceUid = uidOf(match, 'SeriesInstanceUID');
  if (seriesInstanceUid === undefined) return undefined;
  return withoutEmpty({
    seriesInstanceUid,
    number: textOf(match, 'SeriesNumber'),
    modality: textOf(match, 'Modality'),
    description: textOf(match, 'SeriesDescription'),
    instances: count(match, 'NumberOfSeriesRelatedInstances'),
  });
}

/** YYYY-MM-DD of a DA value, also of the form with dots that PS3.5 §6.2 knows; anything else as it is. */
export function formatDate(value: string | undefined): string | undefined {
  return value?.replace(/^(\d{4})\.?(\d{2})\.?(\d{2})$/, '$1-$2-$3');
}

/** HH:MM:SS of a TM value (PS3.5 §6.2: minutes and seconds may be left out); anything else as it is. */
export function formatTime(value: string | undefined): string | undefined {
  const parts = value && /^(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.\d{1,6})?)?)?$/.exec(value);
  if (!parts) return value;
  const [, hours, minutes = '00', seconds = '00'] = parts;
  return `${hours}:${minutes}:${seconds}`;
}

function uidOf(match: Attributes, keyword: string): string | undefined {
  const uid = textOf(match, keyword);
  return uid !== undefined && /^\d[\d.]{0,63}$/.test(uid) ? uid : undefined;
}

function personName(match: Attributes): PersonName | undefined {
  const value = attributeOf(match, 'PatientName')?.Value?.[0];
  if (typeof value !== 'object' || value === null) return undefined;
  const { Alphabetic, Ideographic, Phonetic } = value as PersonNameJson;
  const name = withoutEmpty({ alphabetic: Alphabetic, ideographic: Ideographic, phonetic: Phonetic });
  return Object.keys(name).length > 0 ? name : undefined;
}

function count(match: Attributes, keyword: string): number | undefined {
  const value = numberOf(match, keyword);
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

type WithoutEmpty<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
};

/** Without the fields that are undefined or an empty text: what the source leaves out is absent. */
function withoutEmpty<T extends object>(object: T): WithoutEmpty<T> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== ''),
  ) as WithoutEmpty<T>;
}
