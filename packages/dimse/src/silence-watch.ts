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
  /** Has the peer begun a message that this side waits for, and not ended it? */
  midMessage(): boolean;
  /** Bytes received so far. */
  received(): number;
  /** Called once. */
  onOverdue(what: string, seconds: number): void;
}

/**
 * A peer in the middle of a message is as good as silent below this rate, in bytes a second: one byte now and then would
 * else hold an association for ever.
 */
const LOWEST_RATE = 16;

/**
 * The DIMSE-response and idle timers of an association: measures the silence since the last byte that went either way. One
 * timer looks again when the time could be up, instead of one restarted for each chunk.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #lastActivity = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Since when so many bytes count as progress within a message. */
  #progress: { since: number; received: number };

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#progress = { since: this.#lastActivity, received: options.received() };
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
    // A limit that did not apply before may apply now, and progress is sampled: look four times in it.
    const wait = Math.max(Math.min(limit - this.#silence(), limit / 4), 1);
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
    if (owed !== undefined && seconds >= responseSeconds) return { what: owed, seconds: responseSeconds };
    if (this.#trickles()) return { what: 'it sends next to nothing', seconds: responseSeconds };
    if (owed !== undefined) return undefined;
    if (seconds < idleSeconds || !this.#options.idle()) return undefined;
    return { what: 'nothing was asked for', seconds: idleSeconds };
  }

  /** Is the peer, for as long as it may be silent, in the middle of a message without getting on with it? */
  #trickles(): boolean {
    const { responseSeconds, midMessage, received } = this.#options;
    const now = performance.now();
    const total = received();
    const { since } = this.#progress;
    if (!midMessage() || total - this.#progress.received >= LOWEST_RATE * responseSeconds) {
      this.#progress = { since: now, received: total };
      return false;
    }
    return now - since >= responseSeconds * 1000;
  }

  #silence(): number {
    return performance.now() - this.#lastActivity;
  }
}
