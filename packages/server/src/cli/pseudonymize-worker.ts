// A thread that pseudonymizes files: one file a request, several under way at once.

import { parentPort, workerData } from 'node:worker_threads';
import { DicomError } from '@adit/core';
import { type DeidentificationSettings, pseudonymizerOf } from './deidentification.ts';
import { errorSentence } from './output.ts';
import {
  type FileResult,
  type InputFile,
  type PseudonymizeFileOptions,
  pseudonymizeFile,
} from './pseudonymize-file.ts';

/** What a thread is started with. */
export interface PoolSettings extends Omit<PseudonymizeFileOptions, 'pseudonymizer'> {
  deidentification: DeidentificationSettings;
}

export type WorkerRequest = { kind: 'file'; number: number; file: InputFile } | { kind: 'abort' };

export type WorkerAnswer =
  | { kind: 'result'; number: number; result: FileResult }
  /** Trouble that would strike the next file as well. */
  | { kind: 'error'; number: number; code: string; message: string };

if (parentPort !== null) {
  const port = parentPort;
  const settings = workerData as PoolSettings;
  const options = { ...settings, pseudonymizer: pseudonymizerOf(settings.deidentification) };
  const aborter = new AbortController();
  const answer = (message: WorkerAnswer) => port.postMessage(message);
  port.on('message', async (request: WorkerRequest) => {
    if (request.kind === 'abort') {
      aborter.abort();
      return;
    }
    const { number, file } = request;
    try {
      answer({ kind: 'result', number, result: await pseudonymizeFile(file, options, aborter.signal) });
    } catch (error) {
      const code = error instanceof DicomError ? error.code : 'UNEXPECTED';
      answer({ kind: 'error', number, code, message: errorSentence(error) });
    }
  });
}
