import type { AbortableOptions, DicomInstance, InstanceSink, StoreOutcome } from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { type DicomWebServiceOptions, openService, type Service, send } from '../service.ts';
import { statusError } from '../status-error.ts';
import { closed } from '../transport/network-error.ts';
import type { HttpAnswer } from '../transport/transport.ts';
import { isUidLike } from '../uid-like.ts';
import { ReplayableDataset } from './replayable-dataset.ts';
import { readStoreAnswer, type StoreAnswer } from './store-answer.ts';
import { type StoreItem, StoreMessage } from './store-message.ts';

export interface DicomWebSinkOptions {
  /** Requests under way at once. Default: 4. */
  maxRequests?: number;
  /** Most instances of one request. Default: 16. */
  maxInstancesPerRequest?: number;
  /**
   * Most bytes of a request of several instances. A larger instance, and one of unknown length, has a request of its own.
   * What was sent of a request is kept until it is answered, up to so many bytes, to send it again. Default: 16 MiB.
   */
  maxRequestBytes?: number;
  /** Store below this study: the service then refuses instances of others. Default: any study. */
  studyInstanceUid?: string;
}

/** A destination for instances by STOW-RS. Dispose of it to close its connections, which ends what is under way. */
export interface DicomWebSink extends InstanceSink, AsyncDisposable {
  readonly concurrency: number;
}

/** Statuses with which a service refuses a whole message, be it for one bad instance of many. */
const REFUSED_WHOLE: ReadonlySet<number> = new Set([400, 409, 413, 415, 422, 500]);

/** Errors that would strike whatever is sent next. */
const STRIKES_ALL: ReadonlySet<string> = new Set([
  'CONNECT',
  'TLS',
  'UNAUTHORIZED',
  'NOT_FOUND',
  'CLOSED',
  'INVALID_HEADERS',
  'UNEXPECTED_ANSWER',
]);

/** An instance on its way. */
interface Job extends StoreItem {
  readonly outcome: PromiseWithResolvers<StoreOutcome>;
  readonly signal: AbortSignal | undefined;
  /** Travels in a request of its own: for its size, or because a request it shared was refused. */
  alone: boolean;
}

/**
 * Stores instances at a DICOMweb service by STOW-RS (PS3.18 §10.5), byte for byte as they come, as they are read.
 *
 * Instances that wait while all requests are under way share the next one. What became of each is read from the answer. A
 * request that is refused as a whole, or breaks, is sent again one instance at a time, as far as its instances are still
 * at hand: so that one bad instance does not take others with it.
 *
 * What the service says of an instance is an outcome; `store` throws when the service cannot be reached or used at all, what
 * the instance's data set throws (the request is ended then, unfinished), and the signal's reason.
 */
export function createDicomWebSink(
  serviceOptions: DicomWebServiceOptions,
  options: DicomWebSinkOptions = {},
): DicomWebSink {
  const { studyInstanceUid } = options;
  if (studyInstanceUid !== undefined && !isUidLike(studyInstanceUid)) {
    throw new DicomWebError('INVALID_QUERY', 'The study to store below is not given by a UID: check it.');
  }
  const maxRequests = options.maxRequests ?? 4;
  const service = openService({
    ...serviceOptions,
    maxConnections: serviceOptions.maxConnections ?? maxRequests,
  });
  return new StoreQueue(service, maxRequests, options);
}

class StoreQueue implements DicomWebSink {
  readonly concurrency: number;
  readonly #service: Service;
  readonly #path: string;
  readonly #maxRequests: number;
  readonly #maxInstances: number;
  readonly #maxBytes: number;
  /** Oldest first. */
  readonly #waiting: Job[] = [];
  #requests = 0;
  #closed = false;

  constructor(service: Service, maxRequests: number, options: DicomWebSinkOptions) {
    this.#service = service;
    this.#path = `/studies${options.studyInstanceUid === undefined ? '' : `/${options.studyInstanceUid}`}`;
    this.#maxRequests = maxRequests;
    this.#maxInstances = options.maxInstancesPerRequest ?? 16;
    this.#maxBytes = options.maxRequestBytes ?? 16 * 1024 * 1024;
    this.concurrency = this.#maxRequests * this.#maxInstances;
  }

