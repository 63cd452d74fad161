import {
  DicomError,
  type DicomInstance,
  type InstanceSink,
  peekHeader,
  readPart10,
  type StoreOutcome,
  Tags,
  textOf,
} from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';

/** Failure reasons (PS3.18 Table I.2-2). */
const CANNOT_UNDERSTAND = 0xc000;
const OUT_OF_RESOURCES = 0xa700;
const DOES_NOT_MATCH = 0xa900;
const PROCESSING_FAILURE = 0x0110;
/** Coercion of data elements (PS3.18 Table I.2-1): the remark that says least. */
const REMARK = 0xb000;

/** Instances up to this size are read whole, so that several can be stored at once. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** Most bytes of instances that are kept. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

interface Named {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** The instances of one store request: reads one after the other, stores several at once, and notes what became of each. */
export class IncomingInstances {
  readonly stored: (Named & { study: string; series: string; warning: number | undefined })[] = [];
  /** `unavailable`: the sink could not be used at all, rather than refused the instance. */
  readonly failed: (Named & { reason: number; unavailable: boolean })[] = [];
  /** Failure reasons of what could not be told by its UID. */
  readonly unnamed: number[] = [];
  readonly #sink: InstanceSink;
  readonly #studyInstanceUid: string | undefined;
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #stores = new Set<Promise<void>>();
  #keptBytes = 0;

  constructor(
    sink: InstanceSink,
    studyInstanceUid: string | undefined,
    signal: AbortSignal,
    onError: (error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#studyInstanceUid = studyInstanceUid;
    this.#signal = signal;
    this.#onError = onError;
  }

  /** Something came that is no instance. */
  refuse(): void {
    this.unnamed.push(PROCESSING_FAILURE);
  }

  /**
   * Takes one Part 10 file. Resolves when its bytes are read; throws only when the request itself is broken, or was given up.
   */
  async take(file: AsyncIterable<Uint8Array>): Promise<void> {
    let read: { instance: DicomInstance; study: string; series: string };
    try {
      read = await this.#read(file);
    } catch (error) {
      if (isOfTheRequest(error)) throw error;
      this.unnamed.push(CANNOT_UNDERSTAND);
      return;
    }
    const { instance, study, series } = read;
    if (this.#studyInstanceUid !== undefined && study !== this.#studyInstanceUid) {
      await instance.dataset[Symbol.asyncIterator]().return?.();
      this.failed.push({ ...named(instance), reason: DOES_NOT_MATCH, unavailable: false });
      return;
    }
    await this.#room();
    const chunks: Uint8Array[] = [];
    let length = 0;
    const reader = instance.dataset[Symbol.asyncIterator]();
    let whole = false;
    while (length <= KEPT_BYTES) {
      const next = await reader.next();
      if (next.done) {
        whole = true;
        break;
      }
      chunks.push(next.value);
      length += next.value.length;
    }
    const dataset = whole ? replayed(chunks) : resumed(chunks, reader);
    const store = this.#store(
      { ...instance, dataset, ...(whole ? { byteLength: length } : {}) },
      study,
      series,
    );
    // A sink that fails before it reads leaves the rest to be skipped.
    if (!whole) return store.finally(() => reader.return?.());
    this.#keptBytes += length;
    const tracked = store.finally(() => {
      this.#keptBytes -= length;
      this.#stores.delete(tracked);
    });
    tracked.catch(() => {});
    this.#stores.add(tracked);
  }

  /** Resolves when nothing is being stored any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#stores);
    this.#signal.throwIfAborted();
  }

  /** What the file says of itself and its data set must be the same: a store under another name would be lost. */
  async #read(
    file: AsyncIterable<Uint8Array>,
  ): Promise<{ instance: DicomInstance; study: string; series: string }> {
    const part10 = await readPart10(file);
    const wanted = [Tags.SOPClassUID, Tags.SOPInstanceUID, Tags.StudyInstanceUID, Tags.SeriesInstanceUID];
    const { attributes, instance } = await peekHeader(part10, wanted);
    const [sopClassUid, sopInstanceUid, study, series] = wanted.map((tag) => textOf(attributes, tag) ?? '');
    if (!sopClassUid || !study || !series || sopInstanceUid !== instance.sopInstanceUid) {
      await instance.dataset[Symbol.asyncIterator]().return?.();
      throw new DicomError('IDENTITY_MISMATCH', 'An instance is not what it says it is.');
    }
    const { sopInstanceUid: uid, transferSyntaxUid, dataset, byteLength } = instance;
    const known = byteLength === undefined ? {} : { byteLength };
    return {
      instance: { sopClassUid, sopInstanceUid: uid, transferSyntaxUid, dataset, ...known },
      study,
      series,
    };
  }

  /** Waits until another instance may be kept and stored. */
  async #room(): Promise<void> {
    const most = Math.max(1, this.#sink.concurrency ?? 1);
    while (this.#stores.size >= most || this.#keptBytes > MAX_KEPT_BYTES) await Promise.race(this.#stores);
  }

  async #store(instance: DicomInstance, study: string, series: string): Promise<void> {
    let outcome: StoreOutcome;
    try {
      outcome = await this.#sink.store(instance, { signal: this.#signal });
    } catch (error) {
      this.#signal.throwIfAborted();
      if (isOfTheRequest(error)) throw error;
      this.#onError(error);
      const unavailable = error instanceof DicomError && error.retryable;
      this.failed.push({
        ...named(instance),
        reason: unavailable ? OUT_OF_RESOURCES : PROCESSING_FAILURE,
        unavailable,
      });
      return;
    }
    if (outcome.state === 'failed') {
      this.failed.push({ ...named(instance), reason: failureReason(outcome), unavailable: false });
      return;
    }
    const warning = outcome.state === 'warning' ? warningReason(outcome) : undefined;
    this.stored.push({ ...named(instance), study, series, warning });
  }
}

const named = ({ sopClassUid, sopInstanceUid }: DicomInstance): Named => ({ sopClassUid, sopInstanceUid });

/** The statuses of C-STORE are failure reasons as well; those of HTTP are not. */
function failureReason({ status = 0, retryable }: StoreOutcome): number {
  if (status >= 0xa700 && status <= 0xcfff) return status;
  if ([0x0110, 0x0111, 0x0117, 0x0122, 0x0124].includes(status)) return status;
  return retryable ? OUT_OF_RESOURCES : PROCESSING_FAILURE;
}

const warningReason = ({ status = 0 }: StoreOutcome): number =>
  status >= 0xb000 && status <= 0xbfff ? status : REMARK;

/** Is the message broken, rather than one of its parts? */
const isOfTheRequest = (error: unknown): boolean =>
  !(error instanceof DicomError) ||
  (error instanceof DicomWebError &&
    (error.code === 'TRUNCATED' || error.code === 'MALFORMED' || error.code === 'LIMIT'));

/** The same bytes for every reader. */
function replayed(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
}

/** What was read already, then the rest. */
async function* resumed(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
