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
import { mrPicture } from '../picture.ts';
import { type Kind, pictureOptions } from './kind.ts';

/** MR Image Storage (PS3.3 §A.4): a T1-weighted spin echo. */
export const mr: Kind = {
  sopClassUid: SopClass.MrImageStorage,
  defaults: { rows: 256, columns: 256, multiFrame: false },
  picture: (context) => mrPicture(pictureOptions(context)),
  attributes: (context, picture) => ({
    ...patientAndStudy(context),
    ...generalSeries(context, 'MR'),
    PatientPosition: 'HFS',
    ...frameOfReference(context),
    ...equipment(context, 'Phantom MR'),
    ...generalImage(context, ['ORIGINAL', 'PRIMARY', 'OTHER']),
    ...imagePlane(context),
    ...imagePixel(picture!, 12),
    // MR Image (C.8.3.1).
    ScanningSequence: 'SE',
    SequenceVariant: 'NONE',
    ScanOptions: '',
    MRAcquisitionType: '2D',
    SequenceName: 'se2d1',
    RepetitionTime: 500,
    EchoTime: 14,
    EchoTrainLength: 1,
    NumberOfAverages: 1,
    ImagingFrequency: 63.87,
    ImagedNucleus: '1H',
    EchoNumbers: 1,
    MagneticFieldStrength: 1.5,
    SpacingBetweenSlices: imagePlane(context).SliceThickness,
    NumberOfPhaseEncodingSteps: 256,
    PercentSampling: 100,
    PercentPhaseFieldOfView: 100,
    PixelBandwidth: 150,
    ReceiveCoilName: 'PHANTOM',
    AcquisitionMatrix: [0, context.columns, context.rows, 0],
    InPlanePhaseEncodingDirection: 'ROW',
    FlipAngle: 90,
    VariableFlipAngleFlag: 'N',
    SAR: 0.1,
    // VOI LUT (C.11.2).
    WindowCenter: 500,
    WindowWidth: 1000,
    ...sopCommon(context, mr.sopClassUid),
  }),
};
