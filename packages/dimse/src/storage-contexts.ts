import { registeredUid, SopClass, storageSopClasses, TransferSyntax } from '@adit/core';
import type { ContextRequest } from './presentation-context.ts';

/**
 * Transfer syntaxes an object may be stored in, the likely ones first. JPIP is left out: its objects hold references to
 * pixels elsewhere.
 */
const IMAGE_SYNTAXES: readonly string[] = [
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.JpegLosslessSv1,
  TransferSyntax.Jpeg2000Lossless,
  TransferSyntax.JpegBaseline8Bit,
  TransferSyntax.JpegLsLossless,
  TransferSyntax.Jpeg2000,
  TransferSyntax.RleLossless,
  TransferSyntax.JpegExtended12Bit,
  TransferSyntax.JpegLsNearLossless,
  TransferSyntax.JpegLossless,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
  TransferSyntax.HighThroughputJpeg2000Lossless,
  TransferSyntax.HighThroughputJpeg2000LosslessRpcl,
  TransferSyntax.HighThroughputJpeg2000,
  TransferSyntax.JpegXlLossless,
  TransferSyntax.JpegXlJpegRecompression,
  TransferSyntax.JpegXl,
  TransferSyntax.Mpeg4High41,
  TransferSyntax.Mpeg4High41Bd,
  TransferSyntax.Mpeg2MainLevel,
  TransferSyntax.Mpeg2HighLevel,
  TransferSyntax.HevcMain51,
  TransferSyntax.HevcMain1051,
  TransferSyntax.Mpeg4High42For2d,
  TransferSyntax.Mpeg4High42For3d,
  TransferSyntax.Mpeg4High42Stereo,
  TransferSyntax.Jpeg2000McLossless,
  TransferSyntax.Jpeg2000Mc,
  TransferSyntax.EncapsulatedUncompressedExplicitVrLittleEndian,
  TransferSyntax.DeflatedImageFrameCompression,
  TransferSyntax.Mpeg4High41Fragmentable,
  TransferSyntax.Mpeg4High41BdFragmentable,
  TransferSyntax.Mpeg2MainLevelFragmentable,
  TransferSyntax.Mpeg2HighLevelFragmentable,
  TransferSyntax.Mpeg4High42For2dFragmentable,
  TransferSyntax.Mpeg4High42For3dFragmentable,
  TransferSyntax.Mpeg4High42StereoFragmentable,
];

/** Of objects without pixel data. */
const NATIVE_SYNTAXES: readonly string[] = [
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
];

/** Names of SOP classes whose objects have no pixel data. */
const WITHOUT_PIXELS =
  /\bSR\b|Structured|Report|Presentation State|Waveform|Encapsulated|Key Object|Registration|Fiducials|Measurement|Structure Set|Plan|Treatment Record|Raw Data|Spectroscopy|Real World Value|Protocol|Audio|Lens|Refraction|Acuity|Autorefraction|Keratometry|Tractography|Surface|Point Cloud|Bulk/;

function syntaxesOf(sopClassUid: string): readonly string[] {
  const name = registeredUid(sopClassUid)?.name ?? '';
  return WITHOUT_PIXELS.test(name) ? NATIVE_SYNTAXES : IMAGE_SYNTAXES;
}

/** Associations tried for one retrieval. */
const MAXIMUM_ROUNDS = 5;

/**
 * Plans the storage contexts of a retrieval whose SOP classes are known: one transfer syntax each, so that an object comes
 * as it is stored, this side as SCP. They come in rounds, one an association, the likely syntaxes of all classes first; the
 * later rounds are for what the earlier ones did not bring.
 *
 * @param places contexts that an association has room for
 */
export function planStorageContexts(sopClassUids: readonly string[], places: number): ContextRequest[][] {
  return inRounds(likelySyntaxesFirst(sopClassUids), places).slice(0, MAXIMUM_ROUNDS);
}

/**
 * The same for a study whose server does not tell its SOP classes: first those of its modalities and what may be found in
 * any study, then all other classes of the standard that are in use, uncompressed.
 */
export function guessStorageContexts(modalities: readonly string[], places: number): ContextRequest[][] {
  const likely = new Set([...modalities.flatMap((modality) => BY_MODALITY[modality] ?? []), ...ANYWHERE]);
  const others = storageSopClasses()
    .filter((entry) => !entry.retired && !likely.has(entry.uid))
    .map((entry) => entry.uid);
  const [first = [], ...rest] = inRounds(likelySyntaxesFirst([...likely]), places);
  return [first, ...inRounds(likelySyntaxesFirst(others), places).slice(0, 2), ...rest].slice(
    0,
    MAXIMUM_ROUNDS,
  );
}

