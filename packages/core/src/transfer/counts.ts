/** Instances by what became of them: `stored + skipped + failed + held` is `expected` when a transfer is done. */
export interface TransferCounts {
  /** How many the source should deliver, those left out by rule included. Undefined until the source was asked. */
  expected?: number;
  /** How many the source has begun to deliver. */
  received: number;
  stored: number;
  /** Were at the destination before, or are left out by rule. */
  skipped: number;
  /** Of the skipped ones: left out by rule. */
  excluded: number;
  /** Of the stored ones: with a remark of the destination. */
  warnings: number;
  failed: number;
  /** Held back by a transform. */
  held: number;
  /** Of the stored ones: found again at the destination. */
  verified: number;
  /** Data-set bytes the destination accepted. */
  bytes: number;
}

/** A reason and how many instances it struck. */
export interface TransferReason {
  outcome: 'failed' | 'held' | 'warning' | 'skipped';
  message: string;
  count: number;
}

/** Different reasons kept apart; what comes after is counted under one heading. */
const MAX_REASONS = 50;

/** Adds up outcomes. */
export class TransferTally {
  readonly counts: TransferCounts = {
    received: 0,
    stored: 0,
    skipped: 0,
    excluded: 0,
    warnings: 0,
    failed: 0,
    held: 0,
    verified: 0,
    bytes: 0,
  };
  readonly #reasons = new Map<string, TransferReason>();

  addReason(outcome: TransferReason['outcome'], message: string, count = 1): void {
    const text = this.#reasons.size < MAX_REASONS ? message : 'for other reasons';
    const key = `${outcome} ${text}`;
    const known = this.#reasons.get(key);
    if (known) known.count += count;
    else this.#reasons.set(key, { outcome, message: text, count });
  }

  reasons(): TransferReason[] {
    return [...this.#reasons.values()].map((reason) => ({ ...reason })).sort((a, b) => b.count - a.count);
  }
}
