/** Where the length of a sequence or an item stands that is still being written. */
export interface OpenLength {
  /** True when a delimiter will have to end it. */
  undefinedLength: boolean;
  readonly block: Uint8Array;
  readonly offset: number;
  readonly littleEndian: boolean;
  /** Bytes written before its value. */
  readonly start: number;
}

/**
 * Blocks begin small, for most data sets are long only by what is passed on as it is: in a browser, memory of 4 KiB and more takes
 * longer than what is written into it.
 */
const firstBlockSize = 2 * 1024;
const maxBlockSize = 64 * 1024;

/** Longer pieces are passed on as they are, shorter ones are copied together. */
const minPassed = 4 * 1024;

const undefinedLength = 0xffffffff;

/**
 * Collects the bytes of a data set as they are made.
 *
 * The length of a sequence or an item stands before its contents, so these are held here until it is known, the outermost
 * one with all it holds. Beyond `maxHeld` bytes it gets an undefined length and its contents go on their way.
 */
export class DatasetOutput {
  readonly #maxHeld: number;
  #done: Uint8Array[] = [];
  #block = new Uint8Array(0);
  /** Bytes of the block that are in use, and how many of them are in `#done`. */
  #filled = 0;
  #sealed = 0;
  #written = 0;
  readonly #open: OpenLength[] = [];

  constructor(maxHeld: number) {
    this.#maxHeld = maxHeld;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length >= minPassed) {
      this.#seal();
      this.#done.push(bytes);
    } else {
      this.#room(bytes.length);
      this.#block.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
    this.#written += bytes.length;
    const outermost = this.#open[0];
    if (outermost !== undefined && this.#written - outermost.start > this.#maxHeld) this.#giveUpLengths();
  }

  /** Writes the header of a sequence or an item, whose last four bytes are its length; `closeLength` sets that. */
  openLength(header: Uint8Array, littleEndian: boolean): OpenLength {
    this.#room(header.length);
    this.#block.set(header, this.#filled);
    this.#filled += header.length;
    this.#written += header.length;
    const open: OpenLength = {
      undefinedLength: false,
      block: this.#block,
      offset: this.#filled - 4,
      littleEndian,
      start: this.#written,
    };
    this.#open.push(open);
    return open;
  }

  /** Ends what was opened last. Returns false when its length had to be left undefined: a delimiter must follow. */
  closeLength(open: OpenLength): boolean {
    if (open.undefinedLength) return false;
    this.#open.pop();
    setLength(open, this.#written - open.start);
    return true;
  }

  /** The bytes that are ready to go; none while a length before them is not known. */
  take(): Uint8Array[] {
    if (this.#open.length > 0) return [];
    this.#seal();
    // What was taken belongs to whoever took it, and with it the memory of the block.
    this.#block = new Uint8Array(0);
    this.#filled = 0;
    this.#sealed = 0;
    const taken = this.#done;
    this.#done = [];
    return taken;
  }

  #giveUpLengths(): void {
    for (const open of this.#open) {
      open.undefinedLength = true;
      setLength(open, undefinedLength);
    }
    this.#open.length = 0;
  }

  #seal(): void {
    if (this.#filled > this.#sealed) this.#done.push(this.#block.subarray(this.#sealed, this.#filled));
    this.#sealed = this.#filled;
  }

  /** Makes room for so many bytes in one piece. */
  #room(count: number): void {
    if (this.#filled + count <= this.#block.length) return;
    this.#seal();
    const size = Math.min(Math.max(this.#block.length * 2, firstBlockSize), maxBlockSize);
    this.#block = new Uint8Array(Math.max(count, size));
    this.#filled = 0;
    this.#sealed = 0;
  }
}

function setLength({ block, offset, littleEndian }: OpenLength, length: number): void {
  for (let i = 0; i < 4; i++) {
    block[offset + (littleEndian ? i : 3 - i)] = (length >>> (8 * i)) & 0xff;
  }
}
