export type { ArchiveSink, ArchiveSinkOptions } from './archive-sink.ts';
export { createFolderSink, type FolderSink, type FolderSinkOptions } from './create-folder-sink.ts';
export { createFolderSource, type FolderSource } from './create-folder-source.ts';
export {
  type ConvertedSeries,
  createNiftiSink,
  MODALITIES_WITHOUT_NIFTI,
  type NiftiSink,
  type NiftiSinkOptions,
} from './create-nifti-sink.ts';
export { createSevenZipSink } from './create-seven-zip-sink.ts';
export { createZipSink } from './create-zip-sink.ts';
export { createZipSource, type ZipSource, type ZipSourceOptions } from './create-zip-source.ts';
export { fileChunks } from './file-chunks.ts';
export { fileError } from './file-error.ts';
export type { SkippedFile } from './file-index.ts';
export type { FileSourceOptions } from './file-source.ts';
export { type WrittenInstance, writeInstanceFile } from './instance-file.ts';
export { blockingFiles, type InstanceFile, type InstanceFiles } from './instance-files.ts';
export {
  type LedgerFile,
  type LedgerFileOptions,
  type LedgerHead,
  openLedgerFile,
  readLedgerFile,
} from './ledger-file.ts';
export { type DicomFile, readDicomFile } from './read-dicom-file.ts';
export { walkFiles } from './walk-files.ts';
