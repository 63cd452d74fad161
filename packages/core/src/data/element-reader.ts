import { DicomError } from '../errors.ts';
import { dictionaryEntry, vrOf } from './dictionary.ts';
import { createInflater, type Inflater } from './inflate.ts';
import { formatTag, type Tag } from './tag.ts';
import { transferSyntaxOrDefault } from './transfer-syntax.ts';
import { allVrs, hasLongLength, type Vr, vrForm } from './vr.ts';

/** How the elements around a token are encoded: what an element put in its place must look like. */
export interface ElementEncoding {
  readonly explicitVr: boolean;
  readonly littleEndian: boolean;
}

interface TokenBase {
  /** How deep in sequences: 0 in the data set itself, 1 for items of its sequences and what they hold … */
  readonly depth: number;
  /** How the token is encoded. Below a UN of undefined length it is implicit VR little endian (PS3.5 §6.2.2). */
  readonly encoding: ElementEncoding;
  /**
   * The bytes the token was read from, as a view. Those of all tokens, one after the other, are the data set (inflated,
   * if it was deflated), so that whoever writes `bytes` of untouched tokens copies them byte for byte.
   */
  readonly bytes: Uint8Array;
}

interface ElementHead extends TokenBase {
  readonly tag: Tag;
  /** As in the data set; from the dictionary where the encoding is implicit. */
  readonly vr: Vr;
}

/** A whole element with a value of at most `maxValueLength` bytes. */
export interface ElementToken extends ElementHead {
  readonly kind: 'element';
  /** The value field with its padding, as a view. */
  readonly value: Uint8Array;
}

/** A sequence begins. `vr` is UN for one that is hidden in a UN of undefined length. `bytes` is its header. */
export interface SequenceStartToken extends ElementHead {
  readonly kind: 'sequence-start';
  /** Bytes up to its end; undefined where a delimiter ends it. */
  readonly length: number | undefined;
}

/** A sequence ends. `bytes` is the delimiter, empty after a defined length. */
export interface SequenceEndToken extends TokenBase {
  readonly kind: 'sequence-end';
}

/** An item of a sequence begins. `depth` is that of the elements in it. `bytes` is the item's header. */
export interface ItemStartToken extends TokenBase {
  readonly kind: 'item-start';
  readonly length: number | undefined;
  /** 0 for the first item. */
  readonly index: number;
}

/** An item ends. `bytes` is the delimiter, empty after a defined length. */
export interface ItemEndToken extends TokenBase {
  readonly kind: 'item-end';
}

/** Pixel data or a value longer than `maxValueLength` begins; `bulk-chunk` tokens and a `bulk-end` follow. */
export interface BulkStartToken extends ElementHead {
  readonly kind: 'bulk-start';
  readonly length: number;
}

/** The next bytes of a long value or of a fragment. */
export interface BulkChunkToken extends TokenBase {
  readonly kind: 'bulk-chunk';
}

/** A long value ends; `bytes` is empty. */
export interface BulkEndToken extends TokenBase {
  readonly kind: 'bulk-end';
}

/** Encapsulated pixel data begin (PS3.5 §A.4): fragments follow, the first of them the Basic Offset Table. */
export interface FragmentsStartToken extends ElementHead {
  readonly kind: 'fragments-start';
}

/** A fragment begins; `bulk-chunk` tokens and a `fragment-end` follow. */
export interface FragmentStartToken extends TokenBase {
  readonly kind: 'fragment-start';
  readonly length: number;
  /** 0 for the Basic Offset Table, 1 for the first fragment of the pixels. */
  readonly index: number;
}

/** A fragment ends; `bytes` is empty. */
export interface FragmentEndToken extends TokenBase {
  readonly kind: 'fragment-end';
}

/** Encapsulated pixel data end. `bytes` is the delimiter. */
export interface FragmentsEndToken extends TokenBase {
  readonly kind: 'fragments-end';
}

/** What a data set is made up of, in the order of its bytes. */
export type Token =
  | ElementToken
  | SequenceStartToken
  | SequenceEndToken
  | ItemStartToken
  | ItemEndToken
  | BulkStartToken
  | BulkChunkToken
  | BulkEndToken
  | FragmentsStartToken
  | FragmentStartToken
  | FragmentEndToken
  | FragmentsEndToken;

