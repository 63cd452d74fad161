import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileEntry } from '@zip.js/zip.js';
import { DicomError } from '../errors.ts';
import type { AbortableOptions } from '../query/types.ts';
import { fileError } from './file-error.ts';

/** An archive that is open for reading. */
export interface ZipFile {
  /** The files in it, as its directory lists them; what they are called is not looked at. */
  entries(options?: AbortableOptions): AsyncIterable<FileEntry>;
  /**
   * The bytes of a file in it, decrypted and inflated as they are read: never more than its directory says, and checked
   * against the checksum (CRC-32) or the authentication code (AES) before the end is given.
   */
  bytesOf(entry: FileEntry): AsyncGenerator<Uint8Array, void, undefined>;
  /** Throws `WRONG_PASSWORD` unless the password is that of the file. */
  checkPassword(entry: FileEntry): Promise<void>;
  close(): Promise<void>;
}

/** The directory of an archive is read into memory; that of 100,000 files has some 15 MB. */
const MAX_DIRECTORY = 64 * 1024 * 1024;

/** Of each file, some 8 KB are kept. */
const MAX_FILES = 100_000;

/** Of the fixed part. */
const LOCAL_HEADER_LENGTH = 30;

/** Reading so little takes less time than having a thread read it. */
const SMALL = 64 * 1024;

/**
 * Opens a ZIP file for reading.
 *
 * Throws `DicomError`, as does whatever is called on it: `NOT_ZIP`, `PASSWORD_NEEDED`, `WRONG_PASSWORD`, `UNSUPPORTED`,
 * `DAMAGED`, `TOO_LARGE`, and the codes of `fileError`.
 */
export async function openZipFile(path: string, password: string | undefined): Promise<ZipFile> {
  const zip = await import('@zip.js/zip.js');
  const orZipError = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw zipError(error, path, zip);
    });

  class FileReader extends zip.Reader<FileHandle> {
    override async init(): Promise<void> {
      this.size = (await file.stat()).size;
    }
    override async readUint8Array(index: number, length: number): Promise<Uint8Array> {
      if (length > MAX_DIRECTORY) throw tooLarge(path);
      const bytes = new Uint8Array(Math.min(length, Math.max(0, this.size - index)));
      if (bytes.length <= SMALL) return bytes.subarray(0, readSync(file.fd, bytes, 0, bytes.length, index));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, index + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    }
  }

  const file = await orZipError(open(path, 'r'));
  const reader = new zip.ZipReader(new FileReader(file), {
    useWebWorkers: false,
    filenameValidation: 'tolerant',
    checkCrc32: true,
    ...(password === undefined ? {} : { password }),
  });

  async function* listed(signal: AbortSignal | undefined): AsyncGenerator<FileEntry, void, undefined> {
    const entries = reader.getEntriesGenerator();
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { done, value } = await orZipError(entries.next());
        if (done) return;
        if (!value.directory) yield value;
      }
    } finally {
      await entries.return(true);
    }
  }

  return {
    async *entries({ signal } = {}) {
      // All of them first, and only where they are: an archive may list the same bytes a million times.
      const places: [start: number, end: number][] = [];
      for await (const { offset, compressedSize } of listed(signal)) {
        places.push([offset, offset + LOCAL_HEADER_LENGTH + compressedSize]);
        if (places.length > MAX_FILES) throw tooLarge(path);
      }
      places.sort(([a], [b]) => a - b);
      const overlaps = places.some(([, end], i) => end > (places[i + 1]?.[0] ?? end));
      if (overlaps) throw damaged(path);
      yield* listed(signal);
    },

    async *bytesOf(entry) {
      const left = new AbortController();
      let pipe: TransformStreamDefaultController<Uint8Array> | undefined;
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
        start: (controller) => {
          pipe = controller;
        },
      });
      const written = entry.getData(writable, { signal: left.signal }).catch((error: unknown) => {
        // What is wrong before the first byte does not reach those who wait for one.
        pipe?.error(error);
        throw error;
      });
      written.catch(() => {});
      const chunks = readable.getReader();
      let bytes = 0;
      try {
        for (;;) {
          const { done, value } = await orZipError(chunks.read());
          if (done) break;
          bytes += value.length;
          if (bytes > entry.uncompressedSize) throw damaged(path);
          yield value;
        }
        await orZipError(written);
      } finally {
        left.abort();
        await chunks.cancel().catch(() => {});
        await written.catch(() => {});
      }
    },

    async checkPassword(entry) {
      await orZipError(entry.getData(new WritableStream(), { checkPasswordOnly: true }));
    },

    async close() {
      await reader.close();
      await file.close();
    },
  };
}

/** One sentence for what is wrong with an archive. */
function zipError(error: unknown, path: string, zip: typeof import('@zip.js/zip.js')): DicomError {
  if (error instanceof DicomError) return error;
  if (error instanceof Error && 'syscall' in error) return fileError(error, path, 'read');
  const make = (code: string, message: string) => new DicomError(code, message, { cause: error });
  switch (error instanceof Error ? error.message : undefined) {
    case zip.ERR_BAD_FORMAT:
    case zip.ERR_EOCDR_NOT_FOUND:
    case zip.ERR_EOCDR_LOCATOR_ZIP64_NOT_FOUND:
    case zip.ERR_CENTRAL_DIRECTORY_NOT_FOUND:
      return make('NOT_ZIP', `${path} is no ZIP archive, or a part of it is missing: copy it again.`);
    case zip.ERR_ENCRYPTED:
      return make('PASSWORD_NEEDED', `${path} is encrypted: give its password.`);
    case zip.ERR_INVALID_PASSWORD:
      return make('WRONG_PASSWORD', `The password is not that of ${path}.`);
    case zip.ERR_UNSUPPORTED_COMPRESSION:
    case zip.ERR_UNSUPPORTED_ENCRYPTION:
    case zip.ERR_ENCRYPTED_CENTRAL_DIRECTORY:
    case zip.ERR_SPLIT_ZIP_FILE:
      return make(
        'UNSUPPORTED',
        `${path} is compressed, encrypted or divided in a way that cannot be read: unpack it into a folder.`,
      );
    default:
      return damaged(path, error);
  }
}

function tooLarge(path: string): DicomError {
  return new DicomError(
    'TOO_LARGE',
    `${path} has more than ${MAX_FILES} files in it: divide it into several archives, or unpack it.`,
  );
}

function damaged(path: string, cause?: unknown): DicomError {
  return new DicomError('DAMAGED', `A file in ${path} is damaged: copy or make the archive again.`, {
    cause,
  });
}
