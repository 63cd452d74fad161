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
  /** What is applied: the name of a rule, or `ultrasound regions`. */
  readonly by: string;
  /** Do offsets of compressed frames change, so that Extended Offset Tables (PS3.3 §C.7.6.3.1.8) must go? */
  readonly movesFrames: boolean;
  /**
   * Takes a token of the Pixel Data element, from its start to its end, and gives the one that stands for it; undefined
   * while a frame is collected. Throws `HeldBackError` for pixel data that are not what the header says.
   */
  take(token: Token): Token | undefined;
}

export interface PixelCleanerOptions {
  sopClassUid: string;
  transferSyntaxUid: string;
  masks: readonly PixelMaskRule[];
}

/** What makes a token that stands for another one. */
type Cleaning = (token: Token) => Token | undefined;

/**
 * What cleans the pixels of an instance with this header, under the Clean Pixel Data Option (PS3.15 §E.3.1); undefined
 * where they stay as they are because nothing makes one think that there is text in them.
 *
 * Throws `HeldBackError` where they would have to be cleaned and cannot be.
 *
 * @param header all elements of the data set before its pixel data
 */
export function pixelCleanerFor(
  header: PixelHeader,
  { sopClassUid, transferSyntaxUid, masks }: PixelCleanerOptions,
): PixelCleaner | undefined {
  const frame = { rows: header.number(Tags.Rows) ?? 0, columns: header.number(Tags.Columns) ?? 0 };
  const task = pixelTaskOf(header, sopClassUid, masks, frame);
  if (task.kind === 'keep') return undefined;
  if (task.kind === 'hold') throw new HeldBackError(task.reason);
  const { rectangles, by } = task;
  if (rectangles.length === 0) return { by, movesFrames: false, take: (token) => token };

  const { name, encapsulated, littleEndian } = transferSyntaxOrDefault(transferSyntaxUid);
  const isRle = transferSyntaxUid === TransferSyntax.RleLossless;
  if (encapsulated && !isRle)
    throw cannot(`they are compressed (${name}) and have to be decompressed before`);
  const format = pixelFormatOf(header, littleEndian);
  if (typeof format === 'string') throw new HeldBackError(format);
  const black = blackOf(format, header);
  if (typeof black === 'string') throw new HeldBackError(black);

  const begin = (start: BulkStartToken | FragmentsStartToken): Cleaning => {
    if (start.tag !== Tags.PixelData)
      throw cannot('they are floating point numbers, in which nothing is black');
    if (isRle !== (start.kind === 'fragments-start'))
      throw cannot('they are not as their transfer syntax says');
    return start.kind === 'bulk-start'
      ? nativeCleaning(format, black, rectangles, start)
      : rleCleaning(format, black, rectangles);
  };
  let clean: Cleaning | undefined;
  return {
    by,
    movesFrames: isRle,
    take(token) {
      if (token.kind === 'bulk-start' || token.kind === 'fragments-start') {
        clean = begin(token);
        return token;
      }
      return clean?.(token);
    },
  };
}

function cannot(why: string): HeldBackError {
  return new HeldBackError(`Its pixels are to be cleaned and cannot be: ${why}.`);
}

function nativeCleaning(
  format: PixelFormat,
  black: readonly number[],
  rectangles: readonly PixelRectangle[],
  { vr, length, encoding }: BulkStartToken,
): Cleaning {
  if (!encoding.littleEndian && format.bitsAllocated <= 8 && vr !== 'OB') {
    throw cannot('its pixels of eight bits or less are in words of big endian');
  }
  if (isSubsampled(format) && format.columns % 2 !== 0) throw cannot('its rows have half a pair of pixels');
  const blackener: Blackener = createBlackener(format, rectangles, black);
  if (length !== blackener.length && length !== blackener.length + (blackener.length % 2)) {
    throw cannot(`they are ${length} bytes long, where its header makes ${blackener.length}`);
  }
  return (token) => (token.kind === 'bulk-chunk' ? withBytes(token, blackener.take(token.bytes)) : token);
}

/** A frame is one fragment (PS3.5 §G.4). Its length changes, so that the Basic Offset Table is emptied (PS3.5 §A.4). */
function rleCleaning(
  format: PixelFormat,
  black: readonly number[],
  rectangles: readonly PixelRectangle[],
): Cleaning {
  const { rows, columns, frames, samplesPerPixel, bitsAllocated } = format;
  if (bitsAllocated === 1 || isSubsampled(format)) throw cannot('its pixels are in no form that RLE has');
  // Most significant byte first, whatever the order in native pixels (PS3.5 §G.2).
  const fills = black.flatMap((sample) => [...sampleBytes(sample, { ...format, littleEndian: false })]);
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
        return undefined;
      case 'bulk-chunk':
        // A copy: the chunk need not be held for what little of it may be in it.
        if (index > 0) parts.push(token.bytes.slice());
        return undefined;
      case 'fragment-end': {
        const { encoding } = token;
        if (index === 0) return withBytes(token, encodeItemHeader(0, encoding));
        const frame = cleaned();
        return withBytes(token, concatenated([encodeItemHeader(frame.length, encoding), frame]));
      }
      case 'fragments-end':
        if (fragments !== frames)
          throw cannot(`there are ${fragments} frames, where its header says ${frames}`);
        return token;
      default:
        return token;
    }
  };
}

/** Members of a token may be getters, which spreading would lose. */
function withBytes<T extends Token>({ kind, depth, encoding }: T, bytes: Uint8Array): Token {
  return { kind, depth, encoding, bytes } as Token;
}