/** Does an element begin with the token, as opposed to a part of one that began before? */
export function isElementStart(
  token: Token,
): token is ElementToken | SequenceStartToken | BulkStartToken | FragmentsStartToken {
  const { kind } = token;
  return (
    kind === 'element' || kind === 'sequence-start' || kind === 'bulk-start' || kind === 'fragments-start'
  );
}

export interface ElementReaderOptions {
  transferSyntaxUid: string;
  /** Longer values come as bulk tokens and are never collected, in bytes. Default: 65,536. */
  maxValueLength?: number;
  /** Deepest nesting of sequences. Default: 256. */
  maxDepth?: number;
  /** Most tokens of one data set. Default: 50,000,000. */
  maxTokens?: number;
  /** Most bytes a deflated data set may inflate to. Default: 8 GiB. */
  maxInflatedLength?: number;
  /** How many times longer than deflated a data set may be, once it is longer than 64 MiB. Default: 250. */
  maxInflationRatio?: number;
}

/**
 * Reads a data set as its bytes arrive, whatever the chunks they come in.
 *
 * Memory is bounded by `maxValueLength` and one chunk. Tokens hold views of the chunks given, which must not be changed
 * while tokens of them are in use; the reader itself keeps copies where an element lies across chunks.
 */
export interface ElementReader {
  /**
   * Takes the next bytes and gives the tokens they complete. The tokens must be read to the last one before the next
   * call. Reading them throws `DicomError`: `MALFORMED` for bytes that are no data set, `TOO_LARGE` beyond a limit.
   */
  push(chunk: Uint8Array): IterableIterator<Token>;
  /** Says that no bytes are left, and gives the last tokens. Reading them throws `TRUNCATED` inside of an element. */
  end(): IterableIterator<Token>;
}

/** Makes a reader for one data set: without preamble and file meta information, in its transfer syntax. */
export function createElementReader(options: ElementReaderOptions): ElementReader {
  return new Reader(options);
}

/**
 * The tokens of a data set that arrives in chunks; ends the source's iteration when it is left early. Where every
 * microsecond counts, `push` the chunks to a reader instead: its tokens come without a promise each.
 */
export async function* readTokens(
  chunks: AsyncIterable<Uint8Array>,
  options: ElementReaderOptions,
): AsyncGenerator<Token, void, undefined> {
  const reader = createElementReader(options);
  for await (const chunk of chunks) yield* reader.push(chunk);
  yield* reader.end();
}

export const explicitLittleEndian: ElementEncoding = { explicitVr: true, littleEndian: true };
export const implicitLittleEndian: ElementEncoding = { explicitVr: false, littleEndian: true };
export const explicitBigEndian: ElementEncoding = { explicitVr: true, littleEndian: false };

/** How the elements of a transfer syntax are encoded. */
export function elementEncodingOf(transferSyntaxUid: string): ElementEncoding {
  const { explicitVr, littleEndian } = transferSyntaxOrDefault(transferSyntaxUid);
  if (!explicitVr) return implicitLittleEndian;
  return littleEndian ? explicitLittleEndian : explicitBigEndian;
}

const noBytes = new Uint8Array(0);
const undefinedLength = 0xffffffff;
const itemTag = 0xfffee000;
const itemDelimiterTag = 0xfffee00d;
const sequenceDelimiterTag = 0xfffee0dd;
const pixelRepresentationTag = 0x00280103;
const pixelDataTag = 0x7fe00010;

/** Pixels of whatever kind: Float, Double Float and plain Pixel Data (PS3.3 §C.7.6.3, §C.7.6.24, §C.7.6.25). */
export function isPixelData(tag: Tag): boolean {
  return tag === pixelDataTag || tag === 0x7fe00008 || tag === 0x7fe00009;
}

