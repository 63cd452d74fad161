import type { QueryLevel } from './types.ts';

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

/** Keywords that a query of the level always asks for, whatever it matches by. */
export function returnKeys(level: QueryLevel): readonly string[] {
  return keysOfLevel[level];
}
