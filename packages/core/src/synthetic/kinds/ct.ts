import { SopClass } from '../../data/sop-class.ts';
import {
  equipment,
  frameOfReference,
  generalImage,
  generalSeries,
  imagePixel,
  imagePlane,
  patientAndStudy,
  sopCommon,
} from '../modules.ts';
import { ctPicture } from '../picture.ts';
import { type Kind, pictureOptions } from './kind.ts';

/** CT Image Storage (PS3.3 §A.3). */
export const ct: Kind = {
  sopClassUid: SopClass.CtImageStorage,
  defaults: { rows: 512, columns: 512, multiFrame: false },
  picture: (context) => ctPicture(pictureOptions(context)),
  attributes: (context, picture) => ({
    ...patientAndStudy(context),
    ...generalSeries(context, 'CT'),
    PatientPosition: 'HFS',
    ...frameOfReference(context),
    ...equipment(context, 'Phantom CT'),
    ...generalImage(context, ['ORIGINAL', 'PRIMARY', 'AXIAL']),
    ...imagePlane(context),
    ...imagePixel(picture!, 12),
    // CT Image (C.8.2.1).
    RescaleIntercept: -1024,
    RescaleSlope: 1,
    RescaleType: 'HU',
    KVP: 120,
    ScanOptions: 'HELICAL',
    DataCollectionDiameter: 500,
    ReconstructionDiameter: context.body === 'head' ? 240 : 400,
    GantryDetectorTilt: 0,
    TableHeight: 150,
    RotationDirection: 'CW',
    ExposureTime: 500,
    XRayTubeCurrent: 200,
    Exposure: 100,
    FilterType: 'BODY',
    ConvolutionKernel: 'B30f',
    // VOI LUT (C.11.2).
    WindowCenter: 40,
    WindowWidth: context.body === 'head' ? 80 : 400,
    ...sopCommon(context, ct.sopClassUid),
  }),
};
