/** UIDs of the transfer syntaxes in PS3.6 Annex A. */
export const TransferSyntax = {
  ImplicitVrLittleEndian: '1.2.840.10008.1.2',
  ExplicitVrLittleEndian: '1.2.840.10008.1.2.1',
  EncapsulatedUncompressedExplicitVrLittleEndian: '1.2.840.10008.1.2.1.98',
  DeflatedExplicitVrLittleEndian: '1.2.840.10008.1.2.1.99',
  ExplicitVrBigEndian: '1.2.840.10008.1.2.2',
  JpegBaseline8Bit: '1.2.840.10008.1.2.4.50',
  JpegExtended12Bit: '1.2.840.10008.1.2.4.51',
  JpegLossless: '1.2.840.10008.1.2.4.57',
  JpegLosslessSv1: '1.2.840.10008.1.2.4.70',
  JpegLsLossless: '1.2.840.10008.1.2.4.80',
  JpegLsNearLossless: '1.2.840.10008.1.2.4.81',
  Jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
  Jpeg2000: '1.2.840.10008.1.2.4.91',
  Jpeg2000McLossless: '1.2.840.10008.1.2.4.92',
  Jpeg2000Mc: '1.2.840.10008.1.2.4.93',
  JpipReferenced: '1.2.840.10008.1.2.4.94',
  JpipReferencedDeflate: '1.2.840.10008.1.2.4.95',
  Mpeg2MainLevel: '1.2.840.10008.1.2.4.100',
  Mpeg2MainLevelFragmentable: '1.2.840.10008.1.2.4.100.1',
  Mpeg2HighLevel: '1.2.840.10008.1.2.4.101',
  Mpeg2HighLevelFragmentable: '1.2.840.10008.1.2.4.101.1',
  Mpeg4High41: '1.2.840.10008.1.2.4.102',
  Mpeg4High41Fragmentable: '1.2.840.10008.1.2.4.102.1',
  Mpeg4High41Bd: '1.2.840.10008.1.2.4.103',
  Mpeg4High41BdFragmentable: '1.2.840.10008.1.2.4.103.1',
  Mpeg4High42For2d: '1.2.840.10008.1.2.4.104',
  Mpeg4High42For2dFragmentable: '1.2.840.10008.1.2.4.104.1',
  Mpeg4High42For3d: '1.2.840.10008.1.2.4.105',
  Mpeg4High42For3dFragmentable: '1.2.840.10008.1.2.4.105.1',
  Mpeg4High42Stereo: '1.2.840.10008.1.2.4.106',
  Mpeg4High42StereoFragmentable: '1.2.840.10008.1.2.4.106.1',
  HevcMain51: '1.2.840.10008.1.2.4.107',
  HevcMain1051: '1.2.840.10008.1.2.4.108',
  JpegXlLossless: '1.2.840.10008.1.2.4.110',
  JpegXlJpegRecompression: '1.2.840.10008.1.2.4.111',
  JpegXl: '1.2.840.10008.1.2.4.112',
  HighThroughputJpeg2000Lossless: '1.2.840.10008.1.2.4.201',
  HighThroughputJpeg2000LosslessRpcl: '1.2.840.10008.1.2.4.202',
  HighThroughputJpeg2000: '1.2.840.10008.1.2.4.203',
  JpipHtj2kReferenced: '1.2.840.10008.1.2.4.204',
  JpipHtj2kReferencedDeflate: '1.2.840.10008.1.2.4.205',
  RleLossless: '1.2.840.10008.1.2.5',
  SmpteProgressiveVideo: '1.2.840.10008.1.2.7.1',
  SmpteInterlacedVideo: '1.2.840.10008.1.2.7.2',
  SmptePcmAudio: '1.2.840.10008.1.2.7.3',
  DeflatedImageFrameCompression: '1.2.840.10008.1.2.8.1',
} as const;

/** How a data set is encoded (PS3.5 §10 and Annex A). */
export interface TransferSyntaxProperties {
  uid: string;
  /** The name in PS3.6 Annex A. */
  name: string;
  explicitVr: boolean;
  littleEndian: boolean;
  /** The whole data set is one raw deflate stream (PS3.5 §A.5). */
  deflated: boolean;
  /** Pixel data are a sequence of fragments (PS3.5 §A.4). */
  encapsulated: boolean;
}

