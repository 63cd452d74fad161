import {
  type Attributes,
  type JsonAttribute,
  parseTag,
  type QueryLevel,
  returnKeys,
  type Tag,
  tagToHex,
} from '@adit/core';

/*
 * What the archive keeps of each object's header: the keys of PS3.4 §C.6.1.1 and what users search by besides, each at
 * the level it describes.
 */
const keywords: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: [
    'PatientName',
    'PatientID',
    'IssuerOfPatientID',
    'PatientBirthDate',
    'PatientBirthTime',
    'PatientSex',
    'OtherPatientIDs',
    'OtherPatientNames',
    'EthnicGroup',
    'PatientComments',
  ],
  STUDY: [
    'StudyInstanceUID',
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
    'StudyID',
    'StudyDescription',
    'ReferringPhysicianName',
    'NameOfPhysiciansReadingStudy',
    'AdmittingDiagnosesDescription',
    'ProcedureCodeSequence',
    'IssuerOfAccessionNumberSequence',
    'PatientAge',
    'PatientSize',
    'PatientWeight',
    'Occupation',
    'AdditionalPatientHistory',
    'InstitutionName',
  ],
  SERIES: [
    'SeriesInstanceUID',
    'SeriesNumber',
    'Modality',
    'SeriesDate',
    'SeriesTime',
    'SeriesDescription',
    'BodyPartExamined',
    'Laterality',
    'PatientPosition',
    'ProtocolName',
    'OperatorsName',
    'PerformingPhysicianName',
    'InstitutionalDepartmentName',
    'StationName',
    'Manufacturer',
    'ManufacturerModelName',
    'DeviceSerialNumber',
    'SoftwareVersions',
    'FrameOfReferenceUID',
    'PerformedProcedureStepID',
    'PerformedProcedureStepStartDate',
    'PerformedProcedureStepStartTime',
    'PerformedProcedureStepDescription',
    'RequestAttributesSequence',
  ],
  IMAGE: [
    'SOPInstanceUID',
    'SOPClassUID',
    'InstanceNumber',
    'ImageType',
    'AcquisitionNumber',
    'AcquisitionDate',
    'AcquisitionTime',
    'AcquisitionDateTime',
    'ContentDate',
    'ContentTime',
    'InstanceCreationDate',
    'InstanceCreationTime',
    'Rows',
    'Columns',
    'BitsAllocated',
    'NumberOfFrames',
    'ImagePositionPatient',
    'ImageOrientationPatient',
    'SliceLocation',
    'PixelSpacing',
    'CompletionFlag',
    'VerificationFlag',
    'ConceptNameCodeSequence',
  ],
};

/** Keys whose values the archive works out itself, at the level they are asked at. */
const computed: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: [
    'NumberOfPatientRelatedStudies',
    'NumberOfPatientRelatedSeries',
    'NumberOfPatientRelatedInstances',
  ],
  STUDY: [
    'ModalitiesInStudy',
    'SOPClassesInStudy',
    'NumberOfStudyRelatedSeries',
    'NumberOfStudyRelatedInstances',
  ],
  SERIES: ['NumberOfSeriesRelatedInstances'],
  IMAGE: [],
};

/** From the top of the hierarchy to its bottom (PS3.4 §C.6). */
const queryLevels: readonly QueryLevel[] = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'];

function hexKeys(names: Iterable<string>): ReadonlySet<string> {
  return new Set([...names].flatMap((name) => parseTag(name) ?? []).map(tagToHex));
}

const computedKeys = hexKeys(Object.values(computed).flat());

function storedKeys(level: QueryLevel): ReadonlySet<string> {
  const above = queryLevels.slice(0, queryLevels.indexOf(level)).flatMap((upper) => keywords[upper]);
  const own = new Set([...keywords[level], ...returnKeys(level)]);
  for (const keyword of above) own.delete(keyword);
  return new Set([...hexKeys(own)].filter((key) => !computedKeys.has(key)));
}

const stored: Readonly<Record<QueryLevel, ReadonlySet<string>>> = {
  PATIENT: storedKeys('PATIENT'),
  STUDY: storedKeys('STUDY'),
  SERIES: storedKeys('SERIES'),
  IMAGE: storedKeys('IMAGE'),
};

const CHARACTER_SET_KEY = '00080005';

/** Tags to read from an object's header. */
export const indexedTags: readonly Tag[] = [
  ...new Set([CHARACTER_SET_KEY, ...queryLevels.flatMap((level) => [...stored[level]])]),
].map((hex) => Number.parseInt(hex, 16));

/** A header divided by what its attributes describe. */
export function attributesByLevel(header: Attributes): Readonly<Record<QueryLevel, Attributes>> {
  const parts: Record<QueryLevel, Record<string, JsonAttribute>> = {
    PATIENT: {},
    STUDY: {},
    SERIES: {},
    IMAGE: {},
  };
  for (const key of Object.keys(header)) {
    for (const level of queryLevels) if (stored[level].has(key)) parts[level][key] = header[key]!;
  }
  return parts;
}

/** Keys that a query at a level is matched by: those of the level, of the levels above, and the computed ones. */
export const matchingKeys: Readonly<Record<QueryLevel, ReadonlySet<string>>> = (() => {
  const upTo = (level: QueryLevel) => {
    const levels = queryLevels.slice(0, queryLevels.indexOf(level) + 1);
    const computedHere = hexKeys(levels.flatMap((each) => computed[each]));
    return new Set([...levels.flatMap((each) => [...stored[each]]), ...computedHere]);
  };
  return { PATIENT: upTo('PATIENT'), STUDY: upTo('STUDY'), SERIES: upTo('SERIES'), IMAGE: upTo('IMAGE') };
})();
