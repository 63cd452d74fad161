import type { AbortableOptions, Queryable } from '../query/types.ts';
import { type TransferCounts, TransferTally } from './counts.ts';
import { type ExpectedInstances, expectedInstances, hasGrown } from './expected.ts';
import { lackingSelection } from './lacking.ts';
import { Ledger } from './ledger.ts';
import { isRetryable, problemOf, type TransferProblem } from './problem.ts';
import { sleep } from './sleep.ts';
import type { TransferResult } from './transfer.ts';
import type { Selection, Verification, VerificationResult, Verifier } from './types.ts';

/** Counters of a source that sends by itself. */
export interface DirectMoveProgress {
  completed: number;
  failed: number;
  /** Stored with a remark of the destination. */
  warning: number;
}

/** What the source says became of it. */
export interface DirectMoveResult extends DirectMoveProgress {
  /** SOP Instance UIDs of those that failed, as far as it named them. */
  failedInstances: readonly string[];
  /** False: the source does not count, so that its numbers mean nothing. */
  counted: boolean;
}

/** Has a source send a selection to the destination: C-MOVE (PS3.4 §C.4.2). `DimseClient.move` is one. */
export type DirectMove = (
  selection: Selection,
  options: AbortableOptions,
) => AsyncGenerator<DirectMoveProgress, DirectMoveResult, undefined>;

export interface DirectTransferOptions {
  /** Is asked what to expect. */
  source: Queryable;
  move: DirectMove;
  selection: Selection;
  /** How to find out what really arrived. Default: the source's word is taken. */
  verify?: Verifier;
  /** As `TransferOptions` has it. Bytes and pixels are not seen here, so it has no lengths and no hashes. */
  ledger?: Ledger;
  signal?: AbortSignal;
  /** Called whenever a count changes; the object is reused. */
  onProgress?: (counts: Readonly<TransferCounts>) => void;
}

/** Waits before what failed is asked for again, in milliseconds. */
const ASK_AGAIN_WAITS = [1_000, 4_000];

/**
 * Has a source send a selection straight to the destination, unchanged, and accounts for every instance: what arrived is
 * looked for at the destination, and what did not is asked for again.
 *
 * The objects do not come by here: nothing can be changed, counted in bytes or hashed. Never throws for trouble on the way:
 * what happened is in the result. Zero instances is never a success.
 */
export async function transferDirectly(options: DirectTransferOptions): Promise<TransferResult> {
  return new DirectRun(options).run();
}

class DirectRun {
  readonly #options: DirectTransferOptions;
  readonly #abortable: AbortableOptions;
  readonly #ledger: Ledger;
  readonly #tally = new TransferTally();
  /** Settled by an earlier attempt. */
  readonly #earlier = new Set<string>();
  readonly #remarks: string[] = [];
  readonly #shown: TransferCounts;
  #verification: Verification = 'none';
  /** Of a source that does not name its instances: what it said of the last round. */
  #unnamed: DirectMoveProgress | undefined;
  #disagrees = 0;
  #uncertain = false;
  #warnings = 0;

  constructor(options: DirectTransferOptions) {
    this.#options = options;
    this.#abortable = options.signal ? { signal: options.signal } : {};
    this.#ledger = options.ledger ?? new Ledger();
    this.#shown = { ...this.#tally.counts };
  }

