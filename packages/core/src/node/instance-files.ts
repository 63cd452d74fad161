import {
  closeSync,
  fdatasync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writevSync,
} from 'node:fs';
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What is done with an open file of an instance. */
export interface InstanceFile {
  read(buffer: Uint8Array, offset: number, length: number, position: null): Promise<{ bytesRead: number }>;
  writev(chunks: readonly Uint8Array[], position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** How files of instances are read and written. */
export interface InstanceFiles {
  open(path: string, flags: 'r' | 'wx'): Promise<InstanceFile>;
  link(existing: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  stat(path: string): Promise<unknown>;
  unlink(path: string): Promise<void>;
}

/** Through Node's thread pool, so that the thread goes on with other things meanwhile. */
export const pooledFiles: InstanceFiles = { open, link, rename, stat, unlink };

/**
 * With calls that block, for threads that do nothing else. A round trip through the thread pool costs about as much as
 * pseudonymizing a header, and a small file takes a dozen of them. Only waiting for the disk does not block.
 */
export const blockingFiles: InstanceFiles = {
  open: async (path, flags) => new BlockingFile(openSync(path, flags)),
  link: async (existing, path) => linkSync(existing, path),
  rename: async (from, to) => renameSync(from, to),
  stat: async (path) => statSync(path),
  unlink: async (path) => unlinkSync(path),
};

const datasync = promisify(fdatasync);

class BlockingFile implements InstanceFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: null) {
    return { bytesRead: readSync(this.#descriptor, buffer, offset, length, position) };
  }

  async writev(chunks: readonly Uint8Array[], position: number) {
    return { bytesWritten: writevSync(this.#descriptor, chunks, position) };
  }

  datasync() {
    return datasync(this.#descriptor);
  }

  async close() {
    closeSync(this.#descriptor);
  }
}
