import type { FileEntry } from '@zip.js/zip.js';
import type { AbortableOptions, Queryable } from '../query/types.ts';
import type { InstanceSource } from '../transfer/types.ts';
import { fileError } from './file-error.ts';
import { type FileSourceOptions, fileSource } from './file-source.ts';
import { readFileHeader } from './read-dicom-file.ts';
import { openZipFile, type ZipFile } from './zip-file.ts';

export interface ZipSourceOptions extends FileSourceOptions {
  /** Of files encrypted with AES, or the older ZipCrypto. Default: none. */
  password?: string;
}

/** An archive instances come from. Disposing closes it. */
export interface ZipSource extends Queryable, InstanceSource, AsyncDisposable {}

/**
 * Makes a source of a ZIP file with Part 10 files in it, stored or deflated, encrypted or not, whatever they are called. They
 * are read where they lie: nothing is unpacked to a disk, and a file is never held whole.
 *
 * Headers are read once, when the source is first used. A file that holds more than the archive says ends in an error; an
 * archive whose files overlap, or that has more than 100,000, is refused: some 8 KB of each are kept. Archives in the archive are not opened.
 *
 * Throws `DicomError`: `NOT_ZIP`, `PASSWORD_NEEDED`, `WRONG_PASSWORD`, `UNSUPPORTED`, `DAMAGED`, `TOO_LARGE`,
 * `STUDY_NOT_FOUND`, and the codes of `fileError`.
 *
 * ```ts
 * await using source = createZipSource('studies.zip', { password });
 * const result = await transfer({ source, sink, selection });
 * ```
 */
export function createZipSource(path: string, options: ZipSourceOptions = {}): ZipSource {
  const { password } = options;
  let opening: Promise<ZipFile> | undefined;

  async function* files(abortable: AbortableOptions): AsyncGenerator<FileEntry, void, undefined> {
    opening ??= openZipFile(path, password);
    const zip = await opening.catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    let checked = false;
    for await (const entry of zip.entries(abortable)) {
      if (entry.encrypted && !checked) {
        await zip.checkPassword(entry);
        checked = true;
      }
      yield entry;
    }
  }

  /** Files are known only when the archive is open. */
  async function* bytesOf(entry: FileEntry, offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    let skip = offset;
    for await (const chunk of (await opening!).bytesOf(entry)) {
      if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(0, skip - chunk.length);
    }
  }

  return {
    ...fileSource<FileEntry>(
      {
        name: path,
        files,
        pathOf: ({ filename }) => filename,
        readHeader: (entry, tags) => readFileHeader(bytesOf(entry), entry.uncompressedSize, tags),
        datasetOf: (entry, { datasetOffset }) => bytesOf(entry, datasetOffset),
        errorOf: (error) => fileError(error, path, 'read'),
      },
      options,
    ),
    async [Symbol.asyncDispose]() {
      const zip = await opening?.catch(() => undefined);
      await zip?.close();
    },
  };
}
