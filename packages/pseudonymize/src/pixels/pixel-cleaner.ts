import {
  type BulkStartToken,
  encodeItemHeader,
  type FragmentsStartToken,
  HeldBackError,
  Tags,
  type Token,
  TransferSyntax,
  transferSyntaxOrDefault,
} from '@adit/core';
import { concatenated } from '../dataset/stamps.ts';
import { blackOf, sampleBytes } from './black.ts';
import { type Blackener, createBlackener } from './blackener.ts';
import { isSubsampled, type PixelFormat, pixelFormatOf } from './pixel-format.ts';
import type { PixelHeader } from './pixel-header.ts';
import type { PixelMaskRule, PixelRectangle } from './pixel-mask.ts';
import { pixelTaskOf } from './pixel-task.ts';
import { editRleFrame } from './rle-frame.ts';

/** Largest frame of compressed pixels, which is unpacked in memory. */
const maxFrame = 256 * 1024 * 1024;

/** Cleans the pixel data of one instance as they pass. */
export interface PixelCleaner {
  /** What was applied: the name of a rule, or `ultrasound regions`. */
  readonly by: string;
  /** Do offsets of compressed frames change, so that Extended Offset Tables (PS3.3 §C.7.6.3.1.8) must go? */
  readonly movesFrames: boolean;
  /**
   * Takes a token of the Pixel Data element, from its start to its end, and gives the bytes that stand for it. Throws
   * `HeldBackError` for pixel data that are not what the header says.
   */
  take(token: Token): Uint8Array;
}

export interface PixelCleanerOptions {
  sopClassUid: string;
  transferSyntaxUid: string;
  masks: readonly PixelMaskRule[];
}

/**
 * What cleans the pixels of an instance with this header, under the Clean Pixel Data Option (PS3.15 §E.3.1); undefined
 * where they stay as they are because nothing makes one think that there is text in them, or there are none.
 *
 * Throws `HeldBackError` where they would have to be cleaned and cannot be.
 *
 * @param header all elements before the pixel data
 * @param start the Pixel Data element, or Float or Double Float Pixel Data
 */
export function pixelCleanerFor(
  header: PixelHeader,
  start: BulkStartToken | FragmentsStartToken,
  { sopClassUid, transferSyntaxUid, masks }: PixelCleanerOptions,
): PixelCleaner | undefined {
  const { littleEndian } = start.encoding;
  const frame = { rows: header.number(Tags.Rows) ?? 0, columns: header.number(Tags.Columns) ?? 0 };
  const task = pixelTaskOf(header, sopClassUid, masks, frame);
  if (task.kind === 'keep') return undefined;
  if (task.kind === 'hold') throw new HeldBackError(task.reason);
  const { rectangles, by } = task;
  if (rectangles.length === 0) return { by, movesFrames: false, take: (token) => token.bytes };

  if (start.tag !== Tags.PixelData)
    throw cannot('its pixels are floating point numbers, in which nothing is black');
  const format = pixelFormatOf(header, littleEndian);
  if (typeof format === 'string') throw new HeldBackError(format);
  if (start.kind === 'fragments-start') {
    if (transferSyntaxUid !== TransferSyntax.RleLossless) {
      const { name } = transferSyntaxOrDefault(transferSyntaxUid);
      throw cannot(`its pixels are compressed (${name}) and have to be decompressed before`);
    }
    return { by, movesFrames: true, take: rleCleaner(format, header, rectangles) };
  }
  return { by, movesFrames: false, take: nativeCleaner(format, header, rectangles, start) };
}

function cannot(why: string): HeldBackError {
  return new HeldBackError(`Its pixels are to be cleaned and cannot be: ${why}.`);
}

function blackIn(format: PixelFormat, header: PixelHeader): readonly number[] {
  const black = blackOf(format, header);
  if (typeof black === 'string') throw new HeldBackError(black);
  return black;
}

function nativeCleaner(
  format: PixelFormat,
  header: PixelHeader,
  rectangles: readonly PixelRectangle[],
  { vr, length, encoding }: BulkStartToken,
): (token: Token) => Uint8Array {
  if (!encoding.littleEndian && format.bitsAllocated <= 8 && vr !== 'OB') {
    throw cannot('its pixels of eight bits or less are in words of big endian');
  }
  if (isSubsampled(format) && format.columns % 2 !== 0) throw cannot('its rows have half a pair of pixels');
  const blackener: Blackener = createBlackener(format, rectangles, blackIn(format, header));
  if (length !== blackener.length && length !== blackener.length + (blackener.length % 2)) {
    throw cannot(`they are ${length} bytes long, where its header makes ${blackener.length}`);
  }
  return (token) => (token.kind === 'bulk-chunk' ? blackener.take(token.bytes) : token.bytes);
}

/** A frame is one fragment (PS3.5 §G.4). Its length changes, so that the Basic Offset Table is emptied (PS3.5 §A.4). */
function rleCleaner(
  format: PixelFormat,
  header: PixelHeader,
  rectangles: readonly PixelRectangle[],
): (token: Token) => Uint8Array {
  const { rows, columns, frames, samplesPerPixel, bitsAllocated } = format;
  if (bitsAllocated === 1 || isSubsampled(format)) throw cannot('its pixels are in no form that RLE has');
  // Most significant byte first, whatever the order in native pixels (PS3.5 §G.2).
  const fills = blackIn(format, header).flatMap((sample) => [
    ...sampleBytes(sample, { ...format, littleEndian: false }),
  ]);
  const planes = samplesPerPixel * (bitsAllocated / 8);
  const frameLength = rows * columns * planes;
  if (frameLength > maxFrame) throw cannot('its frames are too large to be unpacked');
  // Twice the length is more than the worst packing makes.
  const maxFragment = 2 * frameLength + 64 * 1024;
  const shape = { rows, columns, planes };
  let fragments = 0;
  let parts: Uint8Array[] = [];
  let length = 0;
  let index = 0;

  const cleaned = (): Uint8Array => {
    const frame = concatenated(parts);
    parts = [];
    const edited = editRleFrame(frame, shape, (plane, at) => {
      for (const { x, y, width, height } of rectangles) {
        for (let row = y; row < y + height; row++) {
          plane.fill(fills[at]!, row * columns + x, row * columns + x + width);
        }
      }
    });
    if (edited === undefined) throw cannot('a frame of its RLE is damaged');
    fragments++;
    return edited;
  };

  return (token) => {
    switch (token.kind) {
      case 'fragment-start':
        ({ index, length } = token);
        if (index > 0 && length > maxFragment) throw cannot('a frame of its RLE is longer than any can be');
        return nothing;
      case 'bulk-chunk':
        // A copy: the chunk need not be held for what little of it may be in it.
        if (index > 0) parts.push(token.bytes.slice());
        return nothing;
      case 'fragment-end': {
        const { encoding } = token;
        if (index === 0) return encodeItemHeader(0, encoding);
        const frame = cleaned();
        return concatenated([encodeItemHeader(frame.length, encoding), frame]);
      }
      case 'fragments-end':
        if (fragments !== frames)
          throw cannot(`there are ${fragments} frames, where its header says ${frames}`);
        return token.bytes;
      default:
        return token.bytes;
    }
  };
}

const nothing = new Uint8Array(0);
