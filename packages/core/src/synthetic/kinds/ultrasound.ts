import type { AttributesInput } from '../../data/attribute-access.ts';
import { SopClass } from '../../data/sop-class.ts';
import type { InstanceContext } from '../instance-context.ts';
import {
  equipment,
  generalImage,
  generalSeries,
  imagePixel,
  patientAndStudy,
  sopCommon,
} from '../modules.ts';
import { type Picture, ultrasoundPicture } from '../picture.ts';
import { type Kind, pictureOptions } from './kind.ts';

const MILLISECONDS_PER_FRAME = 40;

/** What the single picture and the clip have in common. */
function ultrasound(context: InstanceContext, picture: Picture): AttributesInput {
  const { rows, columns } = context;
  const centimetresPerPixel = 16 / rows;
  return {
    ...patientAndStudy(context),
    ...generalSeries(context, 'US'),
    ...equipment(context, 'Phantom US'),
    ...generalImage(context, ['ORIGINAL', 'PRIMARY', 'ABDOMINAL', '0001']),
    PatientOrientation: '',
    ...imagePixel(picture, 8),
    // US Region Calibration (C.8.5.5): the sector, as distances in tissue.
    SequenceOfUltrasoundRegions: [
      {
        RegionSpatialFormat: 1,
        RegionDataType: 1,
        RegionFlags: 0,
        RegionLocationMinX0: Math.round(0.03 * columns),
        RegionLocationMinY0: 0,
        RegionLocationMaxX1: Math.round(0.91 * columns),
        RegionLocationMaxY1: rows - 1,
        PhysicalUnitsXDirection: 3,
        PhysicalUnitsYDirection: 3,
        PhysicalDeltaX: centimetresPerPixel,
        PhysicalDeltaY: centimetresPerPixel,
      },
    ],
    // US Image (C.8.5.6).
    TransducerData: ['CURVED_C5', '', ''],
  };
}

/** Ultrasound Image Storage (PS3.3 §A.6). */
export const us: Kind = {
  sopClassUid: SopClass.UltrasoundImageStorage,
  defaults: { rows: 480, columns: 640, multiFrame: false },
  picture: (context) => ultrasoundPicture(pictureOptions(context)),
  attributes: (context, picture) => ({
    ...ultrasound(context, picture!),
    ...sopCommon(context, us.sopClassUid),
  }),
};

/** Ultrasound Multi-frame Image Storage (PS3.3 §A.7): the plane swings through the body and back. */
export const usMultiFrame: Kind = {
  sopClassUid: SopClass.UltrasoundMultiFrameImageStorage,
  defaults: { rows: 480, columns: 640, multiFrame: true },
  picture: (context) =>
    ultrasoundPicture(
      pictureOptions(context, (frame) => 0.45 + 0.1 * Math.sin((2 * Math.PI * frame) / context.frames)),
    ),
  attributes: (context, picture) => ({
    ...ultrasound(context, picture!),
    // Cine (C.7.6.5) and Multi-frame (C.7.6.6).
    NumberOfFrames: context.frames,
    FrameIncrementPointer: '00181063',
    FrameTime: MILLISECONDS_PER_FRAME,
    CineRate: 1000 / MILLISECONDS_PER_FRAME,
    ...sopCommon(context, usMultiFrame.sopClassUid),
  }),
};
