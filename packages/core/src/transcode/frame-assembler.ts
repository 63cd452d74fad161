import { concatBytes } from '../data/bytes.ts';
import { DicomError } from '../errors.ts';

export interface FrameAssemblerOptions {
  /** Number of Frames (0028,0008). */
  frames: number;
  /** Without an offset table, each of several frames is one fragment: so it is with RLE (PS3.5 §A.4.2). */
  oneFragmentEach: boolean;
  /** Longest compressed frame, in bytes. */
  maxLength: number;
}

/**
 * Puts fragments together to frames (PS3.5 §A.4). Where several frames have several fragments, a Basic Offset Table tells
 * them apart; where that is empty, the markers do that a codestream begins with.
 */
export class FrameAssembler {
  readonly #options: FrameAssemblerOptions;
  #table: Uint8Array[] = [];
  #starts: ReadonlySet<number> | undefined;
  /** Of the frame that may go on, the fragments so far. */
  #frame: Uint8Array[] = [];
  #frameLength = 0;
  #fragment: Uint8Array[] = [];
  #fragmentLength = 0;
  #index = 0;
  /** Where the fragment's item begins, from the first one's on, and where the next one will. */
  #start = 0;
  #next = 0;
  #given = 0;

  constructor(options: FrameAssemblerOptions) {
    this.#options = options;
  }

  /** A fragment begins; the first of all is the Basic Offset Table. */
  begin(index: number, length: number): void {
    this.#index = index;
    this.#fragment = [];
    this.#fragmentLength = length;
    if (index === 0) {
      if (length > 4 * this.#options.frames)
        throw malformed('the Basic Offset Table has more entries than there are frames');
      return;
    }
    this.#start = this.#next;
    this.#next += 8 + length;
    if (length > this.#options.maxLength)
      throw malformed('a fragment is longer than a compressed frame can be');
  }

  add(bytes: Uint8Array): void {
    (this.#index === 0 ? this.#table : this.#fragment).push(bytes);
  }

  /** The fragment is at its end. Gives the frame before it, if that is complete now. */
  end(): Uint8Array | undefined {
    if (this.#index === 0) {
      this.#readTable();
      return undefined;
    }
    const begins = this.#index > 1 && this.#beginsFrame();
    const frame = begins ? this.#give() : undefined;
    this.#frame.push(...this.#fragment);
    this.#frameLength += this.#fragmentLength;
    if (this.#frameLength > this.#options.maxLength)
      throw malformed('a frame is longer than a compressed frame can be');
    return frame;
  }

  /** All fragments were there: gives the last frame. */
  finish(): Uint8Array {
    const { frames } = this.#options;
    const frame = this.#give();
    if (this.#given !== frames) {
      throw malformed(`there are ${this.#given} frames instead of ${frames}`);
    }
    return frame;
  }

  #give(): Uint8Array {
    this.#given += 1;
    if (this.#given > this.#options.frames) {
      throw malformed(`there are more than ${this.#options.frames} frames`);
    }
    const frame = concatBytes(this.#frame);
    this.#frame = [];
    this.#frameLength = 0;
    return frame;
  }

  #beginsFrame(): boolean {
    if (this.#options.frames === 1) return false;
    if (this.#starts) return this.#starts.has(this.#start);
    if (this.#options.oneFragmentEach) return true;
    return beginsCodestream(this.#fragment);
  }

  #readTable(): void {
    const table = concatBytes(this.#table);
    this.#table = [];
    // One that does not name every frame tells nothing.
    if (table.length !== 4 * this.#options.frames) return;
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    const starts = new Set<number>();
    for (let at = 0; at + 4 <= table.length; at += 4) starts.add(view.getUint32(at, true));
    this.#starts = starts;
  }
}

/** SOI of JPEG and JPEG-LS, or SOC and SIZ of JPEG 2000, neither of which can stand within a codestream. */
function beginsCodestream(fragment: readonly Uint8Array[]): boolean {
  const head: number[] = [];
  for (const piece of fragment) {
    for (const byte of piece) {
      head.push(byte);
      if (head.length === 4) break;
    }
    if (head.length === 4) break;
  }
  const [first, second, third, fourth] = head;
  if (first !== 0xff || third !== 0xff) return false;
  return second === 0xd8 || (second === 0x4f && fourth === 0x51);
}

function malformed(what: string): DicomError {
  return new DicomError('MALFORMED', `The compressed pixel data are broken: ${what}.`);
}
