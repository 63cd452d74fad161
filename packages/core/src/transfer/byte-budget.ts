/**
 * Bytes that may be in memory at once. Whoever needs more than is left waits for his turn; turns come in the order they
 * were asked for, so that a large request is not starved by small ones.
 */
export class ByteBudget {
  readonly total: number;
  #used = 0;
  readonly #waiting: { bytes: number; resolve: () => void }[] = [];

  constructor(total: number) {
    this.total = total;
  }

  /** Resolves when `bytes` are reserved. A request above the whole budget waits for all of it. */
  async reserve(bytes: number): Promise<void> {
    if (this.tryReserve(bytes)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  /** Reserves at once or not at all. */
  tryReserve(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.resolve();
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.total;
  }
}
