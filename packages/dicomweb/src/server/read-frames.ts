import {
  DicomError,
  type DicomInstance,
  decodeValues,
  readTokens,
  Tags,
  type Token,
  TransferSyntax,
} from '@adit/core';
import { HttpProblem } from './http-problem.ts';

/** One frame, with its bytes to come. */
export interface Frame {
  number: number;
  bytes: AsyncIterable<Uint8Array>;
}

/** Tables of frame offsets may be long: eight bytes a frame. */
const MAX_TABLE_BYTES = 16 * 1024 * 1024;

/** What the size and the number of frames follow from (PS3.3 §C.7.6.3). */
interface PixelModule {
  rows: number;
  columns: number;
  samples: number;
  bits: number;
  frames: number;
  photometric: string;
  /** Extended Offset Table (7FE0,0001): where frames begin, in bytes from the first fragment. */
  offsets: number[];
}

/** Media types of frames by transfer syntax (PS3.18 Table 8.7.3-5). */
export function mediaTypeOfFrames(transferSyntaxUid: string): string {
  switch (transferSyntaxUid) {
    case TransferSyntax.RleLossless:
      return 'image/dicom-rle';
    case TransferSyntax.JpegBaseline8Bit:
    case TransferSyntax.JpegExtended12Bit:
    case TransferSyntax.JpegLossless:
    case TransferSyntax.JpegLosslessSv1:
      return 'image/jpeg';
    case TransferSyntax.JpegLsLossless:
    case TransferSyntax.JpegLsNearLossless:
      return 'image/jls';
    case TransferSyntax.Jpeg2000Lossless:
    case TransferSyntax.Jpeg2000:
      return 'image/jp2';
    case TransferSyntax.Jpeg2000McLossless:
    case TransferSyntax.Jpeg2000Mc:
      return 'image/jpx';
    case TransferSyntax.HighThroughputJpeg2000Lossless:
    case TransferSyntax.HighThroughputJpeg2000LosslessRpcl:
    case TransferSyntax.HighThroughputJpeg2000:
      return 'image/jphc';
    case TransferSyntax.JpegXlLossless:
    case TransferSyntax.JpegXlJpegRecompression:
    case TransferSyntax.JpegXl:
      return 'image/jxl';
    default:
      return 'application/octet-stream';
  }
}

/** Videos, whose frames are no fragments. */
const isVideo = (transferSyntaxUid: string): boolean =>
  /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(transferSyntaxUid);

/**
 * Gives frames of an instance while it is read, in ascending order. Each must be read, or left, before the next is asked for.
 *
 * Throws `HttpProblem`: 404 for a frame the instance does not have, 406 for what has no frames to take apart.
 */
export async function* readFrames(
  instance: DicomInstance,
  numbers: readonly number[],
): AsyncGenerator<Frame, void, undefined> {
  const { transferSyntaxUid } = instance;
  if (isVideo(transferSyntaxUid))
    throw new HttpProblem(406, 'The instance is a video: its frames cannot be given one by one.');
  const tokens = readTokens(instance.dataset, { transferSyntaxUid, maxValueLength: MAX_TABLE_BYTES });
  try {
    const pixels: PixelModule = {
      rows: 0,
      columns: 0,
      samples: 1,
      bits: 0,
      frames: 1,
      photometric: '',
      offsets: [],
    };
    for (let next = await tokens.next(); !next.done; next = await tokens.next()) {
      const token = next.value;
      if (token.depth > 0) continue;
      if (token.kind === 'element') note(token, pixels);
      else if (token.kind === 'bulk-start' || token.kind === 'fragments-start') {
        if (!isPixels(token.tag)) continue;
        if (numbers.some((number) => number > pixels.frames)) {
          throw new HttpProblem(404, `The instance has ${pixels.frames} frames: ask for none beyond.`);
        }
        if (token.kind === 'bulk-start' && !token.encoding.littleEndian && pixels.bits > 8) {
          throw new HttpProblem(406, 'The pixels of the instance are big endian: retrieve the instance.');
        }
        yield* token.kind === 'bulk-start'
          ? nativeFrames(tokens, numbers, frameLength(pixels))
          : encapsulatedFrames(tokens, numbers, pixels);
        return;
      }
    }
    throw new HttpProblem(404, 'The instance has no pixel data.');
  } finally {
    await tokens.return();
  }
}

const isPixels = (tag: number): boolean => tag === 0x7fe00008 || tag === 0x7fe00009 || tag === 0x7fe00010;

function note(token: Token & { kind: 'element' }, pixels: PixelModule): void {
  const { littleEndian } = token.encoding;
  const values = () => decodeValues(token.value, token.vr, { littleEndian });
  const number = () => Number(values()[0] ?? 0);
  switch (token.tag) {
    case Tags.Rows:
      pixels.rows = number();
      break;
    case Tags.Columns:
      pixels.columns = number();
      break;
    case Tags.SamplesPerPixel:
      pixels.samples = number();
      break;
    case Tags.BitsAllocated:
      pixels.bits = number();
      break;
    case Tags.NumberOfFrames:
      pixels.frames = Math.max(1, number());
      break;
    case Tags.PhotometricInterpretation:
      pixels.photometric = String(values()[0] ?? '');
      break;
    case Tags.ExtendedOffsetTable:
      pixels.offsets = offsetsOf(token.value, 8);
      break;
  }
}

function frameLength({ rows, columns, samples, bits, photometric }: PixelModule): number {
  // YBR_FULL_422 shares two of its three samples between two pixels (PS3.3 §C.7.6.3.1.2).
  const perPixel = photometric === 'YBR_FULL_422' ? 2 : samples;
  const length = (rows * columns * perPixel * bits) / 8;
  if (length > 0 && Number.isInteger(length)) return length;
  throw new HttpProblem(
    406,
    'The frames of the instance do not begin at whole bytes: retrieve the instance.',
  );
}

