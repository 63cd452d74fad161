import { DicomError } from '../errors.ts';

/** What is used of dcmjs-codecs, whose decoders are the WebAssembly builds of libjpeg, CharLS, OpenJPEG and OpenJPH. */
interface DcmjsCodecs {
  Context: new (attributes: Record<string, unknown>) => { getDecodedBuffer(): Uint8Array };
  NativeCodecs: {
    initializeAsync(): Promise<void>;
  } & Record<Decoder, (context: unknown, parameters?: object) => { getDecodedBuffer(): Uint8Array }>;
}

/** Decoders by the names that dcmjs-codecs gives them. */
export type Decoder = 'decodeJpeg' | 'decodeJpegLs' | 'decodeJpeg2000' | 'decodeHtJpeg2000';

export interface Codestream {
  bytes: Uint8Array;
  rows: number;
  columns: number;
  samplesPerPixel: number;
  /** The decoder gives samples of 1 byte for 8 bits, else of 2. */
  bits: 8 | 16;
  bitsStored: number;
  signed: boolean;
  photometricInterpretation: string;
  /** JPEG only: turn YCbCr into RGB. */
  toRgb?: boolean;
}

let codecs: Promise<DcmjsCodecs> | undefined;

/**
 * Loads dcmjs-codecs, an optional peer of this package. Throws `UNSUPPORTED` where it is not installed.
 */
export async function loadCodecs(): Promise<(decoder: Decoder, codestream: Codestream) => Uint8Array> {
  codecs ??= load();
  const { NativeCodecs, Context } = await codecs;
  return (decoder, codestream) => {
    const { bytes, rows, columns, samplesPerPixel, bits, bitsStored, signed } = codestream;
    const context = new Context({
      width: columns,
      height: rows,
      bitsAllocated: bits,
      bitsStored: Math.min(bits, bitsStored),
      samplesPerPixel,
      pixelRepresentation: signed ? 1 : 0,
      planarConfiguration: 0,
      photometricInterpretation: codestream.photometricInterpretation,
      encodedBuffer: bytes,
    });
    try {
      return NativeCodecs[decoder](context, {
        convertColorspaceToRgb: codestream.toRgb ?? false,
      }).getDecodedBuffer();
    } catch (cause) {
      // What a decoder had taken when it failed is lost in its memory: the next one begins with a new one.
      codecs = undefined;
      void loadCodecs().catch(() => undefined);
      throw new DicomError('MALFORMED', 'The codestream of a frame could not be decoded.', { cause });
    }
  };
}

async function load(): Promise<DcmjsCodecs> {
  try {
    const module = (await import('dcmjs-codecs')) as unknown as { default?: DcmjsCodecs } & DcmjsCodecs;
    const loaded = module.default ?? module;
    await loaded.NativeCodecs.initializeAsync();
    return loaded;
  } catch (cause) {
    codecs = undefined;
    throw new DicomError(
      'UNSUPPORTED',
      'Compressed pixel data can be decoded only where the package dcmjs-codecs is installed: add it to the dependencies.',
      { cause },
    );
  }
}
