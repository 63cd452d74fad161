/** Bytes a second, smoothed over about half a minute, from counts as they come in. */
export class Rate {
  #last: { bytes: number; time: number } | undefined;
  #rate: number | undefined;

  /** Takes a count down. `time` is in milliseconds. */
  add(bytes: number, time = performance.now()): void {
    const last = this.#last;
    if (last && time - last.time < 200) return;
    this.#last = { bytes, time };
    if (!last || bytes < last.bytes) return;
    const seconds = (time - last.time) / 1000;
    const now = (bytes - last.bytes) / seconds;
    const weight = this.#rate === undefined ? 1 : 1 - Math.exp(-seconds / 10);
    this.#rate = now * weight + (this.#rate ?? 0) * (1 - weight);
  }

  /** Bytes a second; undefined before two counts came in. */
  get bytesPerSecond(): number | undefined {
    return this.#rate;
  }
}
