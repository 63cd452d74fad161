import { encodeElementHeader, encodeItemHeader, encodeSequenceDelimiter } from '../data/element-writer.ts';
import { encodeRleFrame } from '../data/rle.ts';
import { Tags } from '../data/tags.ts';
import type { TransferSyntaxProperties } from '../data/transfer-syntax.ts';
import type { Picture } from './picture.ts';

/** Rows are drawn in blocks of about this many bytes. */
const BLOCK_LENGTH = 256 * 1024;

/** Length of the pixel data without the padding byte. */
function nativeLength({ rows, columns, frames, samplesPerPixel, bytesPerSample }: Picture): number {
  return rows * columns * frames * samplesPerPixel * bytesPerSample;
}

/** Length of the element as `streamPixelData` gives it; undefined where that shows only after compression. */
export function pixelDataLength(picture: Picture, syntax: TransferSyntaxProperties): number | undefined {
  if (syntax.encapsulated) return undefined;
  const length = nativeLength(picture);
  return pixelDataHeader(picture, syntax).length + length + (length % 2);
}

function pixelDataHeader(picture: Picture, syntax: TransferSyntaxProperties): Uint8Array {
  if (syntax.encapsulated) return encodeElementHeader(Tags.PixelData, 'OB', undefined, syntax);
  const length = nativeLength(picture);
  // Eight bits are OB where the VR is written and OW where it is not (PS3.5 §8.1.2 and Annex A.1).
  const vr = picture.bytesPerSample === 1 && syntax.explicitVr ? 'OB' : 'OW';
  return encodeElementHeader(Tags.PixelData, vr, length + (length % 2), syntax);
}

function swapBytes(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 2) {
    const low = pixels[i]!;
    pixels[i] = pixels[i + 1]!;
    pixels[i + 1] = low;
  }
}

/** The Pixel Data element, header and all, in pieces of about 256 KiB, or of a frame where frames are compressed. */
export function* streamPixelData(
  picture: Picture,
  syntax: TransferSyntaxProperties,
): Generator<Uint8Array, void, undefined> {
  const { rows, columns, frames, samplesPerPixel, bytesPerSample } = picture;
  yield pixelDataHeader(picture, syntax);

  if (syntax.encapsulated) {
    // An empty Basic Offset Table (PS3.5 §A.4), then one fragment a frame (PS3.5 §G.4).
    yield encodeItemHeader(0, syntax);
    for (let frame = 0; frame < frames; frame++) {
      const fragment = encodeRleFrame(picture.draw(frame, 0, rows), picture);
      yield encodeItemHeader(fragment.length, syntax);
      yield fragment;
    }
    yield encodeSequenceDelimiter(syntax);
    return;
  }

  const rowsPerBlock = Math.max(1, Math.floor(BLOCK_LENGTH / (columns * samplesPerPixel * bytesPerSample)));
  for (let frame = 0; frame < frames; frame++) {
    for (let row = 0; row < rows; row += rowsPerBlock) {
      const block = picture.draw(frame, row, Math.min(rowsPerBlock, rows - row));
      if (!syntax.littleEndian && bytesPerSample === 2) swapBytes(block);
      yield block;
    }
  }
  if (nativeLength(picture) % 2 !== 0) yield new Uint8Array(1);
}
