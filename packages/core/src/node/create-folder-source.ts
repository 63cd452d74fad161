import type { Queryable } from '../query/types.ts';
import type { InstanceSource } from '../transfer/types.ts';
import { fileDataset } from './file-dataset.ts';
import { fileError } from './file-error.ts';
import { type FileSourceOptions, fileSource } from './file-source.ts';
import { readDicomFile } from './read-dicom-file.ts';
import { walkFiles } from './walk-files.ts';

/** A folder instances come from. */
export interface FolderSource extends Queryable, InstanceSource {}

/**
 * Makes a source of a folder of Part 10 files, whatever they are called and however deep they lie. A single file will do.
 *
 * Headers are read once, when the source is first used, and some hundred bytes of each are kept. Attributes that queries
 * do not usually return are read again from the files. Later changes of the folder are not seen.
 *
 * Throws `DicomError`: `NOT_FOUND`, `NOT_READABLE` when the folder cannot be read; `STUDY_NOT_FOUND`.
 */
export function createFolderSource(folder: string, options: FileSourceOptions = {}): FolderSource {
  return fileSource<string>(
    {
      name: folder,
      files: (abortable) => walkFiles(folder, abortable),
      pathOf: (path) => path,
      readHeader: (path, tags) => readDicomFile(path, tags ? { tags } : {}),
      datasetOf: (path, { datasetOffset, byteLength }) =>
        fileDataset({ path, offset: datasetOffset, byteLength }),
      errorOf: (error) => fileError(error, folder, 'read'),
    },
    options,
  );
}
