import { join } from 'node:path';
import { DicomError, HeldBackError, readPart10, safeName } from '@adit/core';
import { blockingFiles, fileChunks, fileError, writeInstanceFile } from '@adit/core/node';
import type { PseudonymizedInstance } from '@adit/pseudonymize';
import type { InstancePseudonymizer } from './deidentification.ts';
import { errorSentence } from './output.ts';

export interface PseudonymizeFileOptions {
  pseudonymizer: InstancePseudonymizer;
  /** What the user named: the only path that messages have. */
  input: string;
  /** Folder of the outputs; undefined where nothing is written. */
  target: string | undefined;
  /** Are outputs called as the inputs are, instead of by their new SOP Instance UID? */
  keepNames: boolean;
}

/** A file of the input. */
export interface InputFile {
  path: string;
  /** Its path below the folder that is gone through. */
  name: string;
  /** Which it is, from 1, in the order of names. */
  number: number;
}

/** What became of a file. */
export interface FileResult {
  state: 'stored' | 'present' | 'held' | 'failed' | 'not-dicom';
  /** Why it is not stored, as a sentence that names neither a patient nor the file. */
  message?: string;
  /** Data-set bytes that were written, or would have been. */
  bytes: number;
  /** Its new SOP Instance UID. */
  sopInstanceUid?: string;
  report?: PseudonymizedInstance['report'];
}

/** Errors that the next file would meet as well. */
const fatalCodes: ReadonlySet<string> = new Set(['NO_SPACE', 'NOT_WRITABLE', 'UNKNOWN_PATIENT']);

/**
 * Pseudonymizes one file into the target folder; the output appears under its name when it is complete. Trouble with the
 * file is its result.
 *
 * Throws what would strike the next file as well: no space left, a folder that may not be written to.
 */
export async function pseudonymizeFile(
  { path, name }: InputFile,
  { pseudonymizer, input, target, keepNames }: PseudonymizeFileOptions,
  signal: AbortSignal,
): Promise<FileResult> {
  try {
    signal.throwIfAborted();
    const chunks = fileChunks(path, { files: blockingFiles });
    const instance = await pseudonymizer.transform(await readPart10(chunks));
    const { sopInstanceUid } = instance;
    if (target === undefined) {
      let bytes = 0;
      for await (const chunk of instance.dataset) {
        signal.throwIfAborted();
        bytes += chunk.length;
      }
      return { state: 'stored', bytes, sopInstanceUid, report: instance.report };
    }
    const file = keepNames ? name : `${safeName(sopInstanceUid)}.dcm`;
    const { outcome, bytes } = await writeInstanceFile(join(target, file), instance, {
      root: target,
      signal,
      files: blockingFiles,
    });
    if (outcome.state === 'failed')
      return { state: 'failed', bytes: 0, message: outcome.message ?? 'not written' };
    const state = outcome.state === 'present' ? 'present' : 'stored';
    return { state, bytes, sopInstanceUid, report: instance.report };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HeldBackError) return { state: 'held', bytes: 0, message: error.message };
    if (!(error instanceof DicomError)) {
      // What the file system says names the file.
      const isSystemError = error instanceof Error && 'syscall' in error;
      const told = isSystemError ? fileError(error, input, 'read') : error;
      return { state: 'failed', bytes: 0, message: errorSentence(told) };
    }
    if (fatalCodes.has(error.code)) throw error;
    const state = error.code === 'NOT_DICOM' ? 'not-dicom' : 'failed';
    return { state, bytes: 0, message: error.message };
  }
}
