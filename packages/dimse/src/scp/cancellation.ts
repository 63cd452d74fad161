/**
 * Waits that a signal ends early. Not a race with one promise for all of them: that would keep something of each wait until
 * the request is over.
 */
export class Cancellation {
  readonly #signal: AbortSignal;
  readonly #waits = new Set<() => void>();
  readonly #onAbort = () => {
    for (const end of this.#waits) end();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** What the promise gives, or undefined as soon as the signal is aborted. */
  before<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = () => resolve(undefined);
      this.#waits.add(end);
      promise.then(
        (value) => {
          this.#waits.delete(end);
          resolve(value);
        },
        (error: unknown) => {
          this.#waits.delete(end);
          reject(error);
        },
      );
      if (this.#signal.aborted) end();
    });
  }

  /** Lets go of the signal. */
  stop(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
