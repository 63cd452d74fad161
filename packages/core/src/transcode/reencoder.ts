import { swapBytes } from '../data/attribute-collector.ts';
import { concatBytes } from '../data/bytes.ts';
import { vrOf } from '../data/dictionary.ts';
import {
  type BulkStartToken,
  type ElementEncoding,
  type ElementToken,
  elementEncodingOf,
  type FragmentsStartToken,
  type ItemStartToken,
  implicitLittleEndian,
  type SequenceStartToken,
  type Token,
} from '../data/element-reader.ts';
import {
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeItemHeader,
  encodeSequenceDelimiter,
} from '../data/element-writer.ts';
import type { Tag } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { hasLongLength, type Vr, vrUnit } from '../data/vr.ts';
import { DatasetOutput } from './dataset-output.ts';
import type { FrameDecoder } from './decode-frame.ts';
import { FrameAssembler } from './frame-assembler.ts';
import {
  type FrameLayout,
  frameLayout,
  type ImageAttributes,
  noteImageAttribute,
  unsupported,
} from './image-attributes.ts';

/** A value that comes in pieces. */
interface Bulk {
  /** Bytes of one unit where the byte order changes; 1 where it stays. */
  unit: number;
  /** The beginning of a unit whose rest comes with the next piece. */
  carry: Uint8Array;
  padding: Uint8Array;
}

/** Pixel data that are being decoded. */
interface Decoding {
  layout: FrameLayout;
  assembler: FrameAssembler;
  decoder: FrameDecoder;
  /** Unit that the byte order turns around. */
  unit: number;
}

/** Fragments and frames are longer than the pixels they hold by no more than this. */
const MOST_OVERHEAD = 64 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * Writes the tokens of a data set in another transfer syntax.
 *
 * - What is encoded as the target wants it is copied byte for byte; a length that changes is computed anew, a form (with
 *   length or delimiter) is kept.
 * - From implicit VR, a VR comes from the dictionary, with Pixel Representation and Bits Allocated where that leaves a choice;
 *   what the dictionary does not know is UN, and a private sequence of undefined length is SQ (PS3.5 §6.2.2, §A.1 to §A.3).
 * - A private sequence in implicit VR gets an undefined length, or nobody could tell that it is one.
 * - What is in UN stays as it is: implicit VR little endian (PS3.5 §6.2.2).
 * - Group lengths, retired and no longer true, are left out (PS3.5 §7.2).
 * - Frames are decoded one at a time; with them go the Extended Offset Tables.
 */
export class Reencoder {
  readonly output = new DatasetOutput();
  readonly #decoder: FrameDecoder | undefined;
  /** Encodings to write in, of the data set and of each sequence that is open. */
  readonly #targets: ElementEncoding[];
  /** Of the data set and of each item that is open. */
  readonly #images: ImageAttributes[] = [{}];
  #bulk: Bulk | undefined;
  /** The bulk value that goes by is left out. */
  #leftOut = false;
  #decoding: Decoding | undefined;

  /** @param decoder of the source's frames; none where the source is not compressed */
  constructor(transferSyntaxUid: string, decoder: FrameDecoder | undefined) {
    this.#targets = [elementEncodingOf(transferSyntaxUid)];
    this.#decoder = decoder;
  }

  write(token: Token): void {
    switch (token.kind) {
      case 'element':
        this.#element(token);
        break;
      case 'sequence-start':
        this.#sequence(token);
        break;
      case 'item-start':
        this.#item(token);
        break;
      case 'sequence-end':
        this.#targets.pop();
        this.output.end();
        break;
      case 'item-end':
        this.#images.pop();
        this.output.end();
        break;
      case 'bulk-start':
        this.#bulkStart(token);
        break;
      case 'bulk-chunk':
        if (this.#decoding) this.#decoding.assembler.add(token.bytes);
        else this.#bulkChunk(token.bytes);
        break;
      case 'bulk-end':
        this.#bulkEnd();
        break;
      case 'fragments-start':
        this.#fragmentsStart(token);
        break;
      case 'fragment-start':
        this.#decoding!.assembler.begin(token.index, token.length);
        break;
      case 'fragment-end':
        this.#fragmentEnd(this.#decoding!);
        break;
      case 'fragments-end':
        this.#fragmentsEnd(this.#decoding!);
    }
  }

  get #target(): ElementEncoding {
    return this.#targets.at(-1)!;
  }