const names: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2': 'Implicit VR Little Endian',
  '1.2.840.10008.1.2.1': 'Explicit VR Little Endian',
  '1.2.840.10008.1.2.1.98': 'Encapsulated Uncompressed Explicit VR Little Endian',
  '1.2.840.10008.1.2.1.99': 'Deflated Explicit VR Little Endian',
  '1.2.840.10008.1.2.2': 'Explicit VR Big Endian',
  '1.2.840.10008.1.2.4.50': 'JPEG Baseline (Process 1)',
  '1.2.840.10008.1.2.4.51': 'JPEG Extended (Process 2 and 4)',
  '1.2.840.10008.1.2.4.52': 'JPEG Extended (Process 3 and 5)',
  '1.2.840.10008.1.2.4.53': 'JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)',
  '1.2.840.10008.1.2.4.54': 'JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)',
  '1.2.840.10008.1.2.4.55': 'JPEG Full Progression, Non-Hierarchical (Process 10 and 12)',
  '1.2.840.10008.1.2.4.56': 'JPEG Full Progression, Non-Hierarchical (Process 11 and 13)',
  '1.2.840.10008.1.2.4.57': 'JPEG Lossless, Non-Hierarchical (Process 14)',
  '1.2.840.10008.1.2.4.58': 'JPEG Lossless, Non-Hierarchical (Process 15)',
  '1.2.840.10008.1.2.4.59': 'JPEG Extended, Hierarchical (Process 16 and 18)',
  '1.2.840.10008.1.2.4.60': 'JPEG Extended, Hierarchical (Process 17 and 19)',
  '1.2.840.10008.1.2.4.61': 'JPEG Spectral Selection, Hierarchical (Process 20 and 22)',
  '1.2.840.10008.1.2.4.62': 'JPEG Spectral Selection, Hierarchical (Process 21 and 23)',
  '1.2.840.10008.1.2.4.63': 'JPEG Full Progression, Hierarchical (Process 24 and 26)',
  '1.2.840.10008.1.2.4.64': 'JPEG Full Progression, Hierarchical (Process 25 and 27)',
  '1.2.840.10008.1.2.4.65': 'JPEG Lossless, Hierarchical (Process 28)',
  '1.2.840.10008.1.2.4.66': 'JPEG Lossless, Hierarchical (Process 29)',
  '1.2.840.10008.1.2.4.70':
    'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])',
  '1.2.840.10008.1.2.4.80': 'JPEG-LS Lossless Image Compression',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS Lossy (Near-Lossless) Image Compression',
  '1.2.840.10008.1.2.4.90': 'JPEG 2000 Image Compression (Lossless Only)',
  '1.2.840.10008.1.2.4.91': 'JPEG 2000 Image Compression',
  '1.2.840.10008.1.2.4.92': 'JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)',
  '1.2.840.10008.1.2.4.93': 'JPEG 2000 Part 2 Multi-component Image Compression',
  '1.2.840.10008.1.2.4.94': 'JPIP Referenced',
  '1.2.840.10008.1.2.4.95': 'JPIP Referenced Deflate',
  '1.2.840.10008.1.2.4.100': 'MPEG2 Main Profile / Main Level',
  '1.2.840.10008.1.2.4.100.1': 'Fragmentable MPEG2 Main Profile / Main Level',
  '1.2.840.10008.1.2.4.101': 'MPEG2 Main Profile / High Level',
  '1.2.840.10008.1.2.4.101.1': 'Fragmentable MPEG2 Main Profile / High Level',
  '1.2.840.10008.1.2.4.102': 'MPEG-4 AVC/H.264 High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.102.1': 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.103': 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.103.1': 'Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.104': 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video',
  '1.2.840.10008.1.2.4.104.1': 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video',
  '1.2.840.10008.1.2.4.105': 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video',
  '1.2.840.10008.1.2.4.105.1': 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video',
  '1.2.840.10008.1.2.4.106': 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2',
  '1.2.840.10008.1.2.4.106.1': 'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2',
  '1.2.840.10008.1.2.4.107': 'HEVC/H.265 Main Profile / Level 5.1',
  '1.2.840.10008.1.2.4.108': 'HEVC/H.265 Main 10 Profile / Level 5.1',
  '1.2.840.10008.1.2.4.110': 'JPEG XL Lossless',
  '1.2.840.10008.1.2.4.111': 'JPEG XL JPEG Recompression',
  '1.2.840.10008.1.2.4.112': 'JPEG XL',
  '1.2.840.10008.1.2.4.201': 'High-Throughput JPEG 2000 Image Compression (Lossless Only)',
  '1.2.840.10008.1.2.4.202': 'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)',
  '1.2.840.10008.1.2.4.203': 'High-Throughput JPEG 2000 Image Compression',
  '1.2.840.10008.1.2.4.204': 'JPIP HTJ2K Referenced',
  '1.2.840.10008.1.2.4.205': 'JPIP HTJ2K Referenced Deflate',
  '1.2.840.10008.1.2.5': 'RLE Lossless',
  '1.2.840.10008.1.2.7.1': 'SMPTE ST 2110-20 Uncompressed Progressive Active Video',
  '1.2.840.10008.1.2.7.2': 'SMPTE ST 2110-20 Uncompressed Interlaced Active Video',
  '1.2.840.10008.1.2.7.3': 'SMPTE ST 2110-30 PCM Digital Audio',
  '1.2.840.10008.1.2.8.1': 'Deflated Image Frame Compression',
};

/** Syntaxes whose pixel data are not fragments: native ones, and references to pixels elsewhere. */
const notEncapsulated = new Set<string>([
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
  TransferSyntax.JpipReferenced,
  TransferSyntax.JpipReferencedDeflate,
  TransferSyntax.JpipHtj2kReferenced,
  TransferSyntax.JpipHtj2kReferencedDeflate,
  TransferSyntax.SmpteProgressiveVideo,
  TransferSyntax.SmpteInterlacedVideo,
  TransferSyntax.SmptePcmAudio,
]);

const deflated = new Set<string>([
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.JpipReferencedDeflate,
  TransferSyntax.JpipHtj2kReferencedDeflate,
]);

function propertiesOf(uid: string, name: string): TransferSyntaxProperties {
  return {
    uid,
    name,
    explicitVr: uid !== TransferSyntax.ImplicitVrLittleEndian,
    littleEndian: uid !== TransferSyntax.ExplicitVrBigEndian,
    deflated: deflated.has(uid),
    encapsulated: !notEncapsulated.has(uid),
  };
}

const known = new Map(Object.entries(names).map(([uid, name]) => [uid, propertiesOf(uid, name)]));

/** What is known of a transfer syntax; undefined for one that PS3.6 Annex A does not list. */
export function transferSyntax(uid: string): TransferSyntaxProperties | undefined {
  return known.get(uid);
}

/**
 * What is known of a transfer syntax. One that is not listed is taken for explicit VR little endian with encapsulated
 * pixel data, as every syntax added to the standard since 1998 is (PS3.5 §A.4).
 */
export function transferSyntaxOrDefault(uid: string): TransferSyntaxProperties {
  return known.get(uid) ?? propertiesOf(uid, uid);
}
