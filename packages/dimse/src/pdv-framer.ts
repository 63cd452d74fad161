import { PDU_HEADER_LENGTH, PDV_COMMAND, PDV_HEADER_LENGTH, PDV_LAST, PduType } from './pdu.ts';

/** Bytes handed to the operating system at once. */
export const BATCH_LENGTH = 1024 * 1024;

/** Both headers in front of a fragment: one PDV a PDU. */
const HEADERS_LENGTH = PDU_HEADER_LENGTH + PDV_HEADER_LENGTH;

/** No fragment shorter than this is begun at the end of a batch: a new batch costs less than a stunted PDU. */
const SHORTEST_TAIL = 4096;

/** Memory of batches waiting for its next use; more than this are left to the garbage collector. */
const MAXIMUM_SPARE = 16;
const spareMemory: Buffer[] = [];

/** Pieces of so many bytes are not copied: to hand the operating system one more piece takes less. */
const SHORTEST_VIEW = 2048;

/** PDUs, or a part of them, to be handed to the operating system at once. */
export interface Batch {
  /** In the order they are sent: headers with what was copied behind them, and views of what was not. */
  readonly parts: readonly Uint8Array[];
  /** What its headers lie in, see `recycleBatch`. */
  readonly memory: Buffer;
}

/** Gives the memory of a batch back once its bytes are written. */
export function recycleBatch({ memory }: Pick<Batch, 'memory'>): void {
  if (memory.length === BATCH_LENGTH && spareMemory.length < MAXIMUM_SPARE) spareMemory.push(memory);
}

/**
 * Longest fragment that fits the peer's PDUs: even, for fragments of odd length are not allowed (PS3.8 §E.2), and 0 where
 * the peer takes none at all.
 *
 * @param peerMaximumLength as the peer announced it; 0 is no limit (PS3.8 §D.1)
 */
export function maximumFragmentLength(peerMaximumLength: number): number {
  const limit = peerMaximumLength === 0 ? BATCH_LENGTH - PDU_HEADER_LENGTH : peerMaximumLength;
  const length = Math.min(limit, BATCH_LENGTH - PDU_HEADER_LENGTH) - PDV_HEADER_LENGTH;
  return Math.max(0, length - (length % 2));
}

/**
 * Frames one DIMSE message into P-DATA-TF PDUs, gathered in large batches. A fragment stays open until it is known whether
 * more follows, for its header says so.
 */
export class PdvFramer {
  readonly #contextId: number;
  readonly #maximumFragment: number;
  #memory = takeMemory();
  /** Bytes of the memory that are in use. */
  #used = 0;
  /** Where in the memory that begins which is in none of the parts. */
  #partStart = 0;
  #parts: Uint8Array[] = [];
  /** Of the batch, views included. */
  #length = 0;
  /** Where in the memory the open fragment's headers begin; -1 when none is open. */
  #open = -1;
  #fragmentLength = 0;
  #control = 0;

  constructor(contextId: number, maximumFragment: number) {
    this.#contextId = contextId;
    this.#maximumFragment = maximumFragment;
  }

  /** Frames the command set, which goes first and always fits the batch. */
  command(bytes: Uint8Array): void {
    this.#control = PDV_COMMAND;
    this.append(bytes, 0);
    this.end();
    this.#control = 0;
  }

