import { TransferSyntax } from '../data/transfer-syntax.ts';
import { DicomError } from '../errors.ts';
import { type Codestream, type Decoder, loadCodecs } from './codecs.ts';
import { type CodestreamHeader, readJpeg2000Header, readJpegHeader } from './codestream-header.ts';
import { decodeRleFrame } from './decode-rle-frame.ts';
import { type FrameLayout, unsupported } from './image-attributes.ts';

/** How the frames of a transfer syntax are decoded. */
interface Compression {
  decoder: Decoder | 'rle';
  /** SOF markers a frame may have (ITU-T T.81 Table B.1). */
  startOfFrame?: readonly number[];
  /** Was made for YCbCr, which is how most of its colour images are stored (PS3.5 §8.2.1). */
  lossyJpeg?: boolean;
}

const lossyJpeg: Compression = {
  decoder: 'decodeJpeg',
  startOfFrame: [0xc0, 0xc1, 0xc2],
  lossyJpeg: true,
};
const losslessJpeg: Compression = { decoder: 'decodeJpeg', startOfFrame: [0xc3] };
const jpegLs: Compression = { decoder: 'decodeJpegLs', startOfFrame: [0xf7] };
const jpeg2000: Compression = { decoder: 'decodeJpeg2000' };
const htJpeg2000: Compression = { decoder: 'decodeHtJpeg2000' };

const compressions: ReadonlyMap<string, Compression> = new Map<string, Compression>([
  [TransferSyntax.JpegBaseline8Bit, lossyJpeg],
  [TransferSyntax.JpegExtended12Bit, lossyJpeg],
  [TransferSyntax.JpegLossless, losslessJpeg],
  [TransferSyntax.JpegLosslessSv1, losslessJpeg],
  [TransferSyntax.JpegLsLossless, jpegLs],
  [TransferSyntax.JpegLsNearLossless, jpegLs],
  [TransferSyntax.Jpeg2000Lossless, jpeg2000],
  [TransferSyntax.Jpeg2000, jpeg2000],
  [TransferSyntax.HighThroughputJpeg2000Lossless, htJpeg2000],
  [TransferSyntax.HighThroughputJpeg2000LosslessRpcl, htJpeg2000],
  [TransferSyntax.HighThroughputJpeg2000, htJpeg2000],
  [TransferSyntax.RleLossless, { decoder: 'rle' }],
]);

/** Can frames of this transfer syntax be decoded? */
export function isDecodable(transferSyntaxUid: string): boolean {
  return compressions.has(transferSyntaxUid);
}

/** Decodes frames of one transfer syntax. */
export interface FrameDecoder {
  oneFragmentEach: boolean;
  /** Photometric Interpretation (0028,0004) of the decoded frames. */
  photometricInterpretation(encoded: string | undefined): string | undefined;
  /** The frame as native pixel data have it, in little endian. Throws `MALFORMED`, `TRUNCATED`, `UNSUPPORTED`. */
  decode(frame: Uint8Array, layout: FrameLayout): Uint8Array;
}

/** Throws `UNSUPPORTED` where there is no decoder for the transfer syntax. */
export async function createFrameDecoder(transferSyntaxUid: string): Promise<FrameDecoder> {
  const compression = compressions.get(transferSyntaxUid);
  if (!compression) throw unsupported('there is no decoder for its transfer syntax');
  const { decoder } = compression;
  if (decoder === 'rle') {
    return {
      oneFragmentEach: true,
      photometricInterpretation: (encoded) => encoded,
      decode(frame, layout) {
        if (layout.photometricInterpretation === 'YBR_FULL_422')
          throw unsupported('its chrominance is subsampled');
        return arrange(decodeRleFrame(frame, layout), layout);
      },
    };
  }
  const run = await loadCodecs();
  return {
    oneFragmentEach: false,
    photometricInterpretation: (encoded) => decodedPhotometric(encoded, compression),
    decode(frame, layout) {
      const isJpeg2000 = decoder === 'decodeJpeg2000' || decoder === 'decodeHtJpeg2000';
      const header = isJpeg2000 ? readJpeg2000Header(frame) : readJpegHeader(frame);
      check(header, layout, compression);
      const codestream = describe(frame, header, layout, compression);
      const samples = run(decoder, codestream);
      const expected = layout.rows * layout.columns * layout.samplesPerPixel * (codestream.bits / 8);
      if (samples.length !== expected) {
        throw new DicomError('MALFORMED', 'A frame does not have the size that the data set says.');
      }
      const resized = resize(samples, codestream.bits, header, layout);
      return arrange(header.planar ? interleaved(resized, layout) : resized, layout);
    },
  };
}