/** VRs by their letters, 26 × first + second; undefined where no VR has them. */
const vrByLetters: (Vr | undefined)[] = new Array(26 * 26).fill(undefined);
/** Whether the VR at the same place has a 32-bit length. */
const longByLetters = new Uint8Array(26 * 26);
for (const vr of allVrs) {
  const place = (vr.charCodeAt(0) - 65) * 26 + vr.charCodeAt(1) - 65;
  vrByLetters[place] = vr;
  longByLetters[place] = hasLongLength(vr) ? 1 : 0;
}

/** All tokens are of this one shape, whichever of their members their kind has: that keeps reading them fast. */
class RawToken {
  readonly kind: Token['kind'];
  readonly depth: number;
  readonly encoding: ElementEncoding;
  readonly tag: Tag;
  readonly vr: Vr;
  readonly length: number | undefined;
  readonly index: number;
  private readonly source: Uint8Array;
  private readonly start: number;
  private readonly valueStart: number;
  private readonly stop: number;

  constructor(
    kind: Token['kind'],
    depth: number,
    encoding: ElementEncoding,
    tag: Tag,
    vr: Vr,
    length: number | undefined,
    index: number,
    source: Uint8Array,
    start: number,
    valueStart: number,
    stop: number,
  ) {
    this.kind = kind;
    this.depth = depth;
    this.encoding = encoding;
    this.tag = tag;
    this.vr = vr;
    this.length = length;
    this.index = index;
    this.source = source;
    this.start = start;
    this.valueStart = valueStart;
    this.stop = stop;
  }

  get bytes(): Uint8Array {
    return this.source.subarray(this.start, this.stop);
  }

  get value(): Uint8Array {
    return this.source.subarray(this.valueStart, this.stop);
  }
}

/** A sequence or an item that is open. */
interface Frame {
  isItem: boolean;
  tag: Tag;
  vr: Vr;
  /** Where it ends, in bytes from the beginning of the data set; undefined where a delimiter will say. */
  end: number | undefined;
  /** Where at the latest it must end: the nearest defined end around it. */
  bound: number;
  /** Encoding of what is in it. */
  encoding: ElementEncoding;
  /** Items begun so far. */
  items: number;
  /** Pixel Representation of what is in it: 1 makes "US or SS" SS. */
  signed: boolean;
}

type State = 'elements' | 'items' | 'bulk' | 'fragments' | 'fragment';

class Reader implements ElementReader, IterableIterator<Token> {
  private readonly maxValueLength: number;
  private readonly maxDepth: number;
  private readonly maxTokens: number;
  private readonly inflater: Inflater | undefined;

  /** The bytes being read, from `position` to `limit`. */
  private bytes: Uint8Array = noBytes;
  private position = 0;
  private limit = 0;
  /** Are these bytes a copy of an element that lies across chunks? */
  private collecting = false;
  /** Where in the data set `bytes` begins. */
  private base = 0;
  /** How many bytes from `position` the next token needs, where they are not there yet. */
  private needed = 0;

  /** The chunk pushed last, and how much of it has been taken over into `bytes`. */
  private chunk: Uint8Array | undefined;
  private chunkPosition = 0;

  private state: State = 'elements';
  private encoding: ElementEncoding;
  /** What is open, the data set itself first. */
  private readonly frames: Frame[] = [];
  private frame: Frame;
  /** Nearest defined end of what is open. */
  private bound = Number.POSITIVE_INFINITY;
  private depth = 0;
  private signed = false;
  /** Bytes left of a long value or a fragment. */
  private bulkLeft = 0;
  private fragmentIndex = 0;
  private tokens = 0;
  private ending = false;
  private failure: DicomError | undefined;

  constructor(options: ElementReaderOptions) {
    const { transferSyntaxUid, maxValueLength = 65_536, maxDepth = 256, maxTokens = 50_000_000 } = options;
    this.maxValueLength = maxValueLength;
    this.maxDepth = maxDepth;
    this.maxTokens = maxTokens;
    this.encoding = elementEncodingOf(transferSyntaxUid);
    this.frame = {
      isItem: true,
      tag: 0,
      vr: 'SQ',
      end: undefined,
      bound: Number.POSITIVE_INFINITY,
      encoding: this.encoding,
      items: 0,
      signed: false,
    };
    this.frames.push(this.frame);
    if (transferSyntaxOrDefault(transferSyntaxUid).deflated) {
      this.inflater = createInflater({
        maxLength: options.maxInflatedLength ?? 8 * 1024 ** 3,
        maxRatio: options.maxInflationRatio ?? 250,
      });
    }
  }

