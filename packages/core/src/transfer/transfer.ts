import { textOf } from '../data/attribute-access.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import type { Queryable } from '../query/types.ts';
import { ByteBudget } from './byte-budget.ts';
import { type TransferCounts, type TransferReason, TransferTally } from './counts.ts';
import { type ExpectedInstances, expectedInstances } from './expected.ts';
import { HeldBackError } from './held-back-error.ts';
import { Ledger } from './ledger.ts';
import { sleep } from './sleep.ts';
import type {
  DicomInstance,
  InstanceSink,
  InstanceSource,
  Selection,
  StoredInstance,
  StoreOutcome,
  Transform,
  Verification,
  Verifier,
} from './types.ts';

export interface TransferOptions {
  /** Where the instances are. Is asked what to expect when it can be searched. */
  source: InstanceSource & Partial<Queryable>;
  sink: InstanceSink;
  selection: Selection;
  /** Applied in order to every instance. Default: none, the bytes arrive as they are. */
  transforms?: readonly Transform[];
  /** How to find out afterwards what really arrived. Default: not verified. */
  verify?: Verifier;
  /** Knows what an earlier attempt has done, and takes down what this one does. Default: an empty one. */
  ledger?: Ledger;
  /**
   * Bytes of instances kept in memory at once, so that several can be stored in parallel and a rejected one be sent again
   * without asking the source. Instances above half of it are not kept: they stream from source to sink.
   * Default: 64 MiB.
   */
  maxBytesInFlight?: number;
  signal?: AbortSignal;
  /** Called whenever a count changes; the object is reused. */
  onProgress?: (counts: Readonly<TransferCounts>) => void;
}

/** Why a transfer ended before everything was tried. */
export interface TransferProblem {
  code: string;
  message: string;
  retryable: boolean;
  /** The error behind it, for logs. */
  cause: unknown;
}

export interface TransferResult {
  /** Everything expected is stored (or was there, or is left out by rule), and verified if that was asked for. */
  ok: boolean;
  counts: TransferCounts;
  /** What struck instances, the most frequent first. */
  reasons: TransferReason[];
  verification: Verification;
  /** Of a transfer that is not ok: may what is missing be delivered or accepted later? */
  retryable: boolean;
  /** Set when the transfer ended early; what was not tried counts as failed. */
  problem?: TransferProblem;
}

const DEFAULT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** Waits before an instance that is still in memory is sent again, in milliseconds. */
const RESEND_WAITS = [250, 1_500];

/**
 * Moves a selection from a source to a sink, streaming, and accounts for every instance.
 *
 * Never throws for trouble on the way: what happened is in the result. Zero instances is never a success.
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  return new TransferRun(options).run();
}

/** An instance with the number of bytes that were read of it. */
interface CountedInstance extends DicomInstance {
  bytesRead(): number;
  /** The error reading it ended with: the source's or a transform's, as opposed to the sink's. */
  readError(): unknown;
}

