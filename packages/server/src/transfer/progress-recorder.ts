import type { LedgerRecord, TransferCounts } from '@adit/core';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Schema } from '../db/schema.ts';
import { isKept, saveLedger } from '../jobs/ledger-store.ts';
import { type ClaimedTask, saveProgress } from '../jobs/task-lifecycle.ts';

/** Progress is written down at most so often, in milliseconds. */
const INTERVAL = 500;
/** Time in which the shown rate forgets what was before, in milliseconds. */
const RATE_MEMORY = 5_000;

/**
 * Takes down how far a task is, from time to time, while it runs. Never fails a task: what the database does not take now
 * comes with the next time, and the ledger's rest with `finish`.
 */
export class ProgressRecorder {
  readonly #db: Kysely<Schema>;
  readonly #task: ClaimedTask;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  #counts: TransferCounts | undefined;
  #ledger: LedgerRecord[] = [];
  #writing: Promise<void> | undefined;
  #rate = 0;
  #last = { bytes: 0, at: performance.now() };

  constructor(options: { db: Kysely<Schema>; task: ClaimedTask; logger: Logger }) {
    this.#db = options.db;
    this.#task = options.task;
    this.#logger = options.logger;
    this.#timer = setInterval(() => this.#write(), INTERVAL);
  }

  /** The object may be used again by the caller. */
  update(counts: Readonly<TransferCounts>): void {
    this.#counts = { ...counts };
  }

  add(record: LedgerRecord): void {
    if (isKept(record)) this.#ledger.push(record);
  }

  /** Ends the writing and sees to it that the ledger is complete. Throws when the database does not take it. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#writeLedger();
  }

  #write(): void {
    if (this.#writing || (!this.#counts && this.#ledger.length === 0)) return;
    this.#writing = this.#writeAll()
      .catch((error: unknown) => {
        this.#logger.warn({ err: error, taskId: this.#task.id }, 'progress could not be written down');
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeAll(): Promise<void> {
    await this.#writeLedger();
    const counts = this.#counts;
    if (!counts) return;
    this.#counts = undefined;
    await saveProgress(this.#db, this.#task, { counts, rate: this.#measure(counts.bytes) });
  }

  async #writeLedger(): Promise<void> {
    const records = this.#ledger;
    this.#ledger = [];
    try {
      await saveLedger(this.#db, this.#task.id, records);
    } catch (error) {
      this.#ledger = [...records, ...this.#ledger];
      throw error;
    }
  }

  /** Bytes a second, averaged so that it neither jumps nor lags. */
  #measure(bytes: number): number {
    const now = performance.now();
    const elapsed = now - this.#last.at;
    const present = ((bytes - this.#last.bytes) * 1000) / Math.max(elapsed, 1);
    const weight = 1 - Math.exp(-elapsed / RATE_MEMORY);
    this.#rate = this.#last.bytes === 0 ? present : this.#rate + weight * (present - this.#rate);
    this.#last = { bytes, at: now };
    return Math.round(this.#rate);
  }
}
