import { SopClass } from '../../data/sop-class.ts';
import { ctPicture } from '../picture.ts';
import { enhancedAttributes } from './enhanced.ts';
import { type Kind, pictureOptions } from './kind.ts';

/** Enhanced CT Image Storage (PS3.3 §A.38.1): a spiral acquisition. */
export const enhancedCt: Kind = {
  sopClassUid: SopClass.EnhancedCtImageStorage,
  defaults: { rows: 512, columns: 512, multiFrame: true },
  picture: (context) => ctPicture(pictureOptions(context)),
  attributes: (context, picture) =>
    enhancedAttributes(context, picture!, {
      sopClassUid: enhancedCt.sopClassUid,
      modality: 'CT',
      model: 'Phantom CT',
      imageType: ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'],
      imageDescription: {},
      image: {},
      frameTypeGroup: 'CTImageFrameTypeSequence',
      // Functional group macros of C.8.15.3.
      shared: ({ pixelSpacing }) => ({
        PixelValueTransformationSequence: [{ RescaleIntercept: -1024, RescaleSlope: 1, RescaleType: 'HU' }],
        FrameVOILUTSequence: [{ WindowCenter: 40, WindowWidth: 400 }],
        CTAcquisitionTypeSequence: [
          { AcquisitionType: 'SPIRAL', ConstantVolumeFlag: 'NO', FluoroscopyFlag: 'NO' },
        ],
        CTAcquisitionDetailsSequence: [
          {
            RotationDirection: 'CW',
            RevolutionTime: 0.5,
            SingleCollimationWidth: 0.6,
            TotalCollimationWidth: 38.4,
            TableHeight: 150,
            GantryDetectorTilt: 0,
            DataCollectionDiameter: 500,
          },
        ],
        CTTableDynamicsSequence: [{ TableSpeed: 76.8, TableFeedPerRotation: 38.4, SpiralPitchFactor: 1 }],
        CTGeometrySequence: [{ DistanceSourceToDetector: 1085.6, DistanceSourceToDataCollectionCenter: 595 }],
        CTReconstructionSequence: [
          {
            ReconstructionAlgorithm: 'FILTER_BACK_PROJ',
            ConvolutionKernel: 'B30f',
            ConvolutionKernelGroup: 'SOFT_TISSUE',
            ReconstructionDiameter: context.body === 'head' ? 240 : 400,
            ReconstructionPixelSpacing: pixelSpacing,
            ReconstructionAngle: 360,
            ImageFilter: 'NONE',
          },
        ],
        CTExposureSequence: [
          {
            ExposureTimeInms: 500,
            XRayTubeCurrentInmA: 200,
            ExposureInmAs: 100,
            ExposureModulationType: 'NONE',
          },
        ],
        CTXRayDetailsSequence: [
          {
            KVP: 120,
            FocalSpots: 1.2,
            FilterType: 'FLAT',
            FilterMaterial: 'ALUMINUM',
          },
        ],
        IrradiationEventIdentificationSequence: [{ IrradiationEventUID: context.uid('irradiation event') }],
      }),
      perFrame: (frame, { location }) => ({
        CTPositionSequence: [
          {
            TablePosition: location(frame),
            DataCollectionCenterPatient: [0, 0, location(frame)],
            ReconstructionTargetCenterPatient: [0, 0, location(frame)],
          },
        ],
      }),
    }),
};
