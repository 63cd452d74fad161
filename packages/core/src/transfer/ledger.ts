/**
 * What became of one instance. Excluded by rule and already there count as skipped; `verified` was stored, and found again
 * at the destination.
 */
export type LedgerState =
  | 'expected'
  | 'received'
  | 'stored'
  | 'warning'
  | 'verified'
  | 'present'
  | 'excluded'
  | 'failed'
  | 'held';

/** One line of the ledger. It links an original with its pseudonymized self and is to be treated so. */
export interface LedgerRecord {
  /** SOP Instance UID at the source. */
  sop: string;
  /** SOP Instance UID at the destination, where it differs. */
  newSop?: string;
  state: LedgerState;
  /** Data-set bytes the destination accepted. */
  bytes?: number;
  /** DIMSE or HTTP status of the destination's answer. */
  status?: number;
  /** Of the pixel data as they were stored: see `hashPixelData`. */
  pixelSha256?: string;
}

/** States that need nothing more. */
const SETTLED: ReadonlySet<LedgerState> = new Set(['stored', 'warning', 'verified', 'present', 'excluded']);

/**
 * The record of every instance of a transfer, by its SOP Instance UID at the source.
 *
 * `onChange` is called for every change in order, for example to write it down; a ledger that is filled from such lines
 * knows again what is done.
 */
export class Ledger {
  readonly #records = new Map<string, LedgerRecord>();
  readonly #onChange: ((record: LedgerRecord) => void) | undefined;

  constructor(options: { onChange?: (record: LedgerRecord) => void; records?: Iterable<LedgerRecord> } = {}) {
    for (const record of options.records ?? []) this.#records.set(record.sop, record);
    this.#onChange = options.onChange;
  }

  get(sop: string): LedgerRecord | undefined {
    return this.#records.get(sop);
  }

  set(record: LedgerRecord): void {
    this.#records.set(record.sop, record);
    this.#onChange?.(record);
  }

  /** True when the instance is at the destination, or is not to go there. */
  isSettled(sop: string): boolean {
    const record = this.#records.get(sop);
    return record !== undefined && SETTLED.has(record.state);
  }

  /** True when something need not be asked for again. */
  get hasSettled(): boolean {
    for (const { state } of this.#records.values()) if (SETTLED.has(state)) return true;
    return false;
  }

  /** Every instance with what is known of it last. */
  records(): IterableIterator<LedgerRecord> {
    return this.#records.values();
  }
}
