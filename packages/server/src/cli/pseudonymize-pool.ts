import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DicomError } from '@adit/core';
import { pseudonymizerOf } from './deidentification.ts';
import { type FileResult, type InputFile, pseudonymizeFile } from './pseudonymize-file.ts';
import type { PoolSettings, WorkerAnswer, WorkerRequest } from './pseudonymize-worker.ts';

/** Files a thread has under way: while one is read or written, another is worked on. */
const filesPerThread = 4;

/**
 * Pseudonymizes files, in as many threads as there are cores, and tells each result as it comes; the order is free. One file
 * needs no thread.
 *
 * Throws what `pseudonymizeFile` throws, and the reason of the signal, after what is under way has ended.
 */
export async function pseudonymizeFiles(
  files: AsyncIterator<InputFile>,
  settings: PoolSettings,
  onResult: (result: FileResult, file: InputFile) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const first = await files.next();
  if (first.done) return;
  const second = await files.next();
  if (second.done) {
    const pseudonymizer = pseudonymizerOf(settings.deidentification);
    await onResult(await pseudonymizeFile(first.value, { ...settings, pseudonymizer }, signal), first.value);
    return;
  }
  const ahead = [first, second];
  let failure: unknown;
  let failed = false;
  const next = async (): Promise<InputFile | undefined> => {
    if (failed || signal.aborted) return undefined;
    const result = ahead.shift() ?? (await files.next());
    return result.done ? undefined : result.value;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, runThread));
  signal.throwIfAborted();
  if (failed) throw failure;

  async function runThread(): Promise<void> {
    try {
      const file = await next();
      if (file === undefined) return;
      await using thread = startThread(settings, signal);
      const waiting = [file];
      const runFiles = async (): Promise<void> => {
        for (let one = waiting.shift() ?? (await next()); one !== undefined; one = await next()) {
          await onResult(await thread.pseudonymize(one), one);
        }
      };
      const lanes = await Promise.allSettled(Array.from({ length: filesPerThread }, runFiles));
      for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    } catch (error) {
      failed = true;
      failure ??= error;
    }
  }
}

interface Thread extends AsyncDisposable {
  pseudonymize(file: InputFile): Promise<FileResult>;
}

function startThread(settings: PoolSettings, signal: AbortSignal): Thread {
  const worker = new Worker(new URL(import.meta.resolve('#pseudonymize-worker')), {
    workerData: settings,
    // Its trouble is told by results; what it might write itself could name files.
    stdout: true,
    stderr: true,
  });
  const open = new Map<number, PromiseWithResolvers<FileResult>>();
  let number = 0;
  let broken: Error | undefined;
  const send = (request: WorkerRequest) => worker.postMessage(request);
  const abort = () => send({ kind: 'abort' });
  const breakDown = (cause: unknown) => {
    broken = new DicomError(
      'WORKER_ENDED',
      'A thread that pseudonymizes ended unexpectedly: run the command again.',
      {
        cause,
      },
    );
    for (const { reject } of open.values()) reject(broken);
    open.clear();
  };
  worker.on('message', (answer: WorkerAnswer) => {
    const waiting = open.get(answer.number);
    open.delete(answer.number);
    if (answer.kind === 'result') waiting?.resolve(answer.result);
    else waiting?.reject(new DicomError(answer.code, answer.message));
  });
  worker.on('error', breakDown);
  worker.on('exit', breakDown);
  signal.addEventListener('abort', abort);
  return {
    pseudonymize(file) {
      if (broken) return Promise.reject(broken);
      const waiting = Promise.withResolvers<FileResult>();
      number += 1;
      open.set(number, waiting);
      send({ kind: 'file', number, file });
      return waiting.promise;
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', abort);
      worker.off('exit', breakDown);
      await worker.terminate();
    },
  };
}