  async store(instance: DicomInstance, { signal }: AbortableOptions = {}): Promise<StoreOutcome> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed(this.#service.root.name);
    const job: Job = {
      instance,
      dataset: new ReplayableDataset(instance.dataset, this.#maxBytes),
      outcome: Promise.withResolvers(),
      signal,
      alone: instance.byteLength === undefined || instance.byteLength > this.#maxBytes,
    };
    const onAbort = () => job.outcome.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(job);
    this.#start();
    try {
      return await job.outcome.promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      const index = this.#waiting.indexOf(job);
      if (index >= 0) this.#waiting.splice(index, 1);
      // The source may be in the middle of something: it is told, not waited for.
      void job.dataset.dispose().catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.outcome.reject(closed(this.#service.root.name));
    await this.#service.transport[Symbol.asyncDispose]();
  }

  #start(): void {
    while (this.#requests < this.#maxRequests && this.#waiting.length > 0) {
      const jobs = this.#takeNext();
      this.#requests += 1;
      void this.#send(jobs).finally(() => {
        this.#requests -= 1;
        this.#start();
      });
    }
  }

  /** The oldest that waits, and what may share its request. */
  #takeNext(): Job[] {
    const first = this.#waiting.shift()!;
    if (first.alone) return [first];
    const jobs = [first];
    const uids = new Set([first.instance.sopInstanceUid]);
    let bytes = first.instance.byteLength!;
    // Requests that are free share what there is.
    const fair = Math.ceil((this.#waiting.length + 1) / (this.#maxRequests - this.#requests));
    for (let i = 0; i < this.#waiting.length && jobs.length < Math.min(fair, this.#maxInstances); ) {
      const job = this.#waiting[i]!;
      const { sopInstanceUid, byteLength = 0 } = job.instance;
      // An answer tells instances apart by their UIDs.
      if (job.alone || uids.has(sopInstanceUid) || bytes + byteLength > this.#maxBytes) {
        i += 1;
        continue;
      }
      this.#waiting.splice(i, 1);
      jobs.push(job);
      uids.add(sopInstanceUid);
      bytes += byteLength;
    }
    return jobs;
  }

  /** Sends one request and settles its jobs, or puts them back. Never throws. */
  async #send(jobs: readonly Job[]): Promise<void> {
    const message = new StoreMessage(jobs);
    // One of those that share a request ends it: the others are sent again.
    const end = new AbortController();
    const onAbort = () => end.abort();
    for (const { signal } of jobs) signal?.addEventListener('abort', onAbort, { once: true });
    if (jobs.some(({ signal }) => signal?.aborted)) end.abort();
    try {
      const answer = await send(this.#service, {
        method: 'POST',
        path: this.#path,
        contentType: message.contentType,
        body: message,
        accept: 'application/dicom+json',
        signal: end.signal,
      });
      await this.#settle(jobs, answer);
    } catch (error) {
      this.#settleBroken(jobs, error);
    } finally {
      for (const { signal } of jobs) signal?.removeEventListener('abort', onAbort);
    }
  }

  async #settle(jobs: readonly Job[], answer: HttpAnswer): Promise<void> {
    const { name } = this.#service.root;
    const { status } = answer;
    const accepted = status >= 200 && status < 300;
    if (!accepted && status !== 409) {
      await answer.discard();
      throw storeStatusError(status, name);
    }
    const said = await readStoreAnswer(answer, name);
    if (accepted && said === undefined) {
      throw new DicomWebError(
        'UNEXPECTED_ANSWER',
        `${name} answered a store with something that is no answer to it: check the address.`,
        { status },
      );
    }
    if (said === undefined || (!accepted && said.says !== 'each')) throw storeStatusError(status, name);
    for (const { instance, outcome } of jobs) {
      outcome.resolve(said.outcomeOf(instance.sopInstanceUid) ?? unmentioned(said.says, status, name));
    }
  }

  /** No outcome for each: by what broke, all fail, some do, or they are sent again one by one. */
  #settleBroken(jobs: readonly Job[], error: unknown): void {
    const again: Job[] = [];
    for (const job of jobs) {
      const { dataset, outcome, signal } = job;
      if (signal?.aborted) outcome.reject(signal.reason);
      else if (dataset.failure) outcome.reject(dataset.failure.error);
      else if (jobs.some((other) => other.signal?.aborted || other.dataset.failure)) again.push(job);
      else if (!(error instanceof DicomWebError) || STRIKES_ALL.has(error.code)) outcome.reject(error);
      else if (jobs.length > 1 && isWorthDividing(error)) {
        job.alone = true;
        again.push(job);
      } else outcome.resolve(failed(error));
    }
    for (const job of again) {
      if (this.#closed) job.outcome.reject(closed(this.#service.root.name));
      else if (job.dataset.repeatable) this.#waiting.unshift(job);
      else {
        const message = `${this.#service.root.name} did not get the instance whole: it must be sent anew.`;
        job.outcome.resolve({ state: 'failed', message, retryable: true });
      }
    }
  }
}

function isWorthDividing(error: DicomWebError): boolean {
  return error.status === undefined ? error.code === 'NETWORK' : REFUSED_WHOLE.has(error.status);
}

function failed({ status, message, retryable }: DicomWebError): StoreOutcome {
  return { state: 'failed', message, retryable, ...(status === undefined ? {} : { status }) };
}

/** An instance that the answer is silent about. */
function unmentioned(says: StoreAnswer['says'], status: number, name: string): StoreOutcome {
  if (says === 'each') {
    const message = `${name} did not say what became of the instance: it counts as not stored.`;
    return { state: 'failed', status, message, retryable: true };
  }
  if (status === 200 && says === 'all') return { state: 'stored', status };
  const message = `${name} accepted the instance (HTTP ${status}) without saying what became of it.`;
  return { state: 'warning', status, message };
}

function storeStatusError(status: number, name: string): DicomWebError {
  if (status === 413) {
    const message = `${name} does not take so large a request (HTTP 413): raise its limit.`;
    return new DicomWebError('REJECTED', message, { status });
  }
  if (status === 415) {
    const message = `${name} does not take instances in this form (HTTP 415): see which transfer syntaxes it knows.`;
    return new DicomWebError('REJECTED', message, { status });
  }
  return statusError(status, name, 'a store (STOW-RS) at this address');
}
