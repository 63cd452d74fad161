import {
  type Attributes,
  DicomError,
  firstOffered,
  type InstanceSource,
  type Query,
  type Queryable,
  type Selection,
} from '@adit/core';
import { createAnswerFilter } from './answer-filter.ts';
import { AssociationPool, diedUnused } from './association-pool.ts';
import { DimseError } from './dimse-error.ts';
import { type MoveOptions, type MoveProgress, type MoveResult, move } from './move.ts';
import { checkNode, type DimseNode, nodeName } from './node.ts';
import { findContexts, planFind } from './query-model.ts';
import type { MoveDestination } from './receiver.ts';
import { retrieve } from './retrieve.ts';
import { retrieveByMove } from './retrieve-by-move.ts';
import { Status } from './status.ts';

/** A node that can be searched and retrieved from. Dispose of it to release its associations. */
export interface DimseClient extends Queryable, InstanceSource, AsyncDisposable {
  /**
   * Has the node send a selection to another one by C-MOVE: one for a study or for each series, or several for lists of
   * instances. Yields the counters as they change, returns the end.
   *
   * Instances that fail are a value: `failed` in the result, whatever status the node answered with. Throws `DimseError`
   * when the operation fails as a whole: `STATUS` (A801: the node does not know the destination), and `NOTHING_SENT` when
   * the node says it is done and has sent nothing. Leaving the loop, or the signal, cancels at the node.
   *
   * @example
   * await using client = createDimseClient(node);
   * const moving = client.move({ studyInstanceUid }, { destination: 'OTHER' });
   * let next = await moving.next();
   * for (; !next.done; next = await moving.next()) console.log(next.value.completed, next.value.remaining);
   * console.log(next.value.failed === 0 ? 'all sent' : next.value.failedInstances);
   */
  move(selection: Selection, options: MoveOptions): AsyncGenerator<MoveProgress, MoveResult, undefined>;
}

export interface DimseClientOptions {
  /** Takes what a node sends that is retrieved from by C-MOVE: a `Receiver`. Several clients may share one. */
  receiver?: MoveDestination | undefined;
  /**
   * Longest time without an object after a C-MOVE has ended, in seconds, while some are still to come or the node does not
   * tell. Default: 10.
   */
  graceSeconds?: number;
}

/** An association is kept so many seconds for the next search or retrieval. */
const IDLE_SECONDS = 5;

/**
 * A client of a node: `find` by C-FIND, `retrieve` by C-GET or by C-MOVE to a receiver, `move` by C-MOVE.
 *
 * Each search and each retrieval that runs has an association of its own; one that is over leaves its association to the
 * next for a while. Matches are filtered again on this side, for many nodes ignore keys they do not support. Both throw
 * `DimseError` when the node cannot be reached, refuses, or fails.
 *
 * @example
 * await using client = createDimseClient(node);
 * for await (const study of client.find({ level: 'STUDY', keys: { ModalitiesInStudy: 'CT' } })) {
 *   const studyInstanceUid = textOf(study, 'StudyInstanceUID')!;
 *   for await (const instance of client.retrieve({ studyInstanceUid })) {
 *     for await (const chunk of instance.dataset) console.log(instance.sopInstanceUid, chunk.length);
 *   }
 * }
 */
export function createDimseClient(node: DimseNode, options: DimseClientOptions = {}): DimseClient {
  checkNode(node);
  // No limit: a loop over matches that retrieves each of them would wait for itself.
  const pool = new AssociationPool(node, { idleSeconds: IDLE_SECONDS });
  const search: Queryable = { find: (query, options) => find(pool, query, options?.signal) };
  const { receiver, graceSeconds } = options;
  const byGet: InstanceSource = {
    isNotOffered,
    retrieve: (selection, retrieving) => retrieve(node, pool, search, selection, retrieving),
  };
  const byMove: InstanceSource = {
    isNotOffered,
    retrieve(selection, retrieving) {
      if (!receiver) {
        throw new DimseError(
          'INVALID_NODE',
          `${nodeName(node)} is to be retrieved from by C-MOVE, which needs a receiver that is not there: give one, or use C-GET.`,
        );
      }
      return retrieveByMove(node, pool, search, receiver, selection, { ...retrieving, graceSeconds });
    },
  };
  const either = () =>
    firstOffered([
      { name: 'C-GET', source: byGet },
      { name: 'C-MOVE', source: byMove },
    ]);
  const chosen = { 'c-get': byGet, 'c-move': byMove };
  const source = node.retrieve ? chosen[node.retrieve] : receiver ? either() : byGet;
  return {
    ...search,
    isNotOffered,
    retrieve: (selection, retrieving) => source.retrieve(selection, retrieving),
    move: (selection, moving) => move(node, pool, search, selection, moving),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/**
 * Statuses by which a node says that it does not do this at all, or not for this side: it does not know the SOP class or the
 * operation (PS3.7 §C), nor where a C-MOVE is to send (PS3.4 Table C.4-2).
 */
const NOT_OFFERED: ReadonlySet<number> = new Set([
  Status.noSuchSopClass,
  Status.sopClassNotSupported,
  Status.unrecognizedOperation,
  Status.moveDestinationUnknown,
]);

/** See `InstanceSource`. A node that cannot be reached, or refuses this side, is no reason: that is not about the way. */
function isNotOffered(error: unknown): boolean {
  if (error instanceof DimseError && error.code === 'STATUS') return NOT_OFFERED.has(error.status ?? 0);
  return error instanceof DicomError && ['NO_CONTEXT', 'INVALID_NODE', 'NOT_OFFERED'].includes(error.code);
}

async function* find(
  pool: AssociationPool,
  query: Query,
  signal: AbortSignal | undefined,
): AsyncGenerator<Attributes, void, undefined> {
  if (query.limit !== undefined && query.limit <= 0) return;
  const isMatch = createAnswerFilter(query);
  for (;;) {
    const place = await pool.take(findContexts(), signal);
    const { association } = place;
    let answered = false;
    try {
      let count = 0;
      for await (const match of association.cFind({ ...planFind(association, query), signal })) {
        answered = true;
        if (!isMatch(match)) continue;
        yield match;
        count += 1;
        if (count === query.limit) return;
      }
      return;
    } catch (error) {
      if (answered || !diedUnused(place, error)) throw error;
    } finally {
      place.giveBack();
    }
  }
}
