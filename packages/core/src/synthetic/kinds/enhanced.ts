import type { AttributesInput } from '../../data/attribute-access.ts';
import type { InstanceContext } from '../instance-context.ts';
import {
  code,
  equipment,
  frameOfReference,
  generalSeries,
  imagePixel,
  patientAndStudy,
  sopCommon,
  type VolumeGeometry,
  volumeGeometry,
} from '../modules.ts';
import type { Picture } from '../picture.ts';

/** A date and a time as DT, for attributes that must have a value even where the study has none. */
function dateTime({ study }: InstanceContext, time: string): string {
  return `${study.date || '19000101'}${time}`;
}

/** What Image Type and Frame Type say besides, at the object and at each frame (C.8.16.2). */
const commonImageDescription: AttributesInput = {
  PixelPresentation: 'MONOCHROME',
  VolumetricProperties: 'VOLUME',
  VolumeBasedCalculationTechnique: 'NONE',
};

/** What a modality adds to a multi-frame object. */
export interface EnhancedParts {
  readonly sopClassUid: string;
  readonly modality: string;
  readonly model: string;
  readonly imageType: readonly string[];
  /** Goes with `commonImageDescription`, at the object and in the frame type group. */
  readonly imageDescription: AttributesInput;
  /** Attributes of the modality's image module. */
  readonly image: AttributesInput;
  /** Keyword of the modality's frame type group. */
  readonly frameTypeGroup: string;
  /** The modality's functional groups that are the same in all frames. */
  shared(geometry: VolumeGeometry): AttributesInput;
  /** The modality's functional groups of a frame, counted from 0. */
  perFrame?(frame: number, geometry: VolumeGeometry): AttributesInput;
}

/** The functional group macros every generated volume has (C.7.6.16.2), as far as all frames share them. */
function sharedGroups(
  { body }: InstanceContext,
  geometry: VolumeGeometry,
  { imageType, imageDescription, frameTypeGroup, shared }: EnhancedParts,
): AttributesInput {
  return {
    PixelMeasuresSequence: [{ PixelSpacing: geometry.pixelSpacing, SliceThickness: geometry.sliceThickness }],
    PlaneOrientationSequence: [{ ImageOrientationPatient: geometry.orientation }],
    FrameAnatomySequence: [
      {
        FrameLaterality: 'U',
        AnatomicRegionSequence: [
          body === 'head' ? code('69536005', 'SCT', 'Head') : code('51185008', 'SCT', 'Chest'),
        ],
      },
    ],
    [frameTypeGroup]: [{ FrameType: imageType, ...commonImageDescription, ...imageDescription }],
    ...shared(geometry),
  };
}

/** The functional groups that differ from frame to frame. */
function frameGroups(
  context: InstanceContext,
  geometry: VolumeGeometry,
  frame: number,
  parts: EnhancedParts,
): AttributesInput {
  const time = dateTime(context, context.timeAfter(120 * context.seriesNumber + Math.floor(frame / 8)));
  return {
    FrameContentSequence: [
      {
        FrameAcquisitionNumber: 1,
        FrameReferenceDateTime: time,
        FrameAcquisitionDateTime: time,
        FrameAcquisitionDuration: 125,
        DimensionIndexValues: [1, frame + 1],
        StackID: '1',
        InStackPositionNumber: frame + 1,
      },
    ],
    PlanePositionSequence: [{ ImagePositionPatient: geometry.position(frame) }],
    ...parts.perFrame?.(frame, geometry),
  };
}

/** Multi-frame Dimension (C.7.6.17): a stack, and the place in it. */
function dimensions({ uid }: InstanceContext): AttributesInput {
  const organization = uid('dimension organization');
  // Both are found in the Frame Content group, (0020,9111).
  const index = (pointer: string, label: string) => ({
    DimensionOrganizationUID: organization,
    DimensionIndexPointer: pointer,
    FunctionalGroupPointer: '00209111',
    DimensionDescriptionLabel: label,
  });
  return {
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organization }],
    DimensionIndexSequence: [index('00209056', 'Stack ID'), index('00209057', 'In-Stack Position Number')],
  };
}

/** An object of several slices with functional groups: what Enhanced CT and Enhanced MR have in common. */
export function enhancedAttributes(
  context: InstanceContext,
  picture: Picture,
  parts: EnhancedParts,
): AttributesInput {
  const { frames, study } = context;
  const geometry = volumeGeometry(context, frames);
  const time = context.timeAfter(120 * context.seriesNumber);
  return {
    ...patientAndStudy(context),
    ...generalSeries(context, parts.modality),
    PatientPosition: 'HFS',
    ...frameOfReference(context),
    ...equipment(context, parts.model),
    ...imagePixel(picture, 12),
    ImageType: parts.imageType,
    ...commonImageDescription,
    ...parts.imageDescription,
    ...parts.image,
    ContentQualification: 'PRODUCT',
    AcquisitionNumber: 1,
    AcquisitionDateTime: dateTime(context, time),
    AcquisitionDuration: Math.ceil(frames / 8),
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
    PresentationLUTShape: 'IDENTITY',
    AcquisitionContextSequence: [],
    ...dimensions(context),
    // Multi-frame Functional Groups (C.7.6.16).
    ContentDate: study.date || '19000101',
    ContentTime: time || '000000',
    NumberOfFrames: frames,
    SharedFunctionalGroupsSequence: [sharedGroups(context, geometry, parts)],
    PerFrameFunctionalGroupsSequence: Array.from({ length: frames }, (_, frame) =>
      frameGroups(context, geometry, frame, parts),
    ),
    ...sopCommon(context, parts.sopClassUid),
  };
}
