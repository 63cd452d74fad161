import { SopClass } from '../../data/sop-class.ts';
import { mrPicture } from '../picture.ts';
import { enhancedAttributes } from './enhanced.ts';
import { type Kind, pictureOptions } from './kind.ts';

/** Enhanced MR Image Storage (PS3.3 §A.36.2): a T1-weighted spin echo. */
export const enhancedMr: Kind = {
  sopClassUid: SopClass.EnhancedMrImageStorage,
  defaults: { rows: 256, columns: 256, multiFrame: true },
  picture: (context) => mrPicture(pictureOptions(context)),
  attributes: (context, picture) =>
    enhancedAttributes(context, picture!, {
      sopClassUid: enhancedMr.sopClassUid,
      modality: 'MR',
      model: 'Phantom MR',
      imageType: ['ORIGINAL', 'PRIMARY', 'T1', 'NONE'],
      imageDescription: { ComplexImageComponent: 'MAGNITUDE', AcquisitionContrast: 'T1' },
      image: {
        // Enhanced MR Image (C.8.13.1).
        ResonantNucleus: '1H',
        KSpaceFiltering: 'NONE',
        MagneticFieldStrength: 1.5,
        ApplicableSafetyStandardAgency: 'IEC',
        // MR Pulse Sequence (C.8.13.4).
        PulseSequenceName: 'se2d1',
        MRAcquisitionType: '2D',
        EchoPulseSequence: 'SPIN',
        MultipleSpinEcho: 'NO',
        MultiPlanarExcitation: 'NO',
        PhaseContrast: 'NO',
        TimeOfFlightContrast: 'NO',
        SteadyStatePulseSequence: 'NONE',
        EchoPlanarPulseSequence: 'NO',
        SaturationRecovery: 'NO',
        SpectrallySelectedSuppression: 'NONE',
        OversamplingPhase: 'NONE',
        GeometryOfKSpaceTraversal: 'RECTILINEAR',
        SegmentedKSpaceTraversal: 'SINGLE',
        RectilinearPhaseEncodeReordering: 'LINEAR',
        NumberOfKSpaceTrajectories: 1,
      },
      frameTypeGroup: 'MRImageFrameTypeSequence',
      // Functional group macros of C.8.13.5.
      shared: () => ({
        FrameVOILUTSequence: [{ WindowCenter: 500, WindowWidth: 1000 }],
        PixelValueTransformationSequence: [{ RescaleIntercept: 0, RescaleSlope: 1, RescaleType: 'US' }],
        MRTimingAndRelatedParametersSequence: [
          {
            RepetitionTime: 500,
            FlipAngle: 90,
            EchoTrainLength: 1,
            RFEchoTrainLength: 1,
            GradientEchoTrainLength: 0,
            GradientOutputType: 'DB_DT',
            GradientOutput: 10,
            SpecificAbsorptionRateSequence: [
              { SpecificAbsorptionRateDefinition: 'IEC_WHOLE_BODY', SpecificAbsorptionRateValue: 0.1 },
            ],
            OperatingModeSequence: [{ OperatingModeType: 'STATIC FIELD', OperatingMode: 'IEC_NORMAL' }],
          },
        ],
        MRFOVGeometrySequence: [
          {
            InPlanePhaseEncodingDirection: 'ROW',
            MRAcquisitionFrequencyEncodingSteps: context.columns,
            MRAcquisitionPhaseEncodingStepsInPlane: context.rows,
            PercentSampling: 100,
            PercentPhaseFieldOfView: 100,
          },
        ],
        MREchoSequence: [{ EffectiveEchoTime: 14 }],
        MRModifierSequence: [
          {
            InversionRecovery: 'NO',
            FlowCompensation: 'NONE',
            Spoiling: 'NONE',
            T2Preparation: 'NO',
            SpectrallySelectedExcitation: 'NONE',
            SpatialPresaturation: 'NONE',
            PartialFourier: 'NO',
            ParallelAcquisition: 'NO',
          },
        ],
        MRImagingModifierSequence: [
          {
            MagnetizationTransfer: 'NONE',
            BloodSignalNulling: 'NO',
            Tagging: 'NONE',
            TransmitterFrequency: 63.87,
            PixelBandwidth: 150,
          },
        ],
        MRReceiveCoilSequence: [
          {
            ReceiveCoilName: 'PHANTOM',
            ReceiveCoilManufacturerName: 'ADIT',
            ReceiveCoilType: 'VOLUME',
            QuadratureReceiveCoil: 'YES',
          },
        ],
        MRTransmitCoilSequence: [
          { TransmitCoilName: 'BODY', TransmitCoilManufacturerName: 'ADIT', TransmitCoilType: 'BODY' },
        ],
        MRAveragesSequence: [{ NumberOfAverages: 1 }],
      }),
    }),
};