function decodedPhotometric(encoded: string | undefined, compression: Compression): string | undefined {
  switch (encoded) {
    // The inverse of these is part of decoding (PS3.5 §8.2.4).
    case 'YBR_RCT':
    case 'YBR_ICT':
      return 'RGB';
    case 'YBR_FULL':
      return compression.lossyJpeg ? 'RGB' : encoded;
    case 'YBR_FULL_422':
      return compression.lossyJpeg ? 'RGB' : 'YBR_FULL';
    default:
      return encoded;
  }
}

/** The decoders believe what they are told, or read: nothing may be made up or read from beyond a frame. */
function check(header: CodestreamHeader, layout: FrameLayout, { startOfFrame }: Compression): void {
  if (
    header.rows !== layout.rows ||
    header.columns !== layout.columns ||
    header.components !== layout.samplesPerPixel
  ) {
    throw new DicomError('MALFORMED', 'A frame does not have the size that the data set says.');
  }
  if (startOfFrame && !startOfFrame.includes(header.startOfFrame)) {
    throw new DicomError('MALFORMED', 'A frame is not compressed as its transfer syntax says.');
  }
  if (header.precision > 16 || header.precision > 8 * layout.bytesPerSample) {
    throw unsupported('a frame has more bits than Bits Allocated (0028,0100) has room for');
  }
  if (layout.bytesPerSample === 4) throw unsupported('its samples have 32 bits');
  if (header.subsampled) throw unsupported('its chrominance is subsampled');
}

function describe(
  bytes: Uint8Array,
  header: CodestreamHeader,
  layout: FrameLayout,
  compression: Compression,
): Codestream {
  const { precision } = header;
  const isHtj2k = compression.decoder === 'decodeHtJpeg2000';
  if (compression.decoder === 'decodeJpeg2000' && layout.samplesPerPixel > 1 && precision > 8) {
    throw unsupported('its colours have more than 8 bits');
  }
  const photometric = layout.photometricInterpretation;
  return {
    bytes,
    rows: layout.rows,
    columns: layout.columns,
    samplesPerPixel: layout.samplesPerPixel,
    // That of HTJ2K cuts signed samples off at 0 when they are to have 8 bits.
    bits: precision > 8 || isHtj2k ? 16 : 8,
    bitsStored: precision,
    signed: header.signed || (layout.signed && !isHtj2k),
    photometricInterpretation: layout.samplesPerPixel === 1 ? 'MONOCHROME2' : 'RGB',
    toRgb: compression.lossyJpeg === true && (photometric === 'YBR_FULL' || photometric === 'YBR_FULL_422'),
  };
}

/** From the samples a decoder gives to those of Bits Allocated (0028,0100). */
function resize(
  samples: Uint8Array,
  bits: 8 | 16,
  { signed, precision }: CodestreamHeader,
  { bytesPerSample }: FrameLayout,
): Uint8Array {
  if (bits / 8 === bytesPerSample) return samples;
  if (bytesPerSample === 1) {
    const narrow = new Uint8Array(samples.length / 2);
    for (let at = 0; at < narrow.length; at++) narrow[at] = samples[2 * at]!;
    return narrow;
  }
  const wide = new Uint8Array(2 * samples.length);
  const sign = 1 << (precision - 1);
  for (let at = 0; at < samples.length; at++) {
    const sample = samples[at]!;
    wide[2 * at] = sample;
    if (signed && (sample & sign) !== 0) wide[2 * at + 1] = 0xff;
  }
  return wide;
}

/** From colour by pixel to Planar Configuration (0028,0006) of the data set. */
function arrange(samples: Uint8Array, layout: FrameLayout): Uint8Array {
  if (!layout.planar) return samples;
  const { bytesPerSample, samplesPerPixel } = layout;
  return reorder(samples, bytesPerSample, samplesPerPixel, samples.length / bytesPerSample / samplesPerPixel);
}

/** From planes to colour by pixel. */
function interleaved(samples: Uint8Array, layout: FrameLayout): Uint8Array {
  const { bytesPerSample, samplesPerPixel } = layout;
  return reorder(samples, bytesPerSample, samples.length / bytesPerSample / samplesPerPixel, samplesPerPixel);
}

/** Turns `outer` rows of `inner` … samples around, as the transposition of a matrix does. */
function reorder(samples: Uint8Array, size: number, inner: number, outer: number): Uint8Array {
  const target = new Uint8Array(samples.length);
  let from = 0;
  for (let row = 0; row < outer; row++) {
    for (let column = 0; column < inner; column++) {
      const to = (column * outer + row) * size;
      for (let byte = 0; byte < size; byte++) target[to + byte] = samples[from++]!;
    }
  }
  return target;
}
