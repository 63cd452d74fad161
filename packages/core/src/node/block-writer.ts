import type { InstanceFile } from './instance-files.ts';

/** Bytes gathered for one write. */
const BLOCK = 1024 * 1024;

/** Writes under way at once: with a single one, the disk and whoever delivers wait for each other. */
const MAX_WRITES = 4;

/** Chunks of one write; systems take 1,024 at most. */
const MAX_CHUNKS = 512;

/** Writes a file in large blocks, several at a time, without copying. `write` waits when the disk is behind. */
export class BlockWriter {
  readonly #file: Pick<InstanceFile, 'writev'>;
  readonly #underWay = new Set<Promise<void>>();
  #chunks: Uint8Array[] = [];
  #gathered = 0;
  #position = 0;
  #failure: { error: unknown } | undefined;

  constructor(file: Pick<InstanceFile, 'writev'>) {
    this.#file = file;
  }

  /** The chunk must not change any more. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#gathered += chunk.length;
    if (this.#gathered < BLOCK && this.#chunks.length < MAX_CHUNKS) return;
    this.#begin();
    while (this.#underWay.size >= MAX_WRITES) await Promise.race(this.#underWay);
    this.#throwFailure();
  }

  /** Writes the rest and waits until everything is written. */
  async end(): Promise<void> {
    if (this.#chunks.length > 0) this.#begin();
    await this.settled();
    this.#throwFailure();
  }

  /** Waits until nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #begin(): void {
    const writing = this.#writeAll(this.#chunks, this.#position)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(writing));
    this.#underWay.add(writing);
    this.#position += this.#gathered;
    this.#chunks = [];
    this.#gathered = 0;
  }

  async #writeAll(chunks: Uint8Array[], start: number): Promise<void> {
    let position = start;
    let left = chunks;
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left, position);
      position += bytesWritten;
      left = without(left, bytesWritten);
    }
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/** What is left of chunks after their first bytes. */
function without(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  let i = 0;
  while (i < chunks.length && left >= chunks[i]!.length) {
    left -= chunks[i]!.length;
    i += 1;
  }
  const rest = chunks.slice(i);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
