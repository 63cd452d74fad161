import type { ReleasableDataset } from '@adit/core';
import type { ReadMemory } from './read-memory.ts';

/** Tells the connection when to stop reading and when to go on. */
export interface FlowControl {
  /** So many bytes wait for the reader now. */
  onQueued(bytes: number): void;
  /** The reader took so many bytes. */
  onTaken(bytes: number): void;
  /** What the piece that is being pushed lies in, where that can be given back early. */
  memory?(): ReadMemory | undefined;
}

/** How the one who reads a data set leaves it. */
export type DatasetEnd = 'read' | 'refused' | 'failed';

type Result = IteratorResult<Uint8Array, undefined>;
const DONE: Result = { done: true, value: undefined };

/** Of a view of a chunk, in bytes. */
const PIECE_OVERHEAD = 128;

/** Taken pieces are let go in lots of this size: shifting an array for each would cost more. */
const COMPACT_AFTER = 64;

/** What a waiting piece holds of memory: a peer may send its data set byte by byte. */
function costOf(piece: Uint8Array): number {
  return piece.length + PIECE_OVERHEAD;
}

/**
 * A data set that comes in over an association: an `AsyncIterable` with one reader, fed piece by piece.
 *
 * It is a hand-written iterator, because a study in 16 KiB PDUs makes tens of thousands of pieces and an async generator
 * costs several promises each.
 */
export class IncomingDataset implements ReleasableDataset, AsyncIterator<Uint8Array, undefined> {
  /** Settles when the reader has come to the end, has left early, or the data set has failed. */
  readonly settled: Promise<DatasetEnd>;
  /** Settles when nothing more comes from the peer: the data set is complete, or it has failed. */
  readonly arrived: Promise<void>;
  readonly #flow: FlowControl;
  readonly #queue: Uint8Array[] = [];
  /** Of pieces that were not released. Weak, since most readers leave them to the garbage collector. */
  readonly #memories = new WeakMap<Uint8Array, ReadMemory>();
  #head = 0;
  #waiting: { resolve: (result: Result) => void; reject: (error: unknown) => void } | undefined;
  #complete = false;
  #error: unknown;
  #begun = false;
  #end: DatasetEnd | undefined;
  #settle!: (end: DatasetEnd) => void;
  #arrive!: () => void;

  constructor(flow: FlowControl) {
    this.#flow = flow;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.arrived = new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }

  /** The last byte has come from the peer, read or not. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Somebody has begun to read. */
  get begun(): boolean {
    return this.#begun;
  }

  /** How it was left; undefined while it is being read. */
  get end(): DatasetEnd | undefined {
    return this.#end;
  }

  // For the association

  push(bytes: Uint8Array): void {
    if (this.#end !== undefined || bytes.length === 0) return;
    const memory = this.#flow.memory?.();
    if (memory) {
      memory.hold();
      this.#memories.set(bytes, memory);
    }
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value: bytes });
      return;
    }
    this.#queue.push(bytes);
    this.#flow.onQueued(costOf(bytes));
  }

  finish(): void {
    this.#complete = true;
    this.#arrive();
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      this.#leave('read');
      resolve(DONE);
    }
  }

  fail(error: unknown): void {
    this.#arrive();
    if (this.#complete || this.#end !== undefined) return;
    this.#error = error;
    this.#dropQueue();
    this.#leave('failed');
    if (this.#waiting) {
      const { reject } = this.#waiting;
      this.#waiting = undefined;
      reject(error);
    }
  }

  /** Gives up what was not read: what still comes is thrown away. */
  discard(): void {
    if (this.#end !== undefined) return;
    this.#dropQueue();
    this.#leave('refused');
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(DONE);
    }
  }

  // For the reader

  [Symbol.asyncIterator](): this {
    this.#begun = true;
    return this;
  }

  next(): Promise<Result> {
    this.#begun = true;
    if (this.#head < this.#queue.length) {
      const value = this.#queue[this.#head]!;
      this.#head += 1;
      if (this.#head === this.#queue.length || this.#head === COMPACT_AFTER) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
      this.#flow.onTaken(costOf(value));
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#end !== undefined) return Promise.resolve(DONE);
    if (this.#complete) {
      this.#leave('read');
      return Promise.resolve(DONE);
    }
    if (this.#waiting) return Promise.reject(new TypeError('A data set has one reader'));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<Result> {
    this.discard();
    return Promise.resolve(DONE);
  }

  release(chunk: Uint8Array): void {
    const memory = this.#memories.get(chunk);
    if (!memory) return;
    this.#memories.delete(chunk);
    memory.letGo();
  }

  #dropQueue(): void {
    let bytes = 0;
    for (let index = this.#head; index < this.#queue.length; index++) {
      const piece = this.#queue[index]!;
      bytes += costOf(piece);
      this.release(piece);
    }
    this.#queue.length = 0;
    this.#head = 0;
    if (bytes > 0) this.#flow.onTaken(bytes);
  }

  #leave(end: DatasetEnd): void {
    this.#end = end;
    this.#settle(end);
  }
}
