import type { contract } from '@adit/client';
import type { Query } from '@adit/core';
import type { z } from 'zod';

/** What the user looks for, defaults filled in. */
export type StudySearchInput = z.output<typeof contract.searchStudies.query>;

/** The query a search of the user becomes (PS3.4 §C.2.2.2). Fields left empty do not narrow it. */
export function studyQuery(search: StudySearchInput): Query {
  const modalities = modalitiesOf(search);
  const keys: Record<string, string | undefined> = {
    StudyInstanceUID: search.studyInstanceUid,
    PatientID: search.patientId,
    PatientName: search.patientName && nameKey(search.patientName),
    PatientBirthDate: search.patientBirthDate && dateKey(search.patientBirthDate),
    AccessionNumber: search.accessionNumber,
    StudyDescription: search.description && anywhere(search.description),
    StudyDate: dateRange(search.from, search.to),
    // A list matches UIDs only (PS3.4 §C.2.2.2.2): several modalities are looked for in what comes back.
    ModalitiesInStudy: modalities.length === 1 ? modalities[0] : undefined,
  };
  return {
    level: 'STUDY',
    keys: Object.fromEntries(Object.entries(keys).filter((entry): entry is [string, string] => !!entry[1])),
  };
}

export function modalitiesOf({ modality }: Pick<StudySearchInput, 'modality'>): string[] {
  return modality ? modality.split(',') : [];
}

/**
 * A name as people write it to a matching key: "Doe, John" becomes `Doe*^John*`, so that beginnings match. Components
 * that hold wildcards already stay as they are.
 */
export function nameKey(text: string): string {
  return text
    .split(/\s*[,^]\s*/)
    .map((component) => (component === '' || hasWildcard(component) ? component : `${component}*`))
    .join('^')
    .replace(/\^+$/, '');
}

function anywhere(text: string): string {
  return hasWildcard(text) ? text : `*${text}*`;
}

function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}

function dateRange(from: string | undefined, to: string | undefined): string | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from === to && from !== undefined) return dateKey(from);
  return `${from ? dateKey(from) : ''}-${to ? dateKey(to) : ''}`;
}

function dateKey(date: string): string {
  return date.replaceAll('-', '');
}