  push(chunk: Uint8Array): IterableIterator<Token> {
    if (this.ending) throw new Error('The reader has been told that no bytes are left.');
    this.take(chunk);
    return this;
  }

  end(): IterableIterator<Token> {
    this.ending = true;
    if (this.inflater === undefined) this.take(noBytes);
    else this.inflater.end();
    return this;
  }

  private take(chunk: Uint8Array): void {
    if (this.chunk !== undefined && this.chunkPosition < this.chunk.length) {
      throw new Error('The tokens of the last chunk have not all been read.');
    }
    if (this.inflater === undefined) {
      this.chunk = plainView(chunk);
      this.chunkPosition = 0;
    } else {
      this.inflater.push(chunk);
    }
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Token, undefined> {
    if (this.failure !== undefined) throw this.failure;
    try {
      for (;;) {
        const token = this.read();
        if (token !== undefined) {
          if (++this.tokens > this.maxTokens) {
            this.fail('TOO_LARGE', `The data set has more than ${this.maxTokens} parts.`);
          }
          return { done: false, value: token as Token };
        }
        if (!this.refill()) break;
      }
      if (this.ending) this.checkEnd();
      return { done: true, value: undefined };
    } catch (error) {
      if (error instanceof DicomError) this.failure = error;
      throw error;
    }
  }

  /** Gets more bytes to read: those of the chunk, after those that are left. False when there are none. */
  private refill(): boolean {
    const left = this.limit - this.position;
    if (left === 0) {
      if (!this.hasChunk()) return false;
      this.base += this.position;
      this.bytes = this.chunk!;
      this.position = this.chunkPosition;
      // The bytes of the chunk before `chunkPosition` have been read from a copy.
      this.base -= this.position;
      this.limit = this.bytes.length;
      this.chunkPosition = this.limit;
      this.collecting = false;
      return true;
    }
    if (!this.collecting || this.needed > this.bytes.length) {
      // Exactly what is needed: a token is then read to the end of the copy, and the chunk goes on behind it.
      const copy = new Uint8Array(this.needed);
      copy.set(this.bytes.subarray(this.position, this.limit));
      this.bytes = copy;
      this.base += this.position;
      this.position = 0;
      this.limit = left;
      this.collecting = true;
    }
    while (this.limit < this.needed && this.hasChunk()) {
      const chunk = this.chunk!;
      const count = Math.min(this.needed - this.limit, chunk.length - this.chunkPosition);
      this.bytes.set(chunk.subarray(this.chunkPosition, this.chunkPosition + count), this.limit);
      this.limit += count;
      this.chunkPosition += count;
    }
    return this.limit >= this.needed;
  }

  /** Are bytes left of the chunk? Of a deflated one, inflates the next piece. */
  private hasChunk(): boolean {
    for (;;) {
      if (this.chunk !== undefined && this.chunkPosition < this.chunk.length) return true;
      this.chunk = this.inflater?.next();
      this.chunkPosition = 0;
      if (this.chunk === undefined) return false;
    }
  }

  /** The next token; undefined when `needed` bytes are not there. */
  private read(): RawToken | undefined {
    const { state } = this;
    if ((state === 'elements' || state === 'items') && this.base + this.position >= this.bound) {
      // The bound is never passed: whatever would is refused when it begins.
      if (this.frame.end === undefined) {
        this.fail('MALFORMED', `${this.describe()} has no delimiter at its end.`);
      }
      return this.leave(this.position);
    }
    switch (state) {
      case 'elements':
        return this.readElement();
      case 'items':
        return this.readItem();
      case 'fragments':
        return this.readFragment();
      default:
        return this.readBulk();
    }
  }

  private need(count: number): undefined {
    this.needed = count;
    return undefined;
  }

  private readElement(): RawToken | undefined {
    const { bytes, position } = this;
    const available = this.limit - position;
    if (available < 8) return this.need(8);

    const encoding = this.encoding;
    const tag = readTag(bytes, position, encoding.littleEndian);
    const start = this.base + position;
    if (start + 8 > this.bound) this.fail('MALFORMED', `${this.describe()} ends within an element.`);
    if (tag >= 0xfffe0000 && tag <= 0xfffeffff) return this.readDelimiter(tag);

    let vr: Vr | undefined;
    let header = 8;
    let length: number;
    let actual = encoding;
    if (encoding.explicitVr) {
      const first = bytes[position + 4]! - 65;
      const second = bytes[position + 5]! - 65;
      const letters = first >= 0 && first < 26 && second >= 0 && second < 26;
      const place = letters ? first * 26 + second : -1;
      vr = letters ? vrByLetters[place] : undefined;
      let long = letters && longByLetters[place] === 1;
      if (vr === undefined) {
        // VRs to come have a 32-bit length after two reserved bytes (PS3.5 §6.2, note on new VRs). What is no letters was
        // written in place of a VR by some ("??", blanks), or is the length of an element in implicit VR.
        vr = 'UN';
        if (letters) long = (bytes[position + 6]! | bytes[position + 7]!) === 0;
        else if (!isPrintable(bytes[position + 4]!) || !isPrintable(bytes[position + 5]!)) {
          if (tag === 0 || !encoding.littleEndian) {
            this.fail('MALFORMED', `Element ${formatTag(tag)} has no VR.`);
          }
          actual = implicitLittleEndian;
        }
      }
      if (actual !== encoding) {
        length = readUint32(bytes, position + 4, true);
        vr = this.implicitVr(tag, length);
      } else if (long) {
        header = 12;
        if (available < 12) return this.need(12);
        length = readUint32(bytes, position + 8, encoding.littleEndian);
      } else {
        length = encoding.littleEndian
          ? bytes[position + 6]! | (bytes[position + 7]! << 8)
          : (bytes[position + 6]! << 8) | bytes[position + 7]!;
      }
    } else {
      length = readUint32(bytes, position + 4, true);
      vr = this.implicitVr(tag, length);
    }

    const isUndefined = length === undefinedLength;
    if (start + header + (isUndefined ? 0 : length) > this.bound) {
      this.fail('MALFORMED', `Element ${formatTag(tag)} is longer than the item around it.`);
    }
    if (isUndefined) return this.readUndefinedLength(tag, vr, header, actual);
    if (vr === 'SQ') {
      return this.enterSequence(tag, vr, length, header, actual, actual);
    }
    if (length > this.maxValueLength || isPixelData(tag)) {
      this.position = position + header;
      this.state = 'bulk';
      this.bulkLeft = length;
      return this.token(
        'bulk-start',
        actual,
        tag,
        vr,
        length,
        0,
        position,
        position + header,
        position + header,
      );
    }
    const total = header + length;
    if (available < total) return this.need(total);
    if (tag === pixelRepresentationTag && length >= 2) {
      this.signed = (bytes[position + header]! | bytes[position + header + 1]!) !== 0;
      this.frame.signed = this.signed;
    }
    this.position = position + total;
    return this.token('element', actual, tag, vr, length, 0, position, position + header, position + total);
  }

  /** The VR of an element in implicit VR: from the dictionary, by Pixel Representation where that leaves a choice. */
  private implicitVr(tag: Tag, length: number): Vr {
    const entry = dictionaryEntry(tag);
    if (entry === undefined) {
      const vr = vrOf(tag);
      return length === undefinedLength ? 'SQ' : vr;
    }
    return this.signed && entry.vr === 'US' && entry.vrs.includes('SS') ? 'SS' : entry.vr;
  }

  /** An element of undefined length: a sequence, encapsulated pixel data, or an error. */
  private readUndefinedLength(tag: Tag, vr: Vr, header: number, encoding: ElementEncoding): RawToken {
    const { position } = this;
    const isBytes = vrForm(vr) === 'bytes' && vr !== 'UN';
    if (isPixelData(tag) || (isBytes && encoding.explicitVr)) {
      this.position = position + header;
      this.state = 'fragments';
      this.fragmentIndex = 0;
      return this.token(
        'fragments-start',
        encoding,
        tag,
        vr,
        undefined,
        0,
        position,
        this.position,
        this.position,
      );
    }
    if (vr === 'SQ' || !encoding.explicitVr) {
      return this.enterSequence(tag, 'SQ', undefined, header, encoding, encoding);
    }
    if (vr === 'UN') {
      // Whoever wrote UN did not know the VR, so its items stayed in implicit VR little endian (PS3.5 §6.2.2).
      return this.enterSequence(tag, vr, undefined, header, encoding, implicitLittleEndian);
    }
    return this.fail('MALFORMED', `Element ${formatTag(tag)} of VR ${vr} has no length.`);
  }

  /** A tag of group FFFE where an element should begin: only the end of the item may stand there. */
  private readDelimiter(tag: Tag): RawToken {
    const { position, frame } = this;
    if (tag !== itemDelimiterTag || frame.end !== undefined || this.depth === 0) {
      this.fail('MALFORMED', `${formatTag(tag)} stands where no item or sequence can begin or end.`);
    }
    return this.leave(position + 8);
  }

  private enterSequence(
    tag: Tag,
    vr: Vr,
    length: number | undefined,
    header: number,
    encoding: ElementEncoding,
    inside: ElementEncoding,
  ): RawToken {
    const { position } = this;
    if (this.depth >= this.maxDepth) {
      this.fail('TOO_LARGE', `Sequences are nested more than ${this.maxDepth} deep.`);
    }
    const valueStart = position + header;
    const token = this.token(
      'sequence-start',
      encoding,
      tag,
      vr,
      length,
      0,
      position,
      valueStart,
      valueStart,
    );
    this.position = valueStart;
    this.enter({
      isItem: false,
      tag,
      vr,
      end: length,
      bound: 0,
      encoding: inside,
      items: 0,
      signed: this.signed,
    });
    this.state = 'items';
    return token;
  }

  private readItem(): RawToken | undefined {
    const { bytes, position } = this;
    if (this.limit - position < 8) return this.need(8);
    const { littleEndian } = this.encoding;
    const tag = readTag(bytes, position, littleEndian);
    const length = readUint32(bytes, position + 4, littleEndian);
    const sequence = this.frame;
    const isEnd = tag === sequenceDelimiterTag && sequence.end === undefined;
    if (isEnd && this.base + position + 8 <= this.bound) return this.leave(position + 8);
    if (tag !== itemTag) {
      this.fail('MALFORMED', `${this.describe()} has ${formatTag(tag)} where an item should begin.`);
    }
    const defined = length === undefinedLength ? undefined : length;
    if (this.base + position + 8 + (defined ?? 0) > this.bound) {
      this.fail('MALFORMED', `An item of ${formatTag(sequence.tag)} is longer than what is around it.`);
    }
    this.position = position + 8;
    this.depth++;
    const index = sequence.items++;
    const token = this.token(
      'item-start',
      this.encoding,
      sequence.tag,
      sequence.vr,
      defined,
      index,
      position,
      position + 8,
      position + 8,
    );
    this.enter({
      isItem: true,
      tag: sequence.tag,
      vr: sequence.vr,
      end: defined,
      bound: 0,
      encoding: this.encoding,
      items: 0,
      signed: sequence.signed,
    });
    this.state = 'elements';
    return token;
  }

  /** Opens a frame at `position`; its `end` is a length still. */
  private enter(frame: Frame): void {
    if (frame.end !== undefined) {
      frame.end += this.base + this.position;
      frame.bound = frame.end;
    } else {
      frame.bound = this.bound;
    }
    this.frames.push(frame);
    this.frame = frame;
    this.bound = frame.bound;
    this.encoding = frame.encoding;
    this.signed = frame.signed;
  }

  /** Closes the innermost frame, whose delimiter, if it has one, ends at `stop`. */
  private leave(stop: number): RawToken {
    const { position } = this;
    const frame = this.frames.pop()!;
    const kind = frame.isItem ? 'item-end' : 'sequence-end';
    const token = this.token(kind, this.encoding, frame.tag, frame.vr, undefined, 0, position, stop, stop);
    this.position = stop;
    const outer = this.frames.at(-1)!;
    if (frame.isItem) {
      this.depth--;
      this.state = 'items';
    } else {
      this.state = 'elements';
    }
    this.frame = outer;
    this.bound = outer.bound;
    this.encoding = outer.encoding;
    this.signed = outer.signed;
    return token;
  }

  /** Pixel data or a long value, as far as they are there. */
  private readBulk(): RawToken | undefined {
    const { position, bulkLeft } = this;
    const isFragment = this.state === 'fragment';
    if (bulkLeft === 0) {
      this.state = isFragment ? 'fragments' : 'elements';
      return this.plain(isFragment ? 'fragment-end' : 'bulk-end', position, position);
    }
    const available = this.limit - position;
    if (available === 0) return this.need(1);
    const stop = position + Math.min(available, bulkLeft);
    this.bulkLeft = bulkLeft - (stop - position);
    this.position = stop;
    return this.plain('bulk-chunk', position, stop);
  }

  /** The next fragment of encapsulated pixel data, or their end (PS3.5 §A.4). */
  private readFragment(): RawToken | undefined {
    const { bytes, position } = this;
    if (this.limit - position < 8) return this.need(8);
    const { littleEndian } = this.encoding;
    const tag = readTag(bytes, position, littleEndian);
    const length = readUint32(bytes, position + 4, littleEndian);
    const stop = position + 8;
    const end = this.base + stop + (tag === itemTag ? length : 0);
    if (end > this.bound) this.fail('MALFORMED', `${this.describe()} ends within pixel data.`);
    if (tag === sequenceDelimiterTag) {
      this.state = 'elements';
      this.position = stop;
      return this.plain('fragments-end', position, stop);
    }
    if (tag !== itemTag || length === undefinedLength) {
      this.fail('MALFORMED', `Encapsulated pixel data have ${formatTag(tag)} where a fragment should begin.`);
    }
    this.position = stop;
    this.state = 'fragment';
    this.bulkLeft = length;
    const index = this.fragmentIndex++;
    return this.token(
      'fragment-start',
      this.encoding,
      pixelDataTag,
      'OB',
      length,
      index,
      position,
      stop,
      stop,
    );
  }

  private token(
    kind: Token['kind'],
    encoding: ElementEncoding,
    tag: Tag,
    vr: Vr,
    length: number | undefined,
    index: number,
    start: number,
    valueStart: number,
    stop: number,
  ): RawToken {
    return new RawToken(
      kind,
      this.depth,
      encoding,
      tag,
      vr,
      length,
      index,
      this.bytes,
      start,
      valueStart,
      stop,
    );
  }

  /** A token that is nothing but bytes. */
  private plain(kind: Token['kind'], start: number, stop: number): RawToken {
    return this.token(kind, this.encoding, pixelDataTag, 'UN', undefined, 0, start, stop, stop);
  }

  /** Nothing may be left or open when the bytes are at their end. */
  private checkEnd(): void {
    if (this.position < this.limit || this.state !== 'elements' || this.frames.length > 1) {
      this.fail('TRUNCATED', 'The data set ends before its last element does.');
    }
  }

  private describe(): string {
    const { isItem, tag } = this.frame;
    return isItem ? `An item of sequence ${formatTag(tag)}` : `Sequence ${formatTag(tag)}`;
  }

  private fail(code: 'MALFORMED' | 'TRUNCATED' | 'TOO_LARGE', message: string): never {
    throw new DicomError(code, `${message} (At byte ${this.base + this.position}.)`);
  }
}

/** The same bytes without what a subclass adds: views of a Node `Buffer`, one for each value, take twice as long to make. */
function plainView(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What might have been written in place of the letters of a VR, as opposed to the low bytes of a length. */
function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}

function readTag(bytes: Uint8Array, at: number, littleEndian: boolean): Tag {
  return littleEndian
    ? ((bytes[at + 1]! << 24) | (bytes[at]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 2]!) >>> 0
    : readUint32(bytes, at, false);
}

function readUint32(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  return littleEndian
    ? (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    : ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