  get #image(): ImageAttributes {
    return this.#images.at(-1)!;
  }

  #element(token: ElementToken): void {
    const { tag, vr, value, encoding } = token;
    if (isLeftOut(tag, this.#decoder !== undefined && token.depth === 0)) return;
    noteImageAttribute(this.#image, token);
    const target = this.#target;
    if (tag === Tags.PhotometricInterpretation && token.depth === 0 && this.#decoder) {
      const before = this.#image.photometricInterpretation;
      const after = this.#decoder.photometricInterpretation(before);
      if (after !== before && after !== undefined) {
        this.output.write(encodeElement(tag, vr, encodeAscii(after), target));
        return;
      }
    }
    if (isSame(encoding, target)) {
      this.output.write(token.bytes);
      return;
    }
    const written = writtenVr(vr, value.length, target);
    const unit = encoding.littleEndian === target.littleEndian ? 1 : vrUnit(written);
    this.output.write(encodeElement(tag, written, swapBytes(value, unit), target));
  }

  #sequence(token: SequenceStartToken): void {
    const { tag, vr, length } = token;
    const target = this.#target;
    // In UN, whoever reads it expects implicit VR little endian.
    const inside = vr === 'UN' && target.explicitVr ? implicitLittleEndian : target;
    this.#targets.push(inside);
    // Of a private sequence in implicit VR, nothing but an undefined length tells that it is one.
    const needsDelimiter = vr === 'SQ' && !target.explicitVr && vrOf(tag) !== 'SQ';
    this.output.begin(
      length !== undefined && !needsDelimiter,
      (newLength) => encodeElementHeader(tag, vr, newLength, target),
      encodeSequenceDelimiter(inside),
    );
  }

  #item(token: ItemStartToken): void {
    const target = this.#target;
    const around = this.#image.pixelRepresentation;
    this.#images.push(around === undefined ? {} : { pixelRepresentation: around });
    this.output.begin(
      token.length !== undefined,
      (length) => encodeItemHeader(length, target),
      encodeItemDelimiter(target),
    );
  }

  #bulkStart(token: BulkStartToken): void {
    const { tag, length, encoding } = token;
    this.#leftOut = isLeftOut(tag, this.#decoder !== undefined && token.depth === 0);
    if (this.#leftOut) return;
    const target = this.#target;
    const isPadded = length % 2 !== 0 && !isSame(encoding, target);
    const padding = isPadded ? new Uint8Array(1) : NOTHING;
    if (isSame(encoding, target)) {
      this.output.write(token.bytes);
      this.#bulk = { unit: 1, carry: NOTHING, padding };
      return;
    }
    const isFromImplicit = !encoding.explicitVr && target.explicitVr;
    const vr = isFromImplicit && tag === Tags.PixelData ? pixelDataVr(this.#image) : token.vr;
    const written = writtenVr(vr, length, target);
    const unit = encoding.littleEndian === target.littleEndian ? 1 : vrUnit(written);
    this.output.write(encodeElementHeader(tag, written, length + padding.length, target));
    this.#bulk = { unit, carry: NOTHING, padding };
  }

  #bulkChunk(bytes: Uint8Array): void {
    if (this.#leftOut) return;
    const bulk = this.#bulk!;
    if (bulk.unit === 1) {
      this.output.write(bytes);
      return;
    }
    const all = bulk.carry.length === 0 ? bytes : concatBytes([bulk.carry, bytes]);
    const whole = all.length - (all.length % bulk.unit);
    bulk.carry = all.slice(whole);
    this.output.write(swapUnits(all.subarray(0, whole), bulk.unit));
  }

  #bulkEnd(): void {
    if (!this.#leftOut) {
      this.output.write(this.#bulk!.carry);
      this.output.write(this.#bulk!.padding);
    }
    this.#bulk = undefined;
    this.#leftOut = false;
  }

  #fragmentsStart({ tag, depth }: FragmentsStartToken): void {
    const decoder = this.#decoder;
    if (!decoder || tag !== Tags.PixelData)
      throw unsupported('it has fragments that are no compressed frames');
    const layout = frameLayout(this.#image);
    const { photometricInterpretation: photometric } = layout;
    // In an item it may have been written before anybody could know that frames would follow.
    if (depth > 0 && decoder.photometricInterpretation(photometric) !== photometric) {
      throw unsupported('the colours of an image in a sequence would change');
    }
    const length = layout.frames * layout.frameLength;
    const padded = length + (length % 2);
    if (padded >= 0xffffffff) throw unsupported('decoded, its pixel data are 4 GiB long or more');
    const target = this.#target;
    const vr = pixelDataVr(this.#image);
    this.output.write(encodeElementHeader(tag, vr, padded, target));
    this.#decoding = {
      layout,
      decoder,
      assembler: new FrameAssembler({
        frames: layout.frames,
        oneFragmentEach: decoder.oneFragmentEach,
        maxLength: 2 * layout.frameLength + MOST_OVERHEAD,
      }),
      unit: target.littleEndian ? 1 : vrUnit(vr),
    };
  }

  #frame({ layout, decoder, unit }: Decoding, frame: Uint8Array): void {
    this.output.write(swapUnits(decoder.decode(frame, layout), unit));
  }

  #fragmentEnd(decoding: Decoding): void {
    const frame = decoding.assembler.end();
    if (frame) this.#frame(decoding, frame);
  }

  #fragmentsEnd(decoding: Decoding): void {
    this.#frame(decoding, decoding.assembler.finish());
    const { frames, frameLength } = decoding.layout;
    if ((frames * frameLength) % 2 !== 0) this.output.write(new Uint8Array(1));
    this.#decoding = undefined;
  }
}

