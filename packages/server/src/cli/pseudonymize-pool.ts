import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DicomError } from '@adit/core';
import type { InputFile } from './pseudonymize-file.ts';
import {
  type BatchResult,
  batchPseudonymizer,
  type PseudonymizeBatch,
  type PseudonymizeSettings,
} from './pseudonymize-files.ts';
import type { WorkerAnswer, WorkerRequest } from './pseudonymize-worker.ts';

/** Batches a thread has under way at most: while one waits for the disk, another is worked on. */
const batchesPerThread = 8;

/** And at least: of large files, which take their time, most are left to whichever thread is free first. */
const batchesAtFirst = 2;

/** How long a batch is to take: long enough that telling of it costs nothing, short enough that all threads end together. */
const batchMilliseconds = 50;

const maxBatch = 32;

/** So many files are worth other threads at once. Of fewer, what one thread does until another would be there is not. */
const manyFiles = 64;
const aloneMilliseconds = 200;

/**
 * Pseudonymizes files, in as many threads as there are cores, and tells each result as it comes; the order is free. This
 * thread is the first of them, the others are started when there is more to do than it can do meanwhile.
 *
 * Throws trouble that would strike the next file as well, and the reason of the signal, after what is under way has ended.
 */
export async function pseudonymizeFiles(
  files: AsyncIterator<InputFile>,
  settings: PseudonymizeSettings,
  onResult: (result: BatchResult) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  let ended = false;
  const ahead: InputFile[] = [];
  const take = async (count: number): Promise<InputFile[]> => {
    const batch = ahead.splice(0, count);
    while (batch.length < count && !ended && !signal.aborted) {
      const { done, value } = await files.next();
      if (done) ended = true;
      else batch.push(value);
    }
    return failure === undefined && !signal.aborted ? batch : [];
  };
  const fail = (error: unknown) => {
    ended = true;
    failure ??= error;
  };

  ahead.push(...(await take(manyFiles)));
  await using threads = new AsyncDisposableStack();
  const startOthers = () =>
    Array.from({ length: availableParallelism() - 1 }, () => threads.use(startThread(settings, signal)));
  const others = ahead.length === manyFiles ? startOthers() : [];
  const alone = runThread(batchPseudonymizer(settings));
  await Promise.race([alone, setTimeout(aloneMilliseconds)]);
  if (others.length === 0 && ahead.length > 0) others.push(...startOthers());
  await Promise.all([alone, ...others.map(runOther)]);
  signal.throwIfAborted();
  if (failure !== undefined) throw failure;

  async function runOther(thread: Thread): Promise<void> {
    // What is done before it is ready needs no waiting for it.
    await Promise.race([thread.ready, alone]);
    await runThread(thread.pseudonymize);
  }

  async function runThread(pseudonymize: PseudonymizeBatch): Promise<void> {
    let size = 1;
    const running: Promise<void>[] = [];
    const runBatches = async (): Promise<void> => {
      try {
        for (let batch = await take(size); batch.length > 0; batch = await take(size)) {
          const started = performance.now();
          const result = await pseudonymize(batch, signal);
          const each = (performance.now() - started) / batch.length;
          size = Math.min(Math.max(Math.floor(batchMilliseconds / each), 1), maxBatch);
          if (each < batchMilliseconds && running.length < batchesPerThread) running.push(runBatches());
          await onResult(result);
          if (result.failure !== undefined) {
            throw new DicomError(result.failure.code, result.failure.message);
          }
        }
      } catch (error) {
        fail(error);
      }
    };
    for (let i = 0; i < batchesAtFirst; i += 1) running.push(runBatches());
    // More are begun meanwhile.
    for (const batches of running) await batches;
  }
}

interface Thread extends AsyncDisposable {
  /** When it has loaded what it needs, or broken down. */
  ready: Promise<void>;
  pseudonymize: PseudonymizeBatch;
}

function startThread(settings: PseudonymizeSettings, signal: AbortSignal): Thread {
  const worker = new Worker(new URL(import.meta.resolve('#pseudonymize-worker')), {
    workerData: settings,
    // Its trouble is told by results; what it might write itself could name files.
    stdout: true,
    stderr: true,
  });
  const ready = Promise.withResolvers<void>();
  const open = new Map<number, PromiseWithResolvers<BatchResult>>();
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
    ready.resolve();
  };
  worker.on('message', (answer: WorkerAnswer) => {
    if (answer.kind === 'ready') {
      ready.resolve();
      return;
    }
    const { number, result } = answer;
    const waiting = open.get(number);
    open.delete(number);
    if (result === undefined) waiting?.reject(signal.reason);
    else waiting?.resolve(result);
  });
  worker.on('error', breakDown);
  worker.on('exit', breakDown);
  signal.addEventListener('abort', abort);
  return {
    ready: ready.promise,
    pseudonymize(files) {
      if (broken) return Promise.reject(broken);
      const waiting = Promise.withResolvers<BatchResult>();
      number += 1;
      open.set(number, waiting);
      send({ kind: 'batch', number, files });
      return waiting.promise;
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', abort);
      worker.off('exit', breakDown);
      await worker.terminate();
    },
  };
}
