import type { RetrieveOptions } from '@adit/core';
import type { CGetResult } from './c-get.ts';
import { DimseError } from './dimse-error.ts';
import { isRetryableStatus, statusCategory, statusText } from './status.ts';

/**
 * What became of a retrieval's instances, over several C-GETs and rounds of them. A status alone says little: some nodes
 * answer success although every sub-operation failed, or with none at all, so the counters are looked at (PS3.4 §C.4.3.1.4).
 */
export class RetrieveAccount {
  readonly #peer: string;
  readonly #seen = new Set<string>();
  /** Instances that were seen before this round and are asked for again in it, where it repeats a whole request. */
  #repeated: ReadonlySet<string> = new Set();
  #named = new Set<string>();
  #namedOrNot = 0;
  #namedAtAll = 0;
  #status: number | undefined;
  #failure: DimseError | undefined;

  /** @param peer names the node in messages */
  constructor(peer: string) {
    this.#peer = peer;
  }

  /**
   * Begins to count anew what could not be sent.
   *
   * @param repeats instances that came already are asked for again
   */
  beginRound(repeats: boolean): void {
    this.#repeated = repeats ? new Set(this.#seen) : new Set();
    this.#named = new Set();
    this.#namedOrNot = 0;
    this.#namedAtAll = 0;
    this.#failure = undefined;
  }

  /** Takes an instance down as it comes. False: it came before. */
  see(sopInstanceUid: string): boolean {
    if (this.#seen.has(sopInstanceUid)) return false;
    this.#seen.add(sopInstanceUid);
    return true;
  }

  /** Instances that came. */
  get count(): number {
    return this.#seen.size;
  }

  has(sopInstanceUid: string): boolean {
    return this.#seen.has(sopInstanceUid);
  }

  /** Takes down how one C-GET ended. */
  book(result: CGetResult): void {
    const { status, failed = 0 } = result;
    // What this side refused, the node counts as failed.
    const refused = result.refused.filter((uid) => !this.#repeated.has(uid)).length;
    this.#namedOrNot += failed - refused;
    this.#namedAtAll += result.failedInstances.length - refused;
    for (const uid of result.failedInstances) if (!this.#seen.has(uid)) this.#named.add(uid);
    const category = statusCategory(status, 'query-retrieve');
    if (category === 'success') return;
    this.#status = status;
    if (category !== 'warning' && failed === 0 && result.failedInstances.length === 0) {
      this.#failure = new DimseError(
        'STATUS',
        `${this.#peer} ended the retrieval with status ${statusText(status, 'query-retrieve')}; look into the node's log for the reason.`,
        { status, comment: result.comment, retryable: isRetryableStatus(status) || category === 'cancel' },
      );
    }
  }

  /** Instances the node could not send in this round, by name or by number. */
  get failed(): number {
    // With a complete list of names, those that came in an earlier round are known.
    if (this.#namedAtAll >= this.#namedOrNot) return this.#named.size;
    return Math.max(this.#named.size, this.#namedOrNot - this.#repeated.size);
  }

  /**
   * After the last round: reports what never came. Throws where a C-GET failed as a whole, and `NOTHING_SENT` where the
   * node says it is done and has sent nothing.
   */
  settle(onFailure: RetrieveOptions['onFailure']): void {
    if (this.#failure) throw this.#failure;
    const { failed } = this;
    if (failed === 0 && this.#seen.size === 0) {
      throw new DimseError(
        'NOTHING_SENT',
        `${this.#peer} said it had sent everything and sent nothing; check that the study is there and online, then try again.`,
        { retryable: true },
      );
    }
    const status = this.#status;
    const words = status === undefined ? '' : ` (status ${statusText(status, 'query-retrieve')})`;
    const failure = {
      message: `${this.#peer} could not send it${words}; look into the node's log for the reason.`,
      retryable: true,
      ...(status === undefined ? {} : { status }),
    };
    const names = [...this.#named];
    for (let index = 0; index < failed; index++) {
      const sopInstanceUid = names[index];
      onFailure?.(sopInstanceUid === undefined ? failure : { sopInstanceUid, ...failure });
    }
  }
}
