import { textOf } from '../data/attribute-access.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import type { Queryable } from '../query/types.ts';
import { ByteBudget } from './byte-budget.ts';
import { type TransferCounts, type TransferReason, TransferTally } from './counts.ts';
import {
  type ExpectedInstances,
  expectedInstances,
  hasGrown,
  planSelection,
  type SelectionPlan,
} from './expected.ts';
import { HeldBackError } from './held-back-error.ts';
import { lackingSelection } from './lacking.ts';
import { Ledger } from './ledger.ts';
import { hashPixelData, type StreamingHash } from './pixel-hash.ts';
import { isRetryable, problemOf, sentence, type TransferProblem } from './problem.ts';
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
  VerificationResult,
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
  /**
   * Knows what an earlier attempt has done, and takes down what this one does. The source is asked only for what it lacks;
   * what it has is verified again with the rest. Default: an empty one.
   */
  ledger?: Ledger;
  /**
   * Hashes the pixel data of each instance as they are stored, for the ledger: `() => createHash('sha256')` with Node's
   * crypto. Default: not hashed.
   */
  createPixelHash?: () => StreamingHash;
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

export interface TransferResult {
  /** Everything expected is stored (or was there, or is left out by rule), and verified if that was asked for. */
  ok: boolean;
  counts: TransferCounts;
  /** What struck instances, the most frequent first. */
  reasons: TransferReason[];
  verification: Verification;
  /** Sentences about the whole: what was not as it was asked for, and did not keep it from being done. */
  remarks: string[];
  /** Of a transfer that is not ok: may what is missing be delivered or accepted later? */
  retryable: boolean;
  /** Set when the transfer ended early; what was not tried counts as failed. */
  problem?: TransferProblem;
}

const DEFAULT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** Waits before an instance that is still in memory is sent again, in milliseconds. */
const RESEND_WAITS = [250, 1_500];

/**
 * The destination is given up when it takes nothing for now so many times in a row: to go on would cost its time-out for
 * every instance.
 */
const FRUITLESS_TRIES = 3;

/**
 * Moves a selection from a source to a sink, streaming, and accounts for every instance.
 *
 * Never throws for trouble on the way: what happened is in the result. Zero instances is never a success.
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  return new TransferRun(options).run();
}

/**
 * Instances that are kept for each that the sink stores at once: enough that it never waits for the source. More would be
 * memory for nothing, of small ones thousands.
 */
const KEPT_PER_STORE = 3;

/** How often a source is asked again because it has got more meanwhile. */
const MAXIMUM_ROUNDS = 10;

