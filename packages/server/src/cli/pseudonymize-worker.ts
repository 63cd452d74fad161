// A thread that pseudonymizes batches of files, several under way at once.

import { parentPort, workerData } from 'node:worker_threads';
import type { InputFile } from './pseudonymize-file.ts';
import { type BatchResult, batchPseudonymizer, type PseudonymizeSettings } from './pseudonymize-files.ts';

export type WorkerRequest =
  | { kind: 'batch'; number: number; files: readonly InputFile[] }
  | { kind: 'abort' };

export type WorkerAnswer =
  | { kind: 'ready' }
  /** Without a result where it was told to end. */
  | { kind: 'batch'; number: number; result?: BatchResult };

if (parentPort !== null) {
  const port = parentPort;
  const pseudonymize = batchPseudonymizer(workerData as PseudonymizeSettings);
  const aborter = new AbortController();
  const answer = (message: WorkerAnswer) => port.postMessage(message);
  port.on('message', async (request: WorkerRequest) => {
    if (request.kind === 'abort') {
      aborter.abort();
      return;
    }
    const { number, files } = request;
    try {
      answer({ kind: 'batch', number, result: await pseudonymize(files, aborter.signal) });
    } catch {
      answer({ kind: 'batch', number });
    }
  });
  answer({ kind: 'ready' });
}