/** Group lengths and, of compressed pixel data, the tables about their fragments (PS3.3 §C.7.6.3.1.8). */
function isLeftOut(tag: Tag, isDecoded: boolean): boolean {
  if ((tag & 0xffff) === 0) return true;
  return isDecoded && tag >= Tags.ExtendedOffsetTable && tag <= Tags.EncapsulatedPixelDataValueTotalLength;
}

function isSame(one: ElementEncoding, other: ElementEncoding): boolean {
  return one.explicitVr === other.explicitVr && one.littleEndian === other.littleEndian;
}

/** A value too long for its VR's length field is written as UN (PS3.5 §6.2.2), and so in little endian. */
function writtenVr(vr: Vr, length: number, target: ElementEncoding): Vr {
  return target.explicitVr && !hasLongLength(vr) && length > 0xfffe ? 'UN' : vr;
}

/** Samples of up to 8 bits are OB where the VR is written (PS3.5 §8.1.2, §A.2). */
function pixelDataVr({ bitsAllocated = 16 }: ImageAttributes): Vr {
  return bitsAllocated <= 8 ? 'OB' : 'OW';
}

function encodeAscii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Like `swapBytes`, for values of megabytes. */
function swapUnits(bytes: Uint8Array, unit: number): Uint8Array {
  if (unit === 1) return bytes;
  if (unit !== 2) return swapBytes(bytes, unit);
  const swapped = new Uint8Array(bytes.length);
  const end = bytes.length - (bytes.length % 2);
  for (let at = 0; at < end; at += 2) {
    swapped[at] = bytes[at + 1]!;
    swapped[at + 1] = bytes[at]!;
  }
  if (end < bytes.length) swapped[end] = bytes[end]!;
  return swapped;
}
