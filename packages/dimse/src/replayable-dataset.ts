import { isStoredDataset } from '@adit/core';

type Result = IteratorResult<Uint8Array, undefined>;
const DONE: Result = { done: true, value: undefined };

/**
 * A data set that can begin anew as long as not much of it was read: what was read is kept until `forget`. So an object
 * whose association broke before it was really under way can take another one.
 */
export class ReplayableDataset implements AsyncIterable<Uint8Array> {
  readonly #dataset: AsyncIterable<Uint8Array>;
  #opened: AsyncIterator<Uint8Array> | undefined;
  #kept: Uint8Array[] | undefined = [];
  #pulling: Promise<void> | undefined;
  #done = false;
  #failed = false;
  #error: unknown;

  constructor(dataset: AsyncIterable<Uint8Array>) {
    this.#dataset = dataset;
  }

  get #source(): AsyncIterator<Uint8Array> {
    this.#opened ??= this.#dataset[Symbol.asyncIterator]();
    return this.#opened;
  }

  /** It can be read from the beginning again. */
  get repeatable(): boolean {
    return this.#kept !== undefined && !this.#failed;
  }

  /** The source threw `error`. */
  get failure(): { error: unknown } | undefined {
    return this.#failed ? { error: this.#error } : undefined;
  }

  /** Lets go of what was read; there is one pass from here on. */
  forget(): void {
    this.#kept = undefined;
  }

  /** Tells the source that no more is wanted. */
  async dispose(): Promise<void> {
    this.#kept = undefined;
    // A file that was sent by another way was never opened here; of others there is one reading, which ends unread.
    if (this.#done || (!this.#opened && isStoredDataset(this.#dataset))) return;
    await this.#source.return?.();
  }

  /** One pass over the data set. Leaving it early does not end the source: another pass may follow. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    let index = 0;
    const next = async (): Promise<Result> => {
      for (;;) {
        if (this.#failed) throw this.#error;
        if (!this.#kept) return await this.#pullDirectly();
        if (index < this.#kept.length) return { done: false, value: this.#kept[index++]! };
        if (this.#done) return DONE;
        // A pass that was given up may still be waiting for the source: its piece is not lost.
        this.#pulling ??= this.#pull();
        await this.#pulling;
      }
    };
    return { next };
  }

  async #pull(): Promise<void> {
    try {
      const result = await this.#source.next();
      if (result.done) this.#done = true;
      else this.#kept?.push(result.value);
    } catch (error) {
      this.#failed = true;
      this.#error = error;
    } finally {
      this.#pulling = undefined;
    }
  }

  async #pullDirectly(): Promise<Result> {
    if (this.#done) return DONE;
    try {
      const result = await this.#source.next();
      if (!result.done) return result;
      this.#done = true;
      return DONE;
    } catch (error) {
      this.#failed = true;
      this.#error = error;
      throw error;
    }
  }
}
