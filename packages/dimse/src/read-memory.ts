/**
 * Memory that bytes of a connection were read into. It can go back to the system as soon as nobody looks at it any more.
 *
 * Without that it waits for the garbage collector. V8 counts the memory of what was received, and marks the whole heap every
 * 20 MB of it: of a server that writes what it receives to a disk, that took more than a third of the processor time.
 */
export class ReadMemory {
  readonly #buffer: ArrayBuffer;
  /** Whoever reads into it counts as one. */
  #holders = 1;

  /** @param buffer belongs to the connection as a whole */
  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
  }

  /** Somebody looks at a part of it from now on. */
  hold(): void {
    this.#holders += 1;
  }

  /** One of those who hold it is done. */
  letGo(): void {
    this.#holders -= 1;
    // Detaches it: whoever looked at it all the same would find nothing rather than the bytes of somebody else. A reader may
    // have transferred it elsewhere, to a worker for example.
    if (this.#holders === 0 && !this.#buffer.detached) this.#buffer.transfer(0);
  }
}
