import {
  type DicomInstance,
  type OneReader,
  type Queryable,
  type RetrieveFailure,
  type RetrieveOptions,
  retrieval,
  type Selection,
} from '@adit/core';
import type { AssociationPool } from './association-pool.ts';
import type { Arrival, Delivery } from './delivery.ts';
import { DimseError } from './dimse-error.ts';
import { type MoveResult, move } from './move.ts';
import { DEFAULT_CALLING_AE_TITLE, type DimseNode, nodeName } from './node.ts';
import type { MoveDestination } from './receiver.ts';

/** Longest time without an object after the C-MOVE has ended, in seconds, while some are still to come or nobody knows. */
const DEFAULT_GRACE_SECONDS = 10;

/**
 * Retrieves a selection by C-MOVE to a receiver of ours. Objects may come on several associations at once and go on one after
 * the other; those that come after the C-MOVE has ended are waited for.
 *
 * Instances that never come go to `onFailure`. Throws `DimseError` when the retrieval fails as a whole; `NOTHING_SENT` when
 * the node says that it is done and nothing has come here.
 */
export function retrieveByMove(
  node: DimseNode,
  pool: AssociationPool,
  queryable: Queryable,
  receiver: MoveDestination,
  selection: Selection,
  options: RetrieveOptions & { graceSeconds?: number | undefined } = {},
): AsyncIterable<DicomInstance> {
  return retrieval(options, ({ signal, onReader }) => run(signal, onReader));

  async function* run(
    signal: AbortSignal,
    onReader: (reader: OneReader) => void,
  ): AsyncGenerator<DicomInstance, void, undefined> {
    using delivery = await receiver.expect({
      callingAeTitle: node.callingAeTitle ?? DEFAULT_CALLING_AE_TITLE,
      nodeAeTitle: node.aeTitle,
      studyInstanceUid: selection.studyInstanceUid,
      seriesInstanceUids: selection.seriesInstanceUids,
      sopInstanceUids: selection.sopInstanceUids,
    });
    const stop = new AbortController();
    const moving = new Moving(delivery, () =>
      move(node, pool, queryable, selection, {
        destination: receiver.aeTitle,
        messageId: delivery.messageId,
        signal: AbortSignal.any([signal, stop.signal]),
      }),
    );
    try {
      for (;;) {
        const arrival = await nextArrival(delivery, moving, signal, options.graceSeconds);
        if (!arrival) break;
        onReader(arrival.reader);
        yield arrival.instance;
        await arrival.reader.settled();
        signal.throwIfAborted();
      }
      settle(node, receiver, delivery, moving, options.onFailure);
    } finally {
      // The node is told to stop, not waited for.
      stop.abort(new DOMException('The retrieval was left.', 'AbortError'));
    }
  }
}

/** A C-MOVE under way beside the objects it brings. */
class Moving {
  result: MoveResult | undefined;
  failure: { error: unknown } | undefined;
  constructor(delivery: Delivery, start: () => AsyncGenerator<unknown, MoveResult, undefined>) {
    void this.#run(start).finally(() => delivery.wake());
  }

  async #run(start: () => AsyncGenerator<unknown, MoveResult, undefined>): Promise<void> {
    try {
      const responses = start();
      let next = await responses.next();
      while (!next.done) next = await responses.next();
      this.result = next.value;
    } catch (error) {
      this.failure = { error };
    }
  }

  get ended(): boolean {
    return this.result !== undefined || this.failure !== undefined;
  }

  /** How many objects the node says it has sent; undefined where it does not count. */
  get sent(): number | undefined {
    return this.result?.counted ? this.result.completed + this.result.warning : undefined;
  }
}

/** The next object; undefined when there is none to come. */
async function nextArrival(
  delivery: Delivery,
  moving: Moving,
  signal: AbortSignal,
  graceSeconds = DEFAULT_GRACE_SECONDS,
): Promise<Arrival | undefined> {
  while (!moving.ended) {
    const arrival = await delivery.next({ signal });
    if (arrival) return arrival;
  }
  // What has come already is not waited for.
  const isAll = moving.sent !== undefined && delivery.acknowledged >= moving.sent;
  const failed = moving.failure !== undefined && !isNothingSent(moving.failure.error);
  return delivery.next({ seconds: isAll || failed ? 0 : graceSeconds, signal });
}

function isNothingSent(error: unknown): boolean {
  return error instanceof DimseError && error.code === 'NOTHING_SENT';
}

/** Reports what never came. */
function settle(
  node: DimseNode,
  receiver: MoveDestination,
  delivery: Delivery,
  { result, failure, sent }: Moving,
  onFailure: ((failure: RetrieveFailure) => void) | undefined,
): void {
  const came = delivery.acknowledged + delivery.refused;
  // A node may send later than it says, and so say at first that it has sent nothing.
  if (failure && !(isNothingSent(failure.error) && came > 0)) throw failure.error;
  if (!result) return;
  const name = nodeName(node);
  if (sent !== undefined && sent > 0 && came === 0) {
    throw new DimseError(
      'NOTHING_SENT',
      `${name} says it has sent ${sent} instances to ${receiver.aeTitle}, and none came here; register ${receiver.aeTitle} at the node with ${delivery.place}.`,
      { retryable: true },
    );
  }
  const report = (count: number, names: readonly string[], message: string) => {
    for (let index = 0; index < count; index++) {
      const sopInstanceUid = names[index];
      onFailure?.({ ...(sopInstanceUid !== undefined && { sopInstanceUid }), message, retryable: true });
    }
  };
  // What this side refused, the node counts as failed; the one who refused it knows.
  const names = result.failedInstances.filter((uid) => !delivery.hasSeen(uid));
  report(
    Math.max(names.length, result.failed - delivery.refused),
    names,
    `${name} could not send it to ${receiver.aeTitle}; look into the node's log for the reason.`,
  );
  report(
    (sent ?? 0) - delivery.acknowledged,
    [],
    `${name} says it has sent it to ${receiver.aeTitle}, and it did not come here; look into the node's log, and try again.`,
  );
}