/** An instance with the number of bytes that were read of it. */
interface CountedInstance extends DicomInstance {
  bytesRead(): number;
  /** Of the pixel data, once all was read. */
  pixelSha256(): string | undefined;
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
  /** Lets the next instance be read when one is stored. */
  #onStored: (() => void) | undefined;
  /** What the source says the selection holds, as far as it has said. */
  #expected: ExpectedInstances;
  /** The source is telling which instances there are, while they come. Never rejects. */
  #listing: Promise<void> | undefined;
  /** By SOP Instance UID at the source: what is at the destination now and has to be found there. */
  readonly #delivered = new Map<string, StoredInstance & { earlier: boolean }>();
  readonly #remarks: string[] = [];
  #transcoded = 0;
  #free: number;
  readonly #maximumKept: number;
  readonly #slotWaiters: (() => void)[] = [];
  /** Servers race on inserting a new study: the first instance goes alone. */
  #firstStored: Promise<void> | undefined;
  /** Tries since the destination last did anything but fail for now. */
  #fruitless = 0;
  /** Instances that should be at the destination and were not found there. */
  #lost = 0;
  #problem: TransferProblem | undefined;
  #retryable = false;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#ledger = options.ledger ?? new Ledger();
    this.#expected = { sopClassUids: [], excluded: 0, selection: options.selection };
    this.#budget = new ByteBudget(options.maxBytesInFlight ?? DEFAULT_BYTES_IN_FLIGHT);
    this.#free = Math.max(1, options.sink.concurrency ?? 1);
    this.#maximumKept = KEPT_PER_STORE * this.#free;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
  }

  async run(): Promise<TransferResult> {
    let verification: Verification = 'none';
    try {
      await this.#expect();
      await this.#moveAll(this.#expected);
      await this.#listing;
      await this.#moveWhatCameSince();
    } catch (error) {
      this.#fail(error);
    }
    await Promise.allSettled(this.#stores);
    this.#accountForMissing();
    if (this.#options.verify && this.#delivered.size > 0 && !this.#options.signal?.aborted) {
      verification = await this.#verify(this.#options.verify);
    }
    return this.#result(verification);
  }

  /** Asks the source what the selection holds, and takes down what is to come. */
  async #expect(): Promise<void> {
    const { source, selection } = this.#options;
    if (source.find) {
      const searchable = { find: source.find.bind(source) };
      const plan = await planSelection(searchable, selection, { signal: this.#signal });
      this.#expected = plan.counted;
      if (this.#mayListMeanwhile(plan.counted)) this.#listing = this.#list(plan);
      else this.#expected = await plan.list();
    }
    const { excluded, remark } = this.#expected;
    const { counts } = this.#tally;
    counts.skipped += excluded;
    counts.excluded += excluded;
    if (excluded > 0) this.#tally.addReason('skipped', 'left out: modality excluded', excluded);
    if (remark !== undefined) this.#remarks.push(remark);
    this.#announce(this.#expected);
  }

  /**
   * Can instances come while the source still tells which there are? Not where it has to be known what lacks, and where what
   * comes to the source between the two would not be noticed by its counts.
   */
  #mayListMeanwhile({ selection, seriesCounts, count }: ExpectedInstances): boolean {
    if (!this.#options.source.findsWhileRetrieving || this.#ledger.hasSettled) return false;
    const counted = [...(seriesCounts?.values() ?? [])].reduce((sum, one) => sum + one, 0);
    return selection !== undefined && !selection.sopInstanceUids && counted > 0 && counted === count;
  }

  async #list(plan: SelectionPlan): Promise<void> {
    try {
      this.#expected = await plan.list();
      this.#announce(this.#expected);
    } catch (error) {
      // Without knowing what is to come it cannot be said that all has come.
      this.#fail(error);
    }
  }

  /** Takes down what is to come. */
  #announce({ count, excluded, instances }: ExpectedInstances): void {
    if (count !== undefined) this.#tally.counts.expected = count + excluded;
    for (const sop of [...(instances?.values() ?? [])].flat()) {
      if (!this.#ledger.get(sop)) this.#ledger.set({ sop, state: 'expected' });
    }
    this.#progress();
  }

  /** A study may still be growing: what came to the source while the rest was read belongs to it. */
  async #moveWhatCameSince(): Promise<void> {
    const { source, selection } = this.#options;
    if (!source.find) return;
    const searchable = { find: source.find.bind(source) };
    const options = { signal: this.#signal };
    for (
      let round = 0;
      round < MAXIMUM_ROUNDS && (await hasGrown(searchable, this.#expected, options));
      round += 1
    ) {
      const before = this.#seen.size;
      const { excluded } = this.#expected;
      // Series left out that have grown were counted once and stay left out.
      this.#expected = { ...(await expectedInstances(searchable, selection, options)), excluded };
      this.#announce(this.#expected);
      await this.#moveAll(this.#expected);
      // Numbers that nothing stands behind are not waited for.
      if (this.#seen.size === before) break;
    }
  }

  async #moveAll(expected: ExpectedInstances): Promise<void> {
    const isDone = (sop: string) => this.#seen.has(sop) || this.#ledger.isSettled(sop);
    const selection = lackingSelection(expected, isDone);
    if (!selection) return;
    const { source } = this.#options;
    const instances = source.retrieve(selection, {
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
      outgoing = counted(await this.#transform(await checkIdentity(instance)), this.#options.createPixelHash);
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
      const pixelSha256 = outgoing.pixelSha256();
      const done = this.#inTurn(() => this.#storeKept(sop, kept, reserved, pixelSha256)).finally(() => {
        this.#budget.release(reserved);
        chunks.length = 0;
      });
      this.#track(done);
      while (this.#stores.size >= this.#maximumKept) {
        await new Promise<void>((resolve) => {
          this.#onStored = resolve;
        });
      }
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
    const tracked = store
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#stores.delete(tracked);
        this.#onStored?.();
      });
    this.#stores.add(tracked);
    return tracked;
  }

  /** Stores an instance that is in memory, again if the destination may take it later. */
  async #storeKept(
    sop: string,
    instance: DicomInstance,
    bytes: number,
    pixelSha256: string | undefined,
  ): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const wait = RESEND_WAITS[attempt];
      try {
        const outcome = await this.#options.sink.store(instance, { signal: this.#signal });
        const again = this.#failedForNow(outcome, wait === undefined);
        if (!again || wait === undefined) {
          this.#settle(sop, instance, outcome, { bytes, pixelSha256 });
          if (again) this.#giveUpFruitless(outcome);
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
      this.#settle(sop, instance, outcome, {
        bytes: outgoing.bytesRead(),
        pixelSha256: outgoing.pixelSha256(),
      });
      if (this.#failedForNow(outcome, true)) this.#giveUpFruitless(outcome);
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

  /** May the destination take later what it has not taken now? */
  #failedForNow({ state, retryable, status }: StoreOutcome, isLastSending: boolean): boolean {
    const forNow = state === 'failed' && retryable === true;
    if (!forNow) this.#fruitless = 0;
    // Whoever answers may have trouble with this instance alone: all its sendings are one try.
    else if (status === undefined || isLastSending) this.#fruitless += 1;
    return forNow;
  }

  #giveUpFruitless({ message }: StoreOutcome): void {
    if (this.#fruitless < FRUITLESS_TRIES) return;
    this.#fail(
      new DicomError(
        'DESTINATION_UNAVAILABLE',
        message ?? 'The destination takes nothing at present: try again later.',
        { retryable: true },
      ),
    );
  }

  #settle(
    sop: string,
    instance: DicomInstance,
    outcome: StoreOutcome,
    { bytes, pixelSha256 }: { bytes: number; pixelSha256: string | undefined },
  ): void {
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
      if (outcome.transcodedTo !== undefined) this.#transcoded += 1;
      const { sopInstanceUid, sopClassUid } = instance;
      this.#delivered.set(sop, { sopInstanceUid, sopClassUid, bytes, earlier: false });
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
      // Transcoded, the pixels at the destination may be other bytes.
      ...(pixelSha256 === undefined || outcome.transcodedTo !== undefined ? {} : { pixelSha256 }),
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
    const record = this.#ledger.get(sop);
    if (record && record.state !== 'excluded') {
      const sopInstanceUid = record.newSop ?? this.#mapped(sop);
      this.#delivered.set(sop, { sopInstanceUid, bytes: record.bytes ?? 0, earlier: true });
    }
    this.#progress();
  }

  /** What a UID becomes on the way. */
  #mapped(uid: string): string {
    return (this.#options.transforms ?? []).reduce(
      (mapped, transform) => transform.mapUid?.(mapped) ?? mapped,
      uid,
    );
  }

  /** Ends the transfer early. The first reason stands. */
  #fail(error: unknown): void {
    if (this.#problem) return;
    this.#problem = problemOf(error, this.#options.signal);
    this.#stop.abort(error);
  }

  /** What was expected and never came counts as failed: the numbers always add up. */
  #accountForMissing(): void {
    const { counts } = this.#tally;
    const message =
      this.#problem === undefined
        ? this.#undelivered
        : this.#problem.code === 'CANCELED'
          ? 'not transferred: canceled'
          : // One trouble is one reason, whether it struck an instance or kept it from being tried.
            this.#problem.message;
    for (const record of [...this.#ledger.records()]) {
      // A ledger may hold other studies, and what an attempt that was killed had begun to receive.
      if (record.state === 'received' && this.#seen.has(record.sop))
        this.#settleFailed(record.sop, message, { retryable: true });
    }
    for (const sop of [...(this.#expected.instances?.values() ?? [])].flat()) {
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
    try {
      await this.#options.sink.release?.();
      const study = {
        studyInstanceUid: this.#mapped(this.#options.selection.studyInstanceUid),
        instances: [...this.#delivered.values()].map(({ earlier: _, ...stored }) => stored),
      };
      const result = await verify(study, this.#options.signal ? { signal: this.#options.signal } : {});
      if (result.verification !== 'none') this.#bookVerified(result);
      this.#progress();
      return result.verification;
    } catch (error) {
      this.#fail(error);
      return 'none';
    }
  }

  /** What was not found again has to be sent again, whichever attempt had sent it. */
  #bookVerified({ verified, missing }: VerificationResult): void {
    const { counts } = this.#tally;
    const lost = this.#delivered.size - verified;
    if (lost > 0) {
      this.#retryable = true;
      this.#tally.addReason('failed', 'accepted by the destination, but not found there afterwards', lost);
    }
    if (missing === undefined) {
      counts.verified = Math.max(0, counts.stored - lost);
      this.#lost = lost;
      return;
    }
    const gone = new Set(missing);
    for (const [sop, { sopInstanceUid, earlier }] of this.#delivered) {
      const record = this.#ledger.get(sop) ?? { sop };
      if (!gone.has(sopInstanceUid)) {
        if (!earlier) counts.verified += 1;
        this.#ledger.set({ ...record, state: 'verified' });
        continue;
      }
      this.#ledger.set({ sop, state: 'failed' });
      if (!earlier) continue;
      counts.skipped -= 1;
      counts.failed += 1;
    }
    this.#lost = lost;
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
    if (this.#transcoded > 0) {
      this.#remarks.push(
        `${this.#transcoded} instances were sent in another transfer syntax, for the destination does not take their own.`,
      );
    }
    const complete =
      counts.failed === 0 && counts.held === 0 && counts.stored + counts.skipped === counts.expected;
    const verified = verification === 'none' || this.#lost === 0;
    return {
      ok: this.#problem === undefined && complete && verified && counts.expected > 0,
      counts: { ...counts },
      reasons: this.#tally.reasons(),
      verification,
      remarks: this.#remarks,
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

function counted(
  instance: DicomInstance,
  createPixelHash: (() => StreamingHash) | undefined,
): CountedInstance {
  const hashed = createPixelHash && hashPixelData(instance, createPixelHash);
  let bytes = 0;
  let failure: unknown;
  async function* read() {
    try {
      for await (const chunk of (hashed?.instance ?? instance).dataset) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return {
    ...describe(instance),
    dataset: read(),
    bytesRead: () => bytes,
    pixelSha256: () => hashed?.digest(),
    readError: () => failure,
  };
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
