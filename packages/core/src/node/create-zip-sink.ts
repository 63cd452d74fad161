import type { FileHandle } from 'node:fs/promises';
import { type ArchiveSink, type ArchiveSinkOptions, archiveSink } from './archive-sink.ts';
import { fileError } from './file-error.ts';
import { openZipFile } from './zip-file.ts';

/** For AES-256. */
const ENCRYPTION_STRENGTH = 3;

/**
 * Makes a ZIP file a sink: Part 10 files (PS3.10) in folders by patient, study and series, named as `instancePath` says; not
 * compressed, for pixel data hardly get smaller. Instances stream into it one at a time.
 *
 * A password encrypts what is in the files (WinZip AE-2). The names of files and folders stay readable: they hold the Patient
 * ID, dates and descriptions as they are stored. `createSevenZipSink` hides them as well.
 *
 * The archive appears under its name when it is finished. One that is there already is never replaced. An instance that
 * ends in an error is not listed in it. Disposing finishes what was stored.
 *
 * Throws `DicomError`: `ALREADY_THERE`, and the codes of `fileError`.
 *
 * ```ts
 * await using zip = await createZipSink('study.zip', { password });
 * const result = await transfer({ source, sink: zip, selection });
 * const { missing } = await zip.finish();
 * ```
 */
export async function createZipSink(path: string, options: ArchiveSinkOptions = {}): Promise<ArchiveSink> {
  const { ZipWriter } = await import('@zip.js/zip.js');
  const { password } = options;
  return archiveSink(
    path,
    {
      begin(file) {
        const writer = new ZipWriter(writableOf(file, path), {
          level: 0,
          useWebWorkers: false,
          keepOrder: true,
          extendedTimestamp: false,
          ...(password === undefined ? {} : { password, encryptionStrength: ENCRYPTION_STRENGTH }),
        });
        return {
          async add(name, bytes) {
            await writer.add(name, ReadableStream.from(bytes));
          },
          async end() {
            await writer.close();
          },
        };
      },
      async *readAgain(_, abortable) {
        const zip = await openZipFile(path, password);
        try {
          for await (const entry of zip.entries(abortable)) {
            yield { name: entry.filename, bytes: zip.bytesOf(entry) };
          }
        } finally {
          await zip.close();
        }
      },
    },
    options,
  );
}

function writableOf(file: FileHandle, path: string): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    async write(chunk) {
      try {
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      } catch (error) {
        throw fileError(error, path, 'write');
      }
    },
  });
}