function likelySyntaxesFirst(sopClassUids: readonly string[]): ContextRequest[] {
  const requests: ContextRequest[] = [];
  for (let rank = 0; rank < IMAGE_SYNTAXES.length; rank++) {
    for (const abstractSyntax of sopClassUids) {
      const transferSyntax = syntaxesOf(abstractSyntax)[rank];
      if (transferSyntax === undefined) continue;
      requests.push({ abstractSyntax, transferSyntaxes: [transferSyntax], role: 'scp' });
    }
  }
  return requests;
}

function inRounds(requests: readonly ContextRequest[], places: number): ContextRequest[][] {
  const rounds: ContextRequest[][] = [];
  for (let at = 0; at < requests.length; at += places) rounds.push(requests.slice(at, at + places));
  return rounds;
}

/** What devices of a modality make. */
const BY_MODALITY: Readonly<Record<string, readonly string[]>> = {
  CR: [SopClass.ComputedRadiographyImageStorage],
  CT: [
    SopClass.CtImageStorage,
    SopClass.EnhancedCtImageStorage,
    SopClass.LegacyConvertedEnhancedCtImageStorage,
    SopClass.XRayRadiationDoseSrStorage,
  ],
  DX: [SopClass.DigitalXRayImageStorageForPresentation, SopClass.DigitalXRayImageStorageForProcessing],
  ECG: [SopClass.TwelveLeadEcgWaveformStorage, SopClass.GeneralEcgWaveformStorage],
  ES: [SopClass.VlEndoscopicImageStorage, SopClass.VideoEndoscopicImageStorage],
  KO: [SopClass.KeyObjectSelectionDocumentStorage],
  MG: [
    SopClass.DigitalMammographyImageStorageForPresentation,
    SopClass.DigitalMammographyImageStorageForProcessing,
    SopClass.BreastTomosynthesisImageStorage,
    SopClass.MammographyCadSrStorage,
  ],
  MR: [
    SopClass.MrImageStorage,
    SopClass.EnhancedMrImageStorage,
    SopClass.MrSpectroscopyStorage,
    SopClass.EnhancedMrColorImageStorage,
    SopClass.LegacyConvertedEnhancedMrImageStorage,
  ],
  NM: [SopClass.NuclearMedicineImageStorage],
  OP: [SopClass.OphthalmicPhotography8BitImageStorage, SopClass.OphthalmicPhotography16BitImageStorage],
  OPT: [SopClass.OphthalmicTomographyImageStorage],
  PR: [
    SopClass.GrayscaleSoftcopyPresentationStateStorage,
    SopClass.ColorSoftcopyPresentationStateStorage,
    SopClass.BlendingSoftcopyPresentationStateStorage,
  ],
  PT: [
    SopClass.PositronEmissionTomographyImageStorage,
    SopClass.EnhancedPetImageStorage,
    SopClass.LegacyConvertedEnhancedPetImageStorage,
  ],
  REG: [SopClass.SpatialRegistrationStorage],
  RF: [SopClass.XRayRadiofluoroscopicImageStorage, SopClass.EnhancedXrfImageStorage],
  RTDOSE: [SopClass.RtDoseStorage],
  RTIMAGE: [SopClass.RtImageStorage],
  RTPLAN: [SopClass.RtPlanStorage, SopClass.RtIonPlanStorage],
  RTRECORD: [SopClass.RtBeamsTreatmentRecordStorage],
  RTSTRUCT: [SopClass.RtStructureSetStorage],
  SEG: [SopClass.SegmentationStorage, SopClass.SurfaceSegmentationStorage],
  SM: [SopClass.VlWholeSlideMicroscopyImageStorage],
  US: [
    SopClass.UltrasoundImageStorage,
    SopClass.UltrasoundMultiFrameImageStorage,
    SopClass.EnhancedUsVolumeStorage,
  ],
  XA: [
    SopClass.XRayAngiographicImageStorage,
    SopClass.EnhancedXaImageStorage,
    SopClass.XRay3dAngiographicImageStorage,
  ],
  XC: [SopClass.VlPhotographicImageStorage],
};

/** What may be found in a study of any modality. */
const ANYWHERE: readonly string[] = [
  SopClass.SecondaryCaptureImageStorage,
  SopClass.MultiFrameTrueColorSecondaryCaptureImageStorage,
  SopClass.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
  SopClass.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
  SopClass.MultiFrameSingleBitSecondaryCaptureImageStorage,
  SopClass.BasicTextSrStorage,
  SopClass.EnhancedSrStorage,
  SopClass.ComprehensiveSrStorage,
  SopClass.KeyObjectSelectionDocumentStorage,
  SopClass.GrayscaleSoftcopyPresentationStateStorage,
  SopClass.EncapsulatedPdfStorage,
  SopClass.RawDataStorage,
];