class TransferRun {
  readonly #options: TransferOptions;
  readonly #tally = new TransferTally();
  readonly #ledger: Ledger;
  readonly #budget: ByteBudget;
  /** Aborted by the caller, or by us when going on is pointless. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** Stores under way, those waiting for a free slot included. */
  readonly #stores = new Set<Promise<void>>();
  readonly #stored: StoredInstance[] = [];
  #free: number;
  readonly #slotWaiters: (() => void)[] = [];
  /** Servers race on inserting a new study: the first instance goes alone. */
  #firstStored: Promise<void> | undefined;
  #problem: TransferProblem | undefined;
  #retryable = false;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#ledger = options.ledger ?? new Ledger();
    this.#budget = new ByteBudget(options.maxBytesInFlight ?? DEFAULT_BYTES_IN_FLIGHT);
    this.#free = Math.max(1, options.sink.concurrency ?? 1);
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
  }

  async run(): Promise<TransferResult> {
    let verification: Verification = 'none';
    let expected: ExpectedInstances | undefined;
    try {
      expected = await this.#expect();
      await this.#moveAll(expected);
    } catch (error) {
      this.#fail(error);
    }
    await Promise.allSettled(this.#stores);
    this.#accountForMissing(expected);
    if (this.#options.verify && this.#stored.length > 0 && !this.#options.signal?.aborted) {
      verification = await this.#verify(this.#options.verify);
    }
    return this.#result(verification);
  }

  /** Asks the source what the selection holds, and takes down what is to come. */
  async #expect(): Promise<ExpectedInstances> {
    const { source, selection } = this.#options;
    const expected: ExpectedInstances = source.find
      ? await expectedInstances({ find: source.find.bind(source) }, selection, { signal: this.#signal })
      : { sopClassUids: [], excluded: 0, selection };
    const { counts } = this.#tally;
    if (expected.count !== undefined) counts.expected = expected.count + expected.excluded;
    counts.skipped += expected.excluded;
    if (expected.excluded > 0)
      this.#tally.addReason('skipped', 'left out: modality excluded', expected.excluded);
    for (const sop of [...(expected.instances?.values() ?? [])].flat()) {
      if (!this.#ledger.get(sop)) this.#ledger.set({ sop, state: 'expected' });
    }
    this.#progress();
    return expected;
  }

  async #moveAll(expected: ExpectedInstances): Promise<void> {
    if (!expected.selection) return;
    const { source } = this.#options;
    const instances = source.retrieve(expected.selection, {
      signal: this.#signal,
      sopClassUids: expected.sopClassUids,
      onFailure: (failure) => {
        const message = `not delivered by the source: ${failure.message}`;
        if (failure.sopInstanceUid === undefined) this.#undelivered = message;
        else if (!this.#seen.has(failure.sopInstanceUid)) {
          this.#seen.add(failure.sopInstanceUid);
          this.#settleFailed(failure.sopInstanceUid, message, failure);
        }
      },
    });
    for await (const instance of instances) {
      this.#signal.throwIfAborted();
      await this.#take(instance);
    }
    this.#signal.throwIfAborted();
  }

  readonly #seen = new Set<string>();
  #undelivered = 'not delivered by the source';

  /** Reads one instance: into memory if it is small enough, else straight into the sink. */
  async #take(instance: DicomInstance): Promise<void> {
    const sop = instance.sopInstanceUid;
    if (this.#seen.has(sop) || this.#ledger.isSettled(sop)) {
      // A source may send an instance twice, or more than a retry asked for: what is stored is not sent again.
      if (!this.#seen.has(sop)) this.#skipPresent(sop);
      for await (const _ of instance.dataset);
      return;
    }
    this.#seen.add(sop);
    this.#tally.counts.received += 1;
    this.#ledger.set({ sop, state: 'received' });
    this.#progress();

    let outgoing: CountedInstance;
    let reserved = 0;
    const chunks: Uint8Array[] = [];
    try {
      outgoing = counted(await this.#transform(await checkIdentity(instance)));
    } catch (error) {
      if (await this.#notTaken(sop, error)) await refuse(instance);
      return;
    }

    const limit = this.#budget.total / 2;
    const reader = outgoing.dataset[Symbol.asyncIterator]();
    let whole = false;
    try {
      while ((outgoing.byteLength ?? 0) <= limit && reserved <= limit) {
        const next = await reader.next();
        if (next.done) {
          whole = true;
          break;
        }
        await this.#budget.reserve(next.value.length);
        reserved += next.value.length;
        chunks.push(next.value);
      }
    } catch (error) {
      this.#budget.release(reserved);
      await this.#notTaken(sop, error);
      return;
    }

    if (whole) {
      const kept: DicomInstance = { ...describe(outgoing), byteLength: reserved, dataset: replay(chunks) };
      const done = this.#inTurn(() => this.#storeKept(sop, kept, reserved)).finally(() => {
        this.#budget.release(reserved);
        chunks.length = 0;
      });
      this.#track(done);
      return;
    }
    const streamed: DicomInstance = { ...describe(outgoing), dataset: resume(chunks, reader) };
    try {
      await this.#track(this.#inTurn(() => this.#storeStreamed(sop, streamed, outgoing)));
    } finally {
      this.#budget.release(reserved);
    }
  }

  async #transform(instance: DicomInstance): Promise<DicomInstance> {
    let result = instance;
    for (const transform of this.#options.transforms ?? []) result = await transform(result);
    return result;
  }

  /**
   * Books an instance that could not be read or must not leave. Returns true when the source can go on with the next one;
   * rethrows what ends the transfer.
   */
  async #notTaken(sop: string, error: unknown): Promise<boolean> {
    if (this.#signal.aborted) throw this.#signal.reason;
    if (error instanceof HeldBackError) {
      this.#tally.counts.held += 1;
      this.#tally.addReason('held', error.message);
      this.#ledger.set({ sop, state: 'held' });
      this.#progress();
      return true;
    }
    this.#settleFailed(sop, sentence(error), { retryable: isRetryable(error) });
    if (error instanceof DicomError && !error.retryable) return true;
    throw error;
  }

  /** Runs a store when a slot is free; the first of all alone. */
  async #inTurn(store: () => Promise<void>): Promise<void> {
    if (this.#firstStored === undefined) {
      this.#free -= 1;
      const first = store().finally(() => this.#releaseSlot());
      this.#firstStored = first.catch(() => {});
      return first;
    }
    await this.#firstStored;
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#slotWaiters.push(resolve));
    try {
      if (!this.#signal.aborted) await store();
    } finally {
      this.#releaseSlot();
    }
  }

  #releaseSlot(): void {
    const next = this.#slotWaiters.shift();
    if (next) next();
    else this.#free += 1;
  }

  #track(store: Promise<void>): Promise<void> {
    const tracked = store.catch((error) => this.#fail(error)).finally(() => this.#stores.delete(tracked));
    this.#stores.add(tracked);
    return tracked;
  }

  /** Stores an instance that is in memory, again if the destination may take it later. */
  async #storeKept(sop: string, instance: DicomInstance, bytes: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const wait = RESEND_WAITS[attempt];
      try {
        const outcome = await this.#options.sink.store(instance, { signal: this.#signal });
        if (outcome.state !== 'failed' || !outcome.retryable || wait === undefined) {
          this.#settle(sop, instance, outcome, bytes);
          return;
        }
      } catch (error) {
        this.#signal.throwIfAborted();
        if (wait === undefined || !isRetryable(error)) {
          this.#settleFailed(sop, sentence(error), { retryable: isRetryable(error) });
          throw error;
        }
      }
      await sleep(wait * (1 + Math.random() / 2), this.#signal);
    }
  }

  async #storeStreamed(sop: string, instance: DicomInstance, outgoing: CountedInstance): Promise<void> {
    try {
      const outcome = await this.#options.sink.store(instance, { signal: this.#signal });
      this.#settle(sop, instance, outcome, outgoing.bytesRead());
    } catch (error) {
      const readError = outgoing.readError();
      if (readError !== undefined) {
        await this.#notTaken(sop, readError);
        return;
      }
      this.#signal.throwIfAborted();
      this.#settleFailed(sop, sentence(error), { retryable: isRetryable(error) });
      throw error;
    }
  }

  #settle(sop: string, instance: DicomInstance, outcome: StoreOutcome, bytes: number): void {
    if (outcome.state === 'failed') {
      this.#settleFailed(sop, outcome.message ?? 'refused by the destination', outcome);
      return;
    }
    const { counts } = this.#tally;
    if (outcome.state === 'present') {
      counts.skipped += 1;
      this.#tally.addReason('skipped', 'already at the destination');
    } else {
      counts.stored += 1;
      counts.bytes += bytes;
      this.#stored.push({ sopInstanceUid: instance.sopInstanceUid, bytes });
    }
    if (outcome.state === 'warning') {
      counts.warnings += 1;
      this.#tally.addReason('warning', outcome.message ?? 'stored with a warning');
    }
    this.#ledger.set({
      sop,
      ...(instance.sopInstanceUid === sop ? {} : { newSop: instance.sopInstanceUid }),
      state: outcome.state,
      bytes,
      ...(outcome.status === undefined ? {} : { status: outcome.status }),
    });
    this.#progress();
  }

  #settleFailed(
    sop: string,
    message: string,
    { status, retryable }: { status?: number; retryable?: boolean } = {},
  ): void {
    this.#retryable ||= retryable ?? false;
    this.#tally.counts.failed += 1;
    this.#tally.addReason('failed', message);
    this.#ledger.set({ sop, state: 'failed', ...(status === undefined ? {} : { status }) });
    this.#progress();
  }

  #skipPresent(sop: string): void {
    this.#seen.add(sop);
    this.#tally.counts.skipped += 1;
    this.#tally.addReason('skipped', 'stored by an earlier attempt');
    this.#progress();
  }

  /** Ends the transfer early. The first reason stands. */
  #fail(error: unknown): void {
    if (this.#problem) return;
    this.#problem = this.#options.signal?.aborted
      ? { code: 'CANCELED', message: 'The transfer was canceled.', retryable: true, cause: error }
      : {
          code: error instanceof DicomError ? error.code : 'UNEXPECTED',
          message: sentence(error),
          retryable: isRetryable(error),
          cause: error,
        };
    this.#stop.abort(error);
  }

  /** What was expected and never came counts as failed: the numbers always add up. */
  #accountForMissing(expected: ExpectedInstances | undefined): void {
    const { counts } = this.#tally;
    const message =
      this.#problem === undefined
        ? this.#undelivered
        : this.#problem.code === 'CANCELED'
          ? 'not transferred: canceled'
          : // One trouble is one reason, whether it struck an instance or kept it from being tried.
            this.#problem.message;
    for (const record of [...this.#ledger.records()]) {
      if (record.state === 'received') this.#settleFailed(record.sop, message, { retryable: true });
    }
    for (const sop of [...(expected?.instances?.values() ?? [])].flat()) {
      if (this.#seen.has(sop)) continue;
      if (this.#ledger.isSettled(sop)) this.#skipPresent(sop);
      else this.#settleFailed(sop, message, { retryable: true });
    }
    const accounted = counts.stored + counts.skipped + counts.failed + counts.held;
    const missing = (counts.expected ?? accounted) - accounted;
    if (missing > 0) {
      counts.failed += missing;
      this.#retryable = true;
      this.#tally.addReason('failed', message, missing);
    } else if (counts.expected !== undefined) {
      // The source delivered more than it had announced: that is what was to be expected.
      counts.expected = accounted;
    }
    this.#progress();
  }

  async #verify(verify: Verifier): Promise<Verification> {
    const map = (uid: string) =>
      (this.#options.transforms ?? []).reduce(
        (mapped, transform) => transform.mapUid?.(mapped) ?? mapped,
        uid,
      );
    try {
      await this.#options.sink.release?.();
      const study = {
        studyInstanceUid: map(this.#options.selection.studyInstanceUid),
        instances: this.#stored,
      };
      const result = await verify(study, this.#options.signal ? { signal: this.#options.signal } : {});
      this.#tally.counts.verified = result.verified;
      const missing = this.#stored.length - result.verified;
      if (result.verification !== 'none' && missing > 0) {
        this.#retryable = true;
        this.#tally.addReason(
          'failed',
          'accepted by the destination, but not found there afterwards',
          missing,
        );
      }
      this.#progress();
      return result.verification;
    } catch (error) {
      this.#fail(error);
      return 'none';
    }
  }

  #result(verification: Verification): TransferResult {
    const { counts } = this.#tally;
    counts.expected ??= counts.stored + counts.skipped + counts.failed + counts.held;
    if (!this.#problem && counts.stored + counts.skipped + counts.failed + counts.held === 0) {
      this.#problem = {
        code: 'NOTHING_TO_TRANSFER',
        message: 'The source delivered no instance at all: nothing was transferred.',
        retryable: true,
        cause: undefined,
      };
    }
    const complete =
      counts.failed === 0 && counts.held === 0 && counts.stored + counts.skipped === counts.expected;
    const verified = verification === 'none' || counts.verified === counts.stored;
    return {
      ok: this.#problem === undefined && complete && verified && counts.expected > 0,
      counts: { ...counts },
      reasons: this.#tally.reasons(),
      verification,
      retryable: this.#problem?.retryable ?? this.#retryable,
      ...(this.#problem ? { problem: this.#problem } : {}),
    };
  }

  #progress(): void {
    this.#options.onProgress?.(this.#tally.counts);
  }
}

