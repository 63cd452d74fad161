import type { Query, QueryLevel } from './types.ts';

const keysOfLevel: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: ['PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex', 'NumberOfPatientRelatedStudies'],
  STUDY: [
    'PatientID',
    'PatientName',
    'PatientBirthDate',
    'PatientSex',
    'StudyInstanceUID',
    'AccessionNumber',
    'StudyDate',
    'StudyTime',
    'StudyDescription',
    'ModalitiesInStudy',
    'NumberOfStudyRelatedSeries',
    'NumberOfStudyRelatedInstances',
  ],
  SERIES: [
    'PatientID',
    'StudyInstanceUID',
    'SeriesInstanceUID',
    'SeriesDescription',
    'SeriesNumber',
    'Modality',
    'NumberOfSeriesRelatedInstances',
  ],
  IMAGE: [
    'PatientID',
    'StudyInstanceUID',
    'SeriesInstanceUID',
    'SOPInstanceUID',
    // What a retrieval must be planned for.
    'SOPClassUID',
    'InstanceNumber',
    'InstanceAvailability',
  ],
};

const uniqueKeys: Readonly<Record<QueryLevel, string>> = {
  PATIENT: 'PatientID',
  STUDY: 'StudyInstanceUID',
  SERIES: 'SeriesInstanceUID',
  IMAGE: 'SOPInstanceUID',
};

/** Keywords that a query asks for, whatever it matches by. */
export function returnKeysOf({ level, returnKeys: which }: Query): readonly string[] {
  return which === 'unique' ? [uniqueKeys[level]] : returnKeys(level);
}

/** Keywords that queries of the level usually ask for. */
export function returnKeys(level: QueryLevel): readonly string[] {
  return keysOfLevel[level];
}
