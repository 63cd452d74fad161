import { concatBytes } from '../data/bytes.ts';

/** Smaller pieces are copied together, so that not every element is a chunk of its own. */
const BLOCK_LENGTH = 64 * 1024;
/** So many bytes of sequences and items are collected to find their lengths; longer ones end with delimiters instead. */
const MOST_COLLECTED = 1024 * 1024;

/** A sequence or an item that is open. */
interface Open {
  header(length: number | undefined): Uint8Array;
  delimiter: Uint8Array;
  /** What is in it, while its length is to be found out. */
  content: Uint8Array[] | undefined;
  length: number;
}

/**
 * Gathers the bytes of a data set whose elements change their lengths. Sequences and items of defined length get their new
 * length; those too long to be collected an undefined one, with a delimiter, which means the same (PS3.5 §7.5).
 */
export class DatasetOutput {
  readonly #open: Open[] = [];
  /** Those of them whose length is to be found out: bytes go to the innermost. */
  readonly #collecting: Open[] = [];
  #collected = 0;
  readonly #ready: Uint8Array[] = [];
  #block = new Uint8Array(BLOCK_LENGTH);
  #blockLength = 0;

  /** Bytes go in as they are; their memory is not copied where it is large. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const innermost = this.#collecting.at(-1);
    if (!innermost) {
      this.#emit(bytes);
      return;
    }
    innermost.content!.push(bytes);
    innermost.length += bytes.length;
    this.#collected += bytes.length;
    if (this.#collected > MOST_COLLECTED) this.#giveUpLengths();
  }

  /**
   * A sequence or an item begins.
   *
   * @param hasLength it has a defined length, to be found out
   * @param header makes its header
   */
  begin(hasLength: boolean, header: (length: number | undefined) => Uint8Array, delimiter: Uint8Array): void {
    if (!hasLength) this.write(header(undefined));
    const open = { header, delimiter, content: hasLength ? [] : undefined, length: 0 };
    this.#open.push(open);
    if (hasLength) this.#collecting.push(open);
  }

  /** The one that began last ends. */
  end(): void {
    const { content, header, length, delimiter } = this.#open.pop()!;
    if (!content) {
      this.write(delimiter);
      return;
    }
    this.#collecting.pop();
    this.#collected -= length;
    this.write(concatBytes([header(length), ...content]));
  }

  /** Is there something to take? */
  get ready(): boolean {
    return this.#ready.length > 0;
  }

  /** Takes what can go on its way; at the end, all there is. */
  take(isEnd = false): Uint8Array[] {
    if (isEnd) this.#flushBlock();
    return this.#ready.splice(0);
  }

  #giveUpLengths(): void {
    for (const open of this.#collecting) {
      this.#emit(open.header(undefined));
      for (const piece of open.content!) this.#emit(piece);
      open.content = undefined;
    }
    this.#collecting.length = 0;
    this.#collected = 0;
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.length >= BLOCK_LENGTH / 2) {
      this.#flushBlock();
      this.#ready.push(bytes);
      return;
    }
    if (this.#blockLength + bytes.length > BLOCK_LENGTH) this.#flushBlock();
    this.#block.set(bytes, this.#blockLength);
    this.#blockLength += bytes.length;
  }

  #flushBlock(): void {
    if (this.#blockLength === 0) return;
    this.#ready.push(this.#block.subarray(0, this.#blockLength));
    this.#block = new Uint8Array(BLOCK_LENGTH);
    this.#blockLength = 0;
  }
}
