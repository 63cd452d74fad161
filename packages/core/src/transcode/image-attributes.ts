import { decodeLatin1 } from '../data/bytes.ts';
import type { ElementToken } from '../data/element-reader.ts';
import type { Tag } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';

/** The attributes of the Image Pixel Module (PS3.3 §C.7.6.3) that say what pixel data look like. */
export interface ImageAttributes {
  samplesPerPixel?: number;
  photometricInterpretation?: string;
  planarConfiguration?: number;
  numberOfFrames?: number;
  rows?: number;
  columns?: number;
  bitsAllocated?: number;
  bitsStored?: number;
  pixelRepresentation?: number;
}

/** Takes an attribute down, if it is one of them. */
export function noteImageAttribute(image: ImageAttributes, token: ElementToken): void {
  // All of them are in this group.
  if (token.tag >>> 16 !== 0x0028) return;
  const name = numbers.get(token.tag);
  if (name !== undefined) {
    const { value, encoding } = token;
    if (value.length < 2) return;
    image[name] = encoding.littleEndian ? value[0]! | (value[1]! << 8) : (value[0]! << 8) | value[1]!;
  } else if (token.tag === Tags.PhotometricInterpretation) {
    image.photometricInterpretation = textIn(token);
  } else if (token.tag === Tags.NumberOfFrames && textIn(token) !== '') {
    image.numberOfFrames = Number(textIn(token));
  }
}

/** Those of VR US. */
const numbers: ReadonlyMap<
  Tag,
  Exclude<keyof ImageAttributes, 'photometricInterpretation' | 'numberOfFrames'>
> = new Map([
  [Tags.SamplesPerPixel, 'samplesPerPixel'],
  [Tags.PlanarConfiguration, 'planarConfiguration'],
  [Tags.Rows, 'rows'],
  [Tags.Columns, 'columns'],
  [Tags.BitsAllocated, 'bitsAllocated'],
  [Tags.BitsStored, 'bitsStored'],
  [Tags.PixelRepresentation, 'pixelRepresentation'],
] as const);

function textIn({ value }: ElementToken): string {
  return decodeLatin1(value)
    .replace(/[\0 ]+$/, '')
    .trim();
}

/** How the frames of an image are laid out when they are not compressed. */
export interface FrameLayout {
  rows: number;
  columns: number;
  samplesPerPixel: number;
  /** Samples of a colour lie in planes of their own instead of pixel by pixel. */
  planar: boolean;
  bytesPerSample: 1 | 2 | 4;
  signed: boolean;
  photometricInterpretation: string;
  bitsStored: number;
  frames: number;
  /** Bytes of one frame. */
  frameLength: number;
}

/** Frames are decoded whole, so that they must fit into memory. */
const LONGEST_FRAME = 512 * 1024 * 1024;

/** Throws `UNSUPPORTED` where frames cannot be decoded by what is said about them. */
export function frameLayout(image: ImageAttributes): FrameLayout {
  const {
    rows = 0,
    columns = 0,
    samplesPerPixel = 1,
    bitsAllocated = 0,
    numberOfFrames = 1,
    planarConfiguration = 0,
    photometricInterpretation = '',
    pixelRepresentation = 0,
  } = image;
  if (rows === 0 || columns === 0) throw unsupported('Rows or Columns are missing');
  if (bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32) {
    throw unsupported(`Bits Allocated (0028,0100) are ${bitsAllocated}`);
  }
  if (samplesPerPixel !== 1 && samplesPerPixel !== 3) {
    throw unsupported(`Samples per Pixel (0028,0002) are ${samplesPerPixel}`);
  }
  if (!Number.isInteger(numberOfFrames) || numberOfFrames < 1) {
    throw unsupported('Number of Frames (0028,0008) is no number of frames');
  }
  const bytesPerSample = (bitsAllocated / 8) as 1 | 2 | 4;
  const frameLength = rows * columns * samplesPerPixel * bytesPerSample;
  if (frameLength > LONGEST_FRAME) throw unsupported(`a frame is longer than ${LONGEST_FRAME} bytes`);
  return {
    rows,
    columns,
    samplesPerPixel,
    planar: samplesPerPixel > 1 && planarConfiguration === 1,
    bytesPerSample,
    signed: pixelRepresentation === 1,
    photometricInterpretation,
    bitsStored: image.bitsStored ?? bitsAllocated,
    frames: numberOfFrames,
    frameLength,
  };
}

/** What cannot be transcoded without loss is not transcoded. */
export function unsupported(why: string): DicomError {
  return new DicomError('UNSUPPORTED', `The object cannot be transcoded without loss: ${why}.`);
}