type Tokens = AsyncGenerator<Token, void, undefined>;

/** Frames of native pixel data lie one after the other (PS3.5 §8.1.1). */
async function* nativeFrames(
  tokens: Tokens,
  numbers: readonly number[],
  length: number,
): AsyncGenerator<Frame, void, undefined> {
  let at = 0;
  let rest: Uint8Array = new Uint8Array(0);
  const chunk = async (): Promise<Uint8Array> => {
    if (rest.length > 0) return rest;
    const next = await tokens.next();
    if (next.done || next.value.kind !== 'bulk-chunk') throw short();
    rest = next.value.bytes;
    return rest;
  };
  const take = (count: number): Uint8Array => {
    const bytes = rest.subarray(0, count);
    rest = rest.subarray(bytes.length);
    at += bytes.length;
    return bytes;
  };
  for (const number of numbers) {
    const start = (number - 1) * length;
    const end = start + length;
    const skip = async (to: number) => {
      while (at < to) {
        await chunk();
        take(to - at);
      }
    };
    await skip(start);
    async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
      while (at < end) {
        await chunk();
        yield take(end - at);
      }
    }
    yield { number, bytes: bytes() };
    await skip(end);
  }
}

/** Frames of encapsulated pixel data are one fragment each, or as the offset tables say (PS3.5 §A.4). */
async function* encapsulatedFrames(
  tokens: Tokens,
  numbers: readonly number[],
  { frames, offsets }: PixelModule,
): AsyncGenerator<Frame, void, undefined> {
  const fragments = new Fragments(tokens, offsets, frames);
  for (const number of numbers) {
    await fragments.skipTo(number);
    yield { number, bytes: fragments.frame(number) };
    await fragments.skipTo(number + 1);
  }
}

class Fragments {
  readonly #tokens: Tokens;
  readonly #frames: number;
  #offsets: readonly number[];
  /** Bytes from the first fragment to the one that is open. */
  #position = 0;
  /** Frame of the fragment that is open, or was opened last; 0 before the first. */
  #frame = 0;
  /** A fragment has begun, and perhaps its first bytes were looked at. */
  #open = false;
  #peeked: Uint8Array | undefined;
  #ended = false;

  constructor(tokens: Tokens, offsets: readonly number[], frames: number) {
    this.#tokens = tokens;
    this.#offsets = offsets;
    this.#frames = frames;
  }

  /** Goes on to the first fragment of a frame. */
  async skipTo(number: number): Promise<void> {
    while (!this.#ended && (this.#frame < number || !this.#open)) {
      if (this.#open) while ((await this.#chunk()) !== undefined);
      else await this.#next();
      if (this.#frame >= number) return;
    }
  }

  async *frame(number: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#frame !== number || !this.#open) throw short();
    while (this.#frame === number && !this.#ended) {
      for (let bytes = await this.#chunk(); bytes !== undefined; bytes = await this.#chunk()) yield bytes;
      await this.#next();
    }
  }

  /** The next bytes of the open fragment; undefined at its end. */
  async #chunk(): Promise<Uint8Array | undefined> {
    if (this.#peeked) {
      const bytes = this.#peeked;
      this.#peeked = undefined;
      return bytes;
    }
    const next = await this.#tokens.next();
    if (next.done) throw short();
    if (next.value.kind === 'bulk-chunk') return next.value.bytes;
    this.#open = false;
    return undefined;
  }

  /** Opens the next fragment, and finds out which frame it belongs to. */
  async #next(): Promise<void> {
    const next = await this.#tokens.next();
    if (next.done) throw short();
    const token = next.value;
    if (token.kind !== 'fragment-start') {
      this.#ended = true;
      return;
    }
    if (token.index === 0) {
      const table = await this.#table();
      if (table.length > 0) this.#offsets = table;
      return;
    }
    this.#open = true;
    if (this.#frames === 1) this.#frame = 1;
    else if (this.#offsets.length > 0) {
      while (this.#frame < this.#offsets.length && this.#offsets[this.#frame]! <= this.#position)
        this.#frame += 1;
    } else if (token.length > 0) {
      this.#peeked = await this.#chunk();
      if (this.#frame === 0 || beginsImage(this.#peeked)) this.#frame += 1;
    }
    this.#position += 8 + token.length;
  }

  async #table(): Promise<number[]> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const next = await this.#tokens.next();
      if (next.done) throw short();
      if (next.value.kind !== 'bulk-chunk') break;
      length += next.value.bytes.length;
      if (length > MAX_TABLE_BYTES) throw short();
      parts.push(next.value.bytes);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return offsetsOf(bytes, 4);
  }
}

/**
 * Does an image begin here, rather than go on? Without an offset table a frame is one fragment, but there are writers that
 * divide JPEG images. Those of JPEG begin with FFD8, code streams of JPEG 2000 with FF4F, of JPEG XL with FF0A; their
 * boxes, and RLE headers of up to 255 segments, with a length below 65536.
 */
function beginsImage(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined || bytes.length < 2) return true;
  if (bytes[0] === 0xff) return bytes[1] === 0xd8 || bytes[1] === 0x4f || bytes[1] === 0x0a;
  return bytes[1] === 0;
}

function offsetsOf(table: Uint8Array, unit: 4 | 8): number[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const offsets: number[] = [];
  for (let at = 0; at + unit <= table.length; at += unit) {
    offsets.push(unit === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true)));
  }
  return offsets;
}

function short(): DicomError {
  return new DicomError('MALFORMED', 'The pixel data of an instance have fewer frames than they should.');
}
