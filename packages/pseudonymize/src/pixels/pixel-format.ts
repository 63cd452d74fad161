import { Tags } from '@adit/core';
import type { PixelHeader } from './pixel-header.ts';

/** How pixels are laid out (PS3.3 §C.7.6.3). */
export interface PixelFormat {
  rows: number;
  columns: number;
  frames: number;
  samplesPerPixel: number;
  /** Are samples of a colour together, one plane after the other? */
  planar: boolean;
  bitsAllocated: 1 | 8 | 16 | 32;
  bitsStored: number;
  highBit: number;
  signed: boolean;
  photometricInterpretation: string;
  littleEndian: boolean;
}

/** What the header says of its pixels; a sentence where nobody could say what is where in them. */
export function pixelFormatOf(header: PixelHeader, littleEndian: boolean): PixelFormat | string {
  const rows = header.number(Tags.Rows) ?? 0;
  const columns = header.number(Tags.Columns) ?? 0;
  const frames = header.number(Tags.NumberOfFrames) ?? 1;
  const samplesPerPixel = header.number(Tags.SamplesPerPixel) ?? 1;
  const bitsAllocated = header.number(Tags.BitsAllocated) ?? 0;
  const bitsStored = header.number(Tags.BitsStored) ?? bitsAllocated;
  const highBit = header.number(Tags.HighBit) ?? bitsStored - 1;
  if (rows < 1 || columns < 1 || frames < 1) return 'Its header does not say how large its frames are.';
  if (bitsAllocated !== 1 && bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32) {
    return `Its pixels have ${bitsAllocated} bits, in which nothing is blackened.`;
  }
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    return 'Its header contradicts itself about the bits of a pixel.';
  }
  if (samplesPerPixel !== 1 && (samplesPerPixel !== 3 || bitsAllocated === 1)) {
    return `Its pixels have ${samplesPerPixel} samples, in which nothing is blackened.`;
  }
  return {
    rows,
    columns,
    frames,
    samplesPerPixel,
    planar: samplesPerPixel > 1 && header.number(Tags.PlanarConfiguration) === 1,
    bitsAllocated,
    bitsStored,
    highBit,
    signed: header.number(Tags.PixelRepresentation) === 1,
    photometricInterpretation: header.text(Tags.PhotometricInterpretation) ?? '',
    littleEndian,
  };
}

/** Are two pixels beside each other described by four bytes, two of which they share (PS3.3 §C.7.6.3.1.2)? */
export function isSubsampled({ photometricInterpretation }: PixelFormat): boolean {
  return photometricInterpretation === 'YBR_FULL_422' || photometricInterpretation === 'YBR_PARTIAL_422';
}
