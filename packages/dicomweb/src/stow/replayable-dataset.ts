import { DicomWebError } from '../dicomweb-error.ts';

/**
 * A data set that may be read again from its beginning as long as no more than `keep` bytes of it were read: so that a
 * request whose connection broke can be sent again. Chunks are kept by reference.
 */
export class ReplayableDataset {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #keep: number;
  readonly #kept: Uint8Array[] = [];
  #read = 0;
  #forgotten = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  /** Reads of the source follow each other; a pass that was left may still wait for one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dataset: AsyncIterable<Uint8Array>, keep: number) {
    this.#source = dataset[Symbol.asyncIterator]();
    this.#keep = keep;
  }

  get repeatable(): boolean {
    return !this.#forgotten && this.#failure === undefined;
  }

  /** What the source threw. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  /** Says that the data set is not what it should be; gives the error back. */
  fail(error: Error): Error {
    this.#failure ??= { error };
    void this.#source.return?.();
    return error;
  }

  /** One pass from the first byte. Leaving it does not end the source. */
  async *pass(): AsyncGenerator<Uint8Array, void, undefined> {
    let given = 0;
    for (let i = 0; ; ) {
      if (this.#failure) throw this.#failure.error;
      if (i < this.#kept.length) {
        const chunk = this.#kept[i++]!;
        given += chunk.length;
        yield chunk;
        continue;
      }
      if (given < this.#read) {
        throw new DicomWebError('NETWORK', 'An instance broke off and is not kept: it must be sent anew.', {
          retryable: true,
        });
      }
      if (this.#ended) return;
      const chunk = await this.#pull(i);
      if (chunk === undefined) continue;
      given += chunk.length;
      yield chunk;
    }
  }

  /** Says that nobody will read on; the source is told unless it has ended. */
  async dispose(): Promise<void> {
    this.#forgotten = true;
    this.#kept.length = 0;
    if (!this.#ended && !this.#failure) await this.#source.return?.();
  }

  /** The next chunk, when it is not kept; undefined when `kept`, or the state, says more. */
  #pull(known: number): Promise<Uint8Array | undefined> {
    const result = this.#turn.then(async () => {
      if (this.#ended || this.#failure || this.#kept.length > known) return undefined;
      try {
        const next = await this.#source.next();
        if (next.done) {
          this.#ended = true;
          return undefined;
        }
        this.#read += next.value.length;
        if (!this.#forgotten && this.#read <= this.#keep) {
          this.#kept.push(next.value);
          return undefined;
        }
        this.#forgotten = true;
        this.#kept.length = 0;
        return next.value;
      } catch (error) {
        this.#failure = { error };
        return undefined;
      }
    });
    this.#turn = result;
    return result;
  }
}
