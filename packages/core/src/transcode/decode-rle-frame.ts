import { DicomError } from '../errors.ts';
import type { FrameLayout } from './image-attributes.ts';

const HEADER_LENGTH = 64;

/**
 * Decodes a frame of RLE Lossless (PS3.5 Annex G): a segment for each byte of each sample, the most significant byte
 * first. Gives rows of pixels, little endian, colour by pixel. Throws `MALFORMED`.
 */
export function decodeRleFrame(encoded: Uint8Array, layout: FrameLayout): Uint8Array {
  const { rows, columns, samplesPerPixel, bytesPerSample, frameLength } = layout;
  const bytesPerPixel = samplesPerPixel * bytesPerSample;
  const decoded = new Uint8Array(frameLength);
  if (encoded.length < HEADER_LENGTH) throw malformed('a frame has no header');
  const header = new DataView(encoded.buffer, encoded.byteOffset, HEADER_LENGTH);
  if (header.getUint32(0, true) !== bytesPerPixel) {
    throw malformed(`a frame has ${header.getUint32(0, true)} segments instead of ${bytesPerPixel}`);
  }
  for (let segment = 0; segment < bytesPerPixel; segment++) {
    const start = header.getUint32(4 + 4 * segment, true);
    const isLast = segment + 1 === bytesPerPixel;
    const stop = isLast ? encoded.length : header.getUint32(8 + 4 * segment, true);
    if (start < HEADER_LENGTH || stop < start || stop > encoded.length) {
      throw malformed('the segments of a frame are not where its header says');
    }
    const sample = Math.floor(segment / bytesPerSample);
    const byte = sample * bytesPerSample + (bytesPerSample - 1 - (segment % bytesPerSample));
    unpack(encoded, start, stop, decoded, byte, bytesPerPixel, rows * columns);
  }
  return decoded;
}

/** Undoes PackBits (PS3.5 §G.3.2) from `at` to `stop`, into every `step`th byte of the target. */
function unpack(
  source: Uint8Array,
  at: number,
  stop: number,
  target: Uint8Array,
  first: number,
  step: number,
  count: number,
): void {
  let left = count;
  let to = first;
  while (left > 0 && at < stop) {
    const code = source[at++]!;
    if (code === 128) continue;
    const isRun = code > 128;
    const length = isRun ? 257 - code : code + 1;
    if (length > left || at + (isRun ? 1 : length) > stop) break;
    left -= length;
    if (isRun) {
      const value = source[at++]!;
      for (let i = 0; i < length; i++, to += step) target[to] = value;
    } else {
      for (let i = 0; i < length; i++, to += step) target[to] = source[at++]!;
    }
  }
  if (left > 0) throw malformed('a segment of a frame does not hold its pixels');
}

function malformed(what: string): DicomError {
  return new DicomError('MALFORMED', `The RLE pixel data are broken: ${what}.`);
}
