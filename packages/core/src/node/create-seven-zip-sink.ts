import { open } from 'node:fs/promises';
import { DicomError } from '../errors.ts';
import { type ArchiveSink, type ArchiveSinkOptions, archiveSink } from './archive-sink.ts';
import { fileError } from './file-error.ts';
import { SevenZipWriter } from './seven-zip-writer.ts';

/**
 * Makes a 7z archive a sink: Part 10 files (PS3.10) in folders by patient, study and series, named as `instancePath` says;
 * not compressed, for pixel data hardly get smaller. Instances stream into it one at a time, and no program is needed for it.
 *
 * A password encrypts files and names alike (AES-256): without it nobody learns how many there are or what they are called.
 *
 * The archive appears under its name when it is finished. One that is there already is never replaced. An instance that
 * ends in an error is not in it. Disposing finishes what was stored.
 *
 * Throws `DicomError`: `ALREADY_THERE`, and the codes of `fileError`.
 */
export async function createSevenZipSink(
  path: string,
  options: ArchiveSinkOptions = {},
): Promise<ArchiveSink> {
  let writer: SevenZipWriter;
  return archiveSink(
    path,
    {
      begin(file) {
        writer = new SevenZipWriter(file, options.password);
        const orFileError = async (work: Promise<void>) => {
          await work.catch((error: unknown) => {
            throw error instanceof DicomError ? error : fileError(error, path, 'write');
          });
        };
        return {
          add: (name, bytes) => orFileError(writer.add(name, bytes)),
          end: () => orFileError(writer.end()),
        };
      },
      async *readAgain() {
        const file = await open(path, 'r');
        try {
          yield* writer.readAgain(file);
        } catch (error) {
          // Of an archive with a broken header nothing can be taken.
          if (!(error instanceof DicomError && error.code === 'DAMAGED')) throw error;
        } finally {
          await file.close();
        }
      },
    },
    options,
  );
}