/**
 * Compares what a node said it would send with what it sends: a data set under the wrong SOP Instance UID would be booked,
 * stored and verified under a name that is not its own.
 */
async function checkIdentity(instance: DicomInstance): Promise<DicomInstance> {
  const { attributes, instance: whole } = await peekHeader(instance, [Tags.SOPClassUID, Tags.SOPInstanceUID]);
  if (textOf(attributes, Tags.SOPInstanceUID) !== instance.sopInstanceUid) {
    throw new DicomError(
      'IDENTITY_MISMATCH',
      'the SOP Instance UID of the data set is not the one it was announced with',
    );
  }
  return whole;
}

function describe({ sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength }: DicomInstance) {
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    ...(byteLength === undefined ? {} : { byteLength }),
  };
}

function counted(instance: DicomInstance): CountedInstance {
  let bytes = 0;
  let failure: unknown;
  async function* read() {
    try {
      for await (const chunk of instance.dataset) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return { ...describe(instance), dataset: read(), bytesRead: () => bytes, readError: () => failure };
}

/** The same bytes for every reader. */
function replay(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
}

/** What was read already, then the rest. */
async function* resume(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Tells the source that an instance is not taken. */
async function refuse(instance: DicomInstance): Promise<void> {
  await instance.dataset[Symbol.asyncIterator]().return?.();
}

function isRetryable(error: unknown): boolean {
  return error instanceof DicomError && error.retryable;
}

/** The message for people; an error that is not ours is not shown as it is, for it may hold anything. */
function sentence(error: unknown): string {
  return error instanceof DicomError
    ? error.message
    : 'Something unexpected went wrong; the log of ADIT says more.';
}