  async run(): Promise<TransferResult> {
    let expected: ExpectedInstances | undefined;
    let problem: TransferProblem | undefined;
    try {
      expected = await this.#expect();
      for (const sop of namesOf(expected)) if (this.#ledger.isSettled(sop)) this.#earlier.add(sop);
      expected = await this.#moveAll(expected);
    } catch (error) {
      problem = problemOf(error, this.#options.signal);
    }
    return this.#result(expected, problem);
  }

  async #expect(): Promise<ExpectedInstances> {
    const { source, selection } = this.#options;
    const expected = await expectedInstances(source, selection, this.#abortable);
    if (expected.remark !== undefined && !this.#remarks.includes(expected.remark)) {
      this.#remarks.push(expected.remark);
    }
    for (const sop of namesOf(expected)) {
      if (!this.#ledger.get(sop)) this.#ledger.set({ sop, state: 'expected' });
    }
    if (expected.count !== undefined) this.#shown.expected = expected.count + expected.excluded;
    this.#shown.skipped = expected.excluded;
    this.#options.onProgress?.(this.#shown);
    return expected;
  }

  /** Asks for everything, then for what lacks, and for what came to the source meanwhile. */
  async #moveAll(first: ExpectedInstances): Promise<ExpectedInstances> {
    let expected = first;
    for (const wait of [...ASK_AGAIN_WAITS, undefined]) {
      const selection = lackingSelection(expected, (sop) => this.#ledger.isSettled(sop));
      if (selection) await this.#moveOnce(expected, selection, wait === undefined);
      else if (this.#verification === 'none') await this.#settle(expected, [], undefined);
      if (await hasGrown(this.#options.source, expected, this.#abortable)) expected = await this.#expect();
      // Without names nobody knows what to ask for again: all or nothing.
      const done = expected.instances
        ? namesOf(expected).every((sop) => this.#ledger.isSettled(sop))
        : this.#unnamed?.failed === 0;
      if (done || wait === undefined) break;
      await sleep(wait * (1 + Math.random() / 2), this.#options.signal);
    }
    return expected;
  }

  async #moveOnce(expected: ExpectedInstances, selection: Selection, isLast: boolean): Promise<void> {
    const asked = namesOf(expected).filter((sop) => !this.#ledger.isSettled(sop));
    const before = this.#shown.stored;
    let result: DirectMoveResult | undefined;
    let failure: { error: unknown } | undefined;
    try {
      const moving = this.#options.move(selection, this.#abortable);
      let next = await moving.next();
      for (; !next.done; next = await moving.next()) {
        this.#shown.stored = before + next.value.completed + next.value.warning;
        this.#shown.received = this.#shown.stored;
        this.#options.onProgress?.(this.#shown);
      }
      result = next.value;
      this.#warnings += result.warning;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      // Refused as a whole: nothing can have arrived.
      if (!isRetryable(error)) throw error;
      failure = { error };
    }
    await this.#settle(expected, asked, result);
    if (failure && isLast) throw failure.error;
  }

  /** Books what became of a round: by looking at the destination where that is possible, else by what the source says. */
  async #settle(
    expected: ExpectedInstances,
    asked: readonly string[],
    result: DirectMoveResult | undefined,
  ): Promise<void> {
    this.#unnamed = result;
    if (!expected.instances) return;
    const named = new Set(result?.failedInstances ?? []);
    const before = namesOf(expected).filter((sop) => this.#ledger.isSettled(sop));
    const candidates = [...before, ...asked.filter((sop) => !named.has(sop))];
    const found = await this.#verify(expected, candidates);
    this.#verification = found.verification;

    const state = found.missing ? 'verified' : 'stored';
    const arrived = this.#arrived(found, { before, asked, candidates, named, result });
    for (const sop of candidates) {
      this.#ledger.set({ sop, state: arrived(sop) ? state : 'failed' });
      // Asked for again, it is of this attempt.
      if (!arrived(sop)) this.#earlier.delete(sop);
    }
    for (const sop of asked) if (named.has(sop)) this.#ledger.set({ sop, state: 'failed' });
  }

  /** Tells of each candidate whether it is at the destination. */
  #arrived(
    found: VerificationResult,
    round: {
      before: readonly string[];
      asked: readonly string[];
      candidates: readonly string[];
      named: ReadonlySet<string>;
      result: DirectMoveResult | undefined;
    },
  ): (sop: string) => boolean {
    const { before, asked, candidates, named, result } = round;
    const failed = result?.failed ?? 0;
    if (found.missing) {
      const missing = new Set(found.missing);
      // The destination has them, whoever brought them.
      this.#disagrees = Math.max(0, failed - named.size - missing.size);
      return (sop) => !missing.has(sop);
    }
    // Numbers do not tell which: all of a round, or none.
    const atDestination = found.verification === 'none' || found.verified >= candidates.length;
    const sent =
      result?.counted === true &&
      failed <= named.size &&
      result.completed + result.warning >= asked.length - named.size;
    const countedThere = found.verification === 'count' && result?.counted === false;
    const all = atDestination && (asked.length === 0 || sent || countedThere);
    this.#uncertain = !all;
    const kept = new Set(atDestination ? before : []);
    return (sop) => all || kept.has(sop);
  }

  async #verify(expected: ExpectedInstances, candidates: readonly string[]): Promise<VerificationResult> {
    const { verify } = this.#options;
    const nothing: VerificationResult = { verification: 'none', verified: 0 };
    if (!verify || candidates.length === 0 || !expected.selection) return nothing;
    const { studyInstanceUid } = expected.selection;
    const instances = candidates.map((sopInstanceUid) => ({ sopInstanceUid, bytes: 0 }));
    return verify({ studyInstanceUid, instances }, this.#abortable);
  }

  #result(expected: ExpectedInstances | undefined, early: TransferProblem | undefined): TransferResult {
    const { counts } = this.#tally;
    const excluded = expected?.excluded ?? 0;
    counts.excluded = excluded;
    counts.skipped = excluded;
    if (excluded > 0) this.#tally.addReason('skipped', 'left out: modality excluded', excluded);
    if (expected?.instances) this.#countNamed(expected, early);
    else if (expected) this.#countUnnamed(expected, early);
    counts.warnings = Math.min(this.#warnings, counts.stored);
    if (counts.warnings > 0) {
      this.#tally.addReason('warning', "the source's log says more", counts.warnings);
    }
    counts.received = counts.stored;
    counts.expected = counts.stored + counts.skipped + counts.failed;
    if (this.#disagrees > 0) {
      this.#remarks.push(
        `The source says that ${this.#disagrees} instances could not be sent; the destination has all of them.`,
      );
    }
    const problem = early ?? (counts.expected === 0 ? nothingToTransfer() : undefined);
    this.#options.onProgress?.(counts);
    return {
      ok: problem === undefined && counts.failed === 0,
      counts: { ...counts },
      reasons: this.#tally.reasons(),
      verification: this.#verification,
      remarks: this.#remarks,
      retryable: problem?.retryable ?? counts.failed > 0,
      ...(problem ? { problem } : {}),
    };
  }

  #countNamed(expected: ExpectedInstances, problem: TransferProblem | undefined): void {
    const { counts } = this.#tally;
    for (const sop of namesOf(expected)) {
      if (!this.#ledger.isSettled(sop)) {
        counts.failed += 1;
        this.#ledger.set({ ...this.#ledger.get(sop), sop, state: 'failed' });
      } else if (this.#earlier.has(sop)) counts.skipped += 1;
      else counts.stored += 1;
    }
    const earlier = counts.skipped - counts.excluded;
    if (earlier > 0) this.#tally.addReason('skipped', 'stored by an earlier attempt', earlier);
    if (counts.failed > 0) this.#tally.addReason('failed', this.#why(problem), counts.failed);
    if (this.#verification !== 'none') counts.verified = counts.stored;
  }

  /** Of a source that does not tell its instances by name only numbers are known. */
  #countUnnamed({ count }: ExpectedInstances, problem: TransferProblem | undefined): void {
    const { counts } = this.#tally;
    const { completed = 0, warning = 0, failed = 0 } = this.#unnamed ?? {};
    counts.stored = completed + warning;
    counts.failed = Math.max(failed, (count ?? 0) - counts.stored);
    if (counts.failed > 0) this.#tally.addReason('failed', this.#why(problem), counts.failed);
  }

  #why(problem: TransferProblem | undefined): string {
    if (problem) return problem.message;
    if (this.#uncertain) return 'neither the source nor the destination tells which of the instances arrived';
    return "asked for, and not at the destination; the source's log says more";
  }
}

const namesOf = ({ instances }: ExpectedInstances): string[] => [...(instances?.values() ?? [])].flat();

function nothingToTransfer(): TransferProblem {
  return {
    code: 'NOTHING_TO_TRANSFER',
    message: 'The source has sent no instance at all: nothing was transferred.',
    retryable: true,
    cause: undefined,
  };
}
