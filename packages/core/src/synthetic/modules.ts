import type { AttributesInput } from '../data/attribute-access.ts';
import type { InstanceContext } from './instance-context.ts';
import type { Picture } from './picture.ts';

/*
 * Modules of PS3.3 as generated objects fill them. Each function is one module, or the ones that always come together.
 */

/** A length with four decimals, so that as DS it never needs more than 16 characters (PS3.5 §6.2). */
function decimal(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** An item of a code sequence (PS3.3 §8). */
export function code(value: string, scheme: string, meaning: string): AttributesInput {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

/** AS from two dates; undefined when one is missing. */
function ageAt(birthDate: string, date: string): string | undefined {
  if (birthDate.length !== 8 || date.length !== 8) return undefined;
  const years =
    Number(date.slice(0, 4)) - Number(birthDate.slice(0, 4)) - (date.slice(4) < birthDate.slice(4) ? 1 : 0);
  return `${String(years).padStart(3, '0')}Y`;
}

/** Patient (C.7.1.1), General Study (C.7.2.1), Patient Study (C.7.2.2). */
export function patientAndStudy({ patient, study, studyInstanceUid }: InstanceContext): AttributesInput {
  return {
    PatientName: patient.name,
    PatientID: patient.id,
    PatientBirthDate: patient.birthDate,
    PatientSex: patient.sex,
    PatientAge: ageAt(patient.birthDate, study.date),
    StudyInstanceUID: studyInstanceUid,
    StudyDate: study.date,
    StudyTime: study.time,
    ReferringPhysicianName: study.referringPhysicianName,
    StudyID: study.id,
    AccessionNumber: study.accessionNumber,
    StudyDescription: study.description,
  };
}

/** What every series module has. Each series begins two minutes after the one before. */
export function seriesIdentification(context: InstanceContext, modality: string): AttributesInput {
  return {
    Modality: modality,
    SeriesInstanceUID: context.seriesInstanceUid,
    SeriesNumber: context.seriesNumber,
    SeriesDate: context.study.date,
    SeriesTime: context.timeAfter(120 * context.seriesNumber),
    SeriesDescription: context.description,
  };
}

/** General Series (C.7.3.1). */
export function generalSeries(context: InstanceContext, modality: string): AttributesInput {
  const { study, description, bodyPart } = context;
  return {
    ...seriesIdentification(context, modality),
    BodyPartExamined: bodyPart,
    ProtocolName: description,
    OperatorsName: 'Operator^Synthetic',
    PerformedProcedureStepID: study.id,
    PerformedProcedureStepStartDate: study.date,
    PerformedProcedureStepStartTime: context.timeAfter(0),
    PerformedProcedureStepDescription: study.description,
    RequestAttributesSequence: [
      {
        AccessionNumber: study.accessionNumber,
        RequestedProcedureID: study.id,
        RequestedProcedureDescription: study.description,
        ScheduledProcedureStepID: study.id,
        ScheduledProcedureStepDescription: study.description,
      },
    ],
    ReferencedPerformedProcedureStepSequence: [
      {
        // Modality Performed Procedure Step SOP Class.
        ReferencedSOPClassUID: '1.2.840.10008.3.1.2.3.3',
        ReferencedSOPInstanceUID: context.uid('performed procedure step'),
      },
    ],
  };
}

/** General Equipment (C.7.5.1), Enhanced General Equipment (C.7.5.2). */
export function equipment({ study, seed }: InstanceContext, model: string): AttributesInput {
  return {
    Manufacturer: 'ADIT',
    InstitutionName: study.institutionName,
    InstitutionalDepartmentName: 'Radiology',
    StationName: `STATION_${model.toUpperCase().replaceAll(/[^A-Z]/g, '')}`.slice(0, 16),
    ManufacturerModelName: model,
    DeviceSerialNumber: `SN-${seed}`.slice(0, 64),
    SoftwareVersions: '1',
  };
}

/** SOP Common (C.12.1). */
export function sopCommon(context: InstanceContext, sopClassUid: string): AttributesInput {
  return {
    SOPClassUID: sopClassUid,
    SOPInstanceUID: context.sopInstanceUid,
    InstanceNumber: context.instanceNumber,
    InstanceCreationDate: context.study.date,
    InstanceCreationTime: context.timeAfter(120 * context.seriesNumber + 60),
  };
}

/** General Image (C.7.6.1). */
export function generalImage(context: InstanceContext, imageType: readonly string[]): AttributesInput {
  const time = context.timeAfter(120 * context.seriesNumber + Math.floor(context.instanceNumber / 8));
  return {
    ImageType: imageType,
    AcquisitionNumber: 1,
    AcquisitionDate: context.study.date,
    AcquisitionTime: time,
    ContentDate: context.study.date,
    ContentTime: time,
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
  };
}

/** Frame of Reference (C.7.4.1). */
export function frameOfReference({ frameOfReferenceUid }: InstanceContext): AttributesInput {
  return { FrameOfReferenceUID: frameOfReferenceUid, PositionReferenceIndicator: '' };
}

/** Image Pixel (C.7.6.3). */
export function imagePixel(
  { rows, columns, samplesPerPixel, bytesPerSample }: Picture,
  bitsStored: number,
): AttributesInput {
  return {
    SamplesPerPixel: samplesPerPixel,
    PhotometricInterpretation: samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
    PlanarConfiguration: samplesPerPixel === 3 ? 0 : undefined,
    Rows: rows,
    Columns: columns,
    BitsAllocated: 8 * bytesPerSample,
    BitsStored: bitsStored,
    HighBit: bitsStored - 1,
    PixelRepresentation: 0,
  };
}

/** How a volume lies in space: what Image Plane (C.7.6.2) and its functional groups are filled from. */
export interface VolumeGeometry {
  readonly pixelSpacing: readonly [row: number, column: number];
  readonly orientation: readonly number[];
  readonly sliceThickness: number;
  /** Image Position (Patient) of a slice, counted from 0. */
  position(slice: number): readonly number[];
  /** Slice Location of a slice, counted from 0. */
  location(slice: number): number;
}

/** Transversal slices, feet first in the table's sense: the first is the highest. Lengths in millimetres. */
export function volumeGeometry({ rows, columns, body }: InstanceContext, slices: number): VolumeGeometry {
  const width = body === 'head' ? 240 : 400;
  const depth = body === 'head' ? 180 : 320;
  const columnSpacing = width / columns;
  const spacing = depth / slices;
  const z = (slice: number) => depth / 2 - (slice + 0.5) * spacing;
  return {
    pixelSpacing: [decimal(columnSpacing), decimal(columnSpacing)],
    orientation: [1, 0, 0, 0, 1, 0],
    sliceThickness: decimal(spacing),
    position: (slice) => [
      decimal(-width / 2 + columnSpacing / 2),
      decimal((-rows * columnSpacing) / 2 + columnSpacing / 2),
      decimal(z(slice)),
    ],
    location: (slice) => decimal(z(slice)),
  };
}

/** Image Plane (C.7.6.2) of the one slice an instance holds. */
export function imagePlane(context: InstanceContext): AttributesInput {
  const geometry = volumeGeometry(context, context.instances);
  const slice = context.instanceNumber - 1;
  return {
    PixelSpacing: geometry.pixelSpacing,
    ImageOrientationPatient: geometry.orientation,
    ImagePositionPatient: geometry.position(slice),
    SliceThickness: geometry.sliceThickness,
    SliceLocation: geometry.location(slice),
  };
}
