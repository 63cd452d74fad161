/** What a `SilenceWatch` asks for, and tells. */
export interface SilenceWatchOptions {
  /** Longest silence while the peer owes something, in seconds. */
  responseSeconds: number;
  /** Longest silence while nothing is under way, in seconds; infinite for no limit. */
  idleSeconds: number;
  /** What the peer should be doing, if anything. */
  owed(): string | undefined;
  /** Is nothing under way? */
  idle(): boolean;
  /** Called once. */
  onOverdue(what: string, seconds: number): void;
}

/**
 * The DIMSE-response and idle timers of an association: measures the silence since the last byte that went either way. One
 * timer looks again when the time could be up, instead of one restarted for each chunk.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #lastActivity = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Bytes have come or gone, or the peer's time begins now. */
  touch(): void {
    this.#lastActivity = performance.now();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const { responseSeconds, idleSeconds } = this.#options;
    const limit = Math.min(responseSeconds, idleSeconds) * 1000;
    if (this.#stopped || limit === Number.POSITIVE_INFINITY) return;
    // A limit that did not apply before may apply now: look at least four times in it.
    const wait = Math.max(limit - this.#silence(), limit / 4, 1);
    this.#timer = setTimeout(() => {
      // When this process was busy itself, what the peer has sent meanwhile is read first.
      if (this.#overdue()) setImmediate(() => this.#check());
      else this.#schedule();
    }, wait);
    this.#timer.unref();
  }

  #check(): void {
    if (this.#stopped) return;
    const overdue = this.#overdue();
    if (!overdue) {
      this.#schedule();
      return;
    }
    this.stop();
    this.#options.onOverdue(overdue.what, overdue.seconds);
  }

  #overdue(): { what: string; seconds: number } | undefined {
    const { responseSeconds, idleSeconds } = this.#options;
    const seconds = this.#silence() / 1000;
    const owed = this.#options.owed();
    if (owed !== undefined) {
      return seconds >= responseSeconds ? { what: owed, seconds: responseSeconds } : undefined;
    }
    if (seconds < idleSeconds || !this.#options.idle()) return undefined;
    return { what: 'nothing was asked for', seconds: idleSeconds };
  }

  #silence(): number {
    return performance.now() - this.#lastActivity;
  }
}
