import type { AbortableOptions, Queryable, Selection } from '@adit/core';
import { abortAsRefusal } from './abort-error.ts';
import type { Association } from './association.ts';
import { type AssociationPool, diedUnused } from './association-pool.ts';
import { DimseError } from './dimse-error.ts';
import { type DimseNode, nodeName } from './node.ts';
import { moveContexts, moveModel } from './query-model.ts';
import { planTargets, SelectionSearch, targetIdentifier } from './retrieve.ts';
import { isRetryableStatus, Status, statusCategory, statusText } from './status.ts';
import type { SubOperationCounts, SubOperationsEnd } from './sub-operations.ts';

export interface MoveOptions extends AbortableOptions {
  /** AE title the objects are to go to. The node must know its address. */
  destination: string;
  /**
   * Message ID of its C-MOVEs, which follow one another, 1 to 65535. Objects arrive with it, so a receiver that several
   * retrievals share knows by it what an object belongs to. Default: ids as they come on each association.
   */
  messageId?: number;
}

/** How far a `move` is, over all its C-MOVEs so far. */
export interface MoveProgress {
  completed: number;
  failed: number;
  /** Stored with a warning. */
  warning: number;
  /** Of the C-MOVE under way; undefined where the node does not count. */
  remaining: number | undefined;
}

/** What became of a `move`, as the node counted. */
export interface MoveResult {
  completed: number;
  failed: number;
  /** Stored with a warning. */
  warning: number;
  /** Instances that failed, as far as the node named them. */
  failedInstances: string[];
  /**
   * The node told how many instances it sent. Without that a `move` that ends well says nothing: look at the destination.
   */
  counted: boolean;
}

/** See `DimseClient.move`. */
export async function* move(
  node: DimseNode,
  pool: AssociationPool,
  queryable: Queryable,
  selection: Selection,
  options: MoveOptions,
): AsyncGenerator<MoveProgress, MoveResult, undefined> {
  const { signal } = options;
  const targets = await planTargets(new SelectionSearch(queryable, selection, signal), selection);
  const account = new MoveAccount(nodeName(node), options.destination);
  if (targets.length === 0) return account.result;
  const waiting = [...targets];
  for (;;) {
    const place = await pool.take(moveContexts(), signal);
    const { association } = place;
    try {
      const sopClassUid = moveModel(association, selection.patientId);
      for (let target = waiting[0]; target; target = waiting[0]) {
        const identifier = targetIdentifier(selection, target);
        yield* moveTarget(association, { ...options, sopClassUid, identifier }, account);
        waiting.shift();
      }
      return account.settle();
    } catch (error) {
      if (waiting.length < targets.length || account.begun) throw error;
      if (!diedUnused(place, error)) throw abortAsRefusal(error, association.peer, 'C-MOVE');
    } finally {
      place.giveBack();
    }
  }
}

async function* moveTarget(
  association: Association,
  options: MoveOptions & Pick<Parameters<Association['cMove']>[0], 'sopClassUid' | 'identifier'>,
  account: MoveAccount,
): AsyncGenerator<MoveProgress, void, undefined> {
  const { sopClassUid, identifier, destination, messageId, signal } = options;
  const responses = association.cMove({ sopClassUid, identifier, destination, messageId, signal });
  try {
    for (;;) {
      const next = await responses.next();
      if (next.done) {
        account.book(next.value);
        yield account.progress();
        return;
      }
      yield account.progress(next.value);
    }
  } finally {
    await responses.return(undefined as never);
  }
}

/** Adds up several C-MOVEs, by their counters rather than by their statuses. */
class MoveAccount {
  readonly result: MoveResult = { completed: 0, failed: 0, warning: 0, failedInstances: [], counted: true };
  /** The node has answered. */
  begun = false;
  readonly #peer: string;
  readonly #destination: string;

  constructor(peer: string, destination: string) {
    this.#peer = peer;
    this.#destination = destination;
  }

  progress(current?: SubOperationCounts): MoveProgress {
    this.begun = true;
    const { completed, failed, warning } = this.result;
    return {
      completed: completed + (current?.completed ?? 0),
      failed: failed + (current?.failed ?? 0),
      warning: warning + (current?.warning ?? 0),
      remaining: current?.remaining,
    };
  }

  /** Takes down how one C-MOVE ended. Throws where it failed as a whole. */
  book(end: SubOperationsEnd): void {
    const { status, completed, warning, failedInstances } = end;
    const failed = Math.max(end.failed ?? 0, failedInstances.length);
    const category = statusCategory(status, 'query-retrieve');
    const whole = category === 'failure' || category === 'cancel';
    if (whole && failed === 0 && (completed ?? 0) + (warning ?? 0) === 0) throw this.#refusal(end);
    const { result } = this;
    if (completed === undefined && end.failed === undefined && warning === undefined) result.counted = false;
    result.completed += completed ?? 0;
    result.warning += warning ?? 0;
    // What was not begun when the node gave up failed too.
    result.failed += failed + (whole ? (end.remaining ?? 0) : 0);
    result.failedInstances.push(...failedInstances);
  }

  /** Some nodes answer success when they are too busy to send anything. */
  settle(): MoveResult {
    const { completed, failed, warning, counted } = this.result;
    if (counted && completed + failed + warning === 0) {
      throw new DimseError(
        'NOTHING_SENT',
        `${this.#peer} said it had sent everything to ${this.#destination} and sent nothing; check that the study is there and online, then try again.`,
        { retryable: true },
      );
    }
    return this.result;
  }

  #refusal({ status, comment }: SubOperationsEnd): DimseError {
    const words = statusText(status, 'query-retrieve');
    const advice =
      status === Status.moveDestinationUnknown
        ? `register the AE title ${this.#destination} with its host and port at the node`
        : "look into the node's log for the reason";
    return new DimseError(
      'STATUS',
      `${this.#peer} ended the move to ${this.#destination} with status ${words}; ${advice}.`,
      { status, comment, retryable: isRetryableStatus(status) || status === Status.cancel },
    );
  }
}