  /**
   * Frames data from `offset` on and returns how far it came. Less than the whole means that the batch is full: `take` it
   * and go on. The bytes must not change before the batch is written.
   */
  append(bytes: Uint8Array, offset: number): number {
    let at = offset;
    while (at < bytes.length) {
      let room = this.#room();
      if (room === 0) {
        this.#close(0);
        if (BATCH_LENGTH - this.#length < HEADERS_LENGTH + Math.min(SHORTEST_TAIL, this.#maximumFragment))
          break;
        this.#begin();
        room = this.#room();
      }
      const end = Math.min(bytes.length, at + room);
      this.#add(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
    }
    return at;
  }

  /**
   * Frames the last `length` bytes of the data set without having them, as far as the batch has room, and gives the
   * places where they belong.
   */
  reserve(length: number): Buffer[] {
    const places: Buffer[] = [];
    let left = length;
    while (left > 0) {
      const shortest = Math.min(SHORTEST_TAIL, this.#maximumFragment, left);
      if (BATCH_LENGTH - this.#length < HEADERS_LENGTH + shortest) break;
      this.#begin();
      const end = this.#used + Math.min(left, this.#room());
      const place = this.#memory.subarray(this.#used, end);
      places.push(place);
      left -= place.length;
      this.#grow(place.length);
      this.#used = end;
      this.#close(left === 0 ? PDV_LAST : 0);
    }
    return places;
  }

  /** Marks the end of the command set or data set, which may be empty. */
  end(): void {
    if (this.#open < 0) this.#begin();
    this.#close(PDV_LAST);
  }

  /** What is framed so far. The framer goes on in a new batch. */
  take(): Batch {
    this.#endPart();
    const batch = { parts: this.#parts, memory: this.#memory };
    this.#clear();
    return batch;
  }

  /** Gives up what is framed. */
  drop(): void {
    recycleBatch({ memory: this.#memory });
    this.#clear();
    this.#open = -1;
  }

  #add(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    if (bytes.length < SHORTEST_VIEW) {
      this.#memory.set(bytes, this.#used);
      this.#used += bytes.length;
    } else {
      this.#endPart();
      this.#parts.push(bytes);
    }
  }

  #grow(length: number): void {
    this.#fragmentLength += length;
    this.#length += length;
  }

  /** Makes a part of what was written to the memory since the last one. */
  #endPart(): void {
    if (this.#used > this.#partStart) this.#parts.push(this.#memory.subarray(this.#partStart, this.#used));
    this.#partStart = this.#used;
  }

  #clear(): void {
    this.#memory = EMPTY;
    this.#used = 0;
    this.#partStart = 0;
    this.#parts = [];
    this.#length = 0;
  }

  #room(): number {
    if (this.#open < 0) return 0;
    return Math.min(this.#maximumFragment - this.#fragmentLength, BATCH_LENGTH - this.#length);
  }

  #begin(): void {
    if (this.#memory === EMPTY) this.#memory = takeMemory();
    this.#open = this.#used;
    this.#fragmentLength = 0;
    this.#used += HEADERS_LENGTH;
    this.#length += HEADERS_LENGTH;
  }

  #close(last: number): void {
    if (this.#open < 0) return;
    writeHeaders(this.#memory, this.#open, this.#fragmentLength, this.#contextId, this.#control | last);
    this.#open = -1;
  }
}

const EMPTY = Buffer.alloc(0);

function takeMemory(): Buffer {
  return spareMemory.pop() ?? Buffer.from(Buffer.allocUnsafeSlow(BATCH_LENGTH).buffer);
}

/** P-DATA-TF PDU with one presentation data value item (PS3.8 §9.3.5). */
function writeHeaders(
  target: Buffer,
  at: number,
  fragmentLength: number,
  contextId: number,
  control: number,
): void {
  target[at] = PduType.data;
  target[at + 1] = 0;
  target.writeUInt32BE(fragmentLength + PDV_HEADER_LENGTH, at + 2);
  // The item's length counts the context id and the message control header.
  target.writeUInt32BE(fragmentLength + 2, at + PDU_HEADER_LENGTH);
  target[at + 10] = contextId;
  target[at + 11] = control;
}

/** Frames a small message whole: a command set and the data set that may go with it. */
export function frameMessage(
  contextId: number,
  maximumFragment: number,
  command: Uint8Array,
  dataset?: Uint8Array,
): Buffer {
  const framed = (bytes: Uint8Array) =>
    bytes.length + HEADERS_LENGTH * Math.max(1, Math.ceil(bytes.length / maximumFragment));
  const message = Buffer.allocUnsafe(framed(command) + (dataset ? framed(dataset) : 0));
  const end = frame(message, 0, contextId, maximumFragment, PDV_COMMAND, command);
  if (dataset) frame(message, end, contextId, maximumFragment, 0, dataset);
  return message;
}

/** Returns where it ended. */
function frame(
  target: Buffer,
  from: number,
  contextId: number,
  maximumFragment: number,
  control: number,
  bytes: Uint8Array,
): number {
  let to = from;
  let at = 0;
  do {
    const end = Math.min(bytes.length, at + maximumFragment);
    writeHeaders(target, to, end - at, contextId, end === bytes.length ? control | PDV_LAST : control);
    target.set(bytes.subarray(at, end), to + HEADERS_LENGTH);
    to += HEADERS_LENGTH + end - at;
    at = end;
  } while (at < bytes.length);
  return to;
}
