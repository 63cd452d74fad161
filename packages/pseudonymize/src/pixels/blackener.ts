import { sampleBytes } from './black.ts';
import { isSubsampled, type PixelFormat } from './pixel-format.ts';
import type { PixelRectangle } from './pixel-mask.ts';

/** Bytes of a frame that become a pattern, repeated. */
interface Segment {
  start: number;
  end: number;
  pattern: Uint8Array;
}

/** Blackens native pixel data as they pass, in pieces of any length. */
export interface Blackener {
  /** Bytes of all frames together, without padding. */
  readonly length: number;
  /** The next bytes: those given, where nothing in them changes, else a copy. */
  take(bytes: Uint8Array): Uint8Array;
}

/**
 * Blackens rectangles of native pixel data (PS3.5 §8.1, §8.2).
 *
 * @param rectangles within the frame
 * @param black samples of a black pixel
 */
export function createBlackener(
  format: PixelFormat,
  rectangles: readonly PixelRectangle[],
  black: readonly number[],
): Blackener {
  return format.bitsAllocated === 1
    ? bitBlackener(format, rectangles, black[0]! !== 0)
    : byteBlackener(format, rectangles, black);
}

function byteBlackener(
  format: PixelFormat,
  rectangles: readonly PixelRectangle[],
  black: readonly number[],
): Blackener {
  const { segments, frameLength } = segmentsOf(format, rectangles, black);
  let position = 0;
  return {
    length: frameLength * format.frames,
    take(bytes) {
      const start = position;
      const end = start + bytes.length;
      position = end;
      let result = bytes;
      const lastFrame = Math.min(format.frames - 1, Math.floor((end - 1) / frameLength));
      for (let frame = Math.floor(start / frameLength); frame <= lastFrame; frame++) {
        const base = frame * frameLength - start;
        for (let i = firstEndingAfter(segments, -base); i < segments.length; i++) {
          const segment = segments[i]!;
          if (segment.start + base >= bytes.length) break;
          if (result === bytes) result = bytes.slice();
          fill(result, segment, base);
        }
      }
      return result;
    },
  };
}

function fill(bytes: Uint8Array, { start, end, pattern }: Segment, base: number): void {
  const from = Math.max(0, start + base);
  const to = Math.min(bytes.length, end + base);
  if (pattern.length === 1) {
    bytes.fill(pattern[0]!, from, to);
    return;
  }
  let phase = (from - start - base) % pattern.length;
  for (let i = from; i < to; i++) {
    bytes[i] = pattern[phase]!;
    phase = phase + 1 === pattern.length ? 0 : phase + 1;
  }
}

/** The first segment that ends after a place in the frame. */
function firstEndingAfter(segments: readonly Segment[], place: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle]!.end <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What changes in each frame, ascending. Segments of rectangles that overlap overlap as well, in the same pattern. */
function segmentsOf(format: PixelFormat, rectangles: readonly PixelRectangle[], black: readonly number[]) {
  const { rows, columns, samplesPerPixel, planar, bitsAllocated } = format;
  const sampleLength = bitsAllocated / 8;
  const samples = black.map((sample) => sampleBytes(sample, format));
  const planes: { offset: number; pixelLength: number; pattern: Uint8Array; step: number }[] = [];
  let frameLength = rows * columns * samplesPerPixel * sampleLength;
  if (isSubsampled(format)) {
    // Y of the first pixel, of the second, then what both share.
    const [y, cb, cr] = samples as [Uint8Array, Uint8Array, Uint8Array];
    frameLength = rows * columns * 2 * sampleLength;
    planes.push({ offset: 0, pixelLength: 2 * sampleLength, pattern: joined([y, y, cb, cr]), step: 2 });
  } else if (planar) {
    samples.forEach((pattern, plane) => {
      planes.push({
        offset: plane * rows * columns * sampleLength,
        pixelLength: sampleLength,
        pattern,
        step: 1,
      });
    });
  } else {
    planes.push({
      offset: 0,
      pixelLength: samplesPerPixel * sampleLength,
      pattern: joined(samples),
      step: 1,
    });
  }
  const segments: Segment[] = [];
  for (const { offset, pixelLength, pattern, step } of planes) {
    for (const { x, y, width, height } of rectangles) {
      const left = x - (x % step);
      const right = Math.ceil((x + width) / step) * step;
      for (let row = y; row < y + height; row++) {
        const start = offset + (row * columns + left) * pixelLength;
        segments.push({ start, end: start + (right - left) * pixelLength, pattern });
      }
    }
  }
  segments.sort((a, b) => a.start - b.start);
  return { segments: merged(segments), frameLength };
}

/** Makes one segment of those that overlap or touch in one pattern, so that ends ascend as starts do. */
function merged(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (last !== undefined && segment.start <= last.end && segment.pattern === last.pattern) {
      last.end = Math.max(last.end, segment.end);
    } else {
      result.push({ ...segment });
    }
  }
  return result;
}

/** Pixels of one bit, the first one in the lowest bit of a byte; frames follow each other bit by bit (PS3.5 §8.1.1). */
function bitBlackener(
  { rows, columns, frames }: PixelFormat,
  rectangles: readonly PixelRectangle[],
  isSet: boolean,
): Blackener {
  const frameBits = rows * columns;
  const lines = rectangles.flatMap(({ x, y, width, height }) =>
    Array.from({ length: height }, (_, row) => {
      const start = (y + row) * columns + x;
      return { start, end: start + width, pattern: oneBit };
    }),
  );
  const segments = merged(lines.sort((a, b) => a.start - b.start));
  let position = 0;
  return {
    length: Math.ceil((frameBits * frames) / 8),
    take(bytes) {
      const start = position * 8;
      const end = start + bytes.length * 8;
      position += bytes.length;
      const result = bytes.slice();
      const lastFrame = Math.min(frames - 1, Math.floor((end - 1) / frameBits));
      for (let frame = Math.floor(start / frameBits); frame <= lastFrame; frame++) {
        const base = frame * frameBits - start;
        for (let i = firstEndingAfter(segments, -base); i < segments.length; i++) {
          const segment = segments[i]!;
          const to = Math.min(bytes.length * 8, segment.end + base);
          for (let bit = Math.max(0, segment.start + base); bit < to; bit++) {
            if (isSet) result[bit >> 3]! |= 1 << (bit & 7);
            else result[bit >> 3]! &= ~(1 << (bit & 7));
          }
          if (segment.start + base >= bytes.length * 8) break;
        }
      }
      return result;
    },
  };
}

const oneBit = new Uint8Array(1);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
