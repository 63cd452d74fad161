import type { Attributes, InstanceSource, Query, Queryable } from '@adit/core';
import { createAnswerFilter } from './answer-filter.ts';
import type { Association } from './association.ts';
import { connect } from './connect.ts';
import { checkNode, type DimseNode } from './node.ts';
import { findContexts, planFind } from './query-model.ts';
import { retrieve } from './retrieve.ts';

/** A node that can be searched and retrieved from. Dispose of it to release its associations. */
export interface DimseClient extends Queryable, InstanceSource, AsyncDisposable {}

/** An association for queries is kept this long for the next one, in milliseconds. */
const IDLE_MS = 5000;

/**
 * A client of a node: `find` by C-FIND, `retrieve` by C-GET.
 *
 * Matches are filtered again on this side, for many nodes ignore keys they do not support. Both throw `DimseError` when the
 * node cannot be reached, refuses, or fails.
 */
export function createDimseClient(node: DimseNode): DimseClient {
  checkNode(node);
  const queries = new QueryAssociations(node);
  const search: Queryable = { find: (query, options) => find(queries, query, options?.signal) };
  return {
    ...search,
    retrieve: (selection, options) =>
      // A node that takes one association at a time would keep the retrieval waiting for a search that is over.
      retrieve(node, search, selection, { ...options, beforeConnect: () => queries.releaseKept() }),
    [Symbol.asyncDispose]: () => queries[Symbol.asyncDispose](),
  };
}

async function* find(
  queries: QueryAssociations,
  query: Query,
  signal: AbortSignal | undefined,
): AsyncGenerator<Attributes, void, undefined> {
  if (query.limit !== undefined && query.limit <= 0) return;
  const association = await queries.take(signal);
  try {
    const isMatch = createAnswerFilter(query);
    let count = 0;
    for await (const match of association.cFind({ ...planFind(association, query), signal })) {
      if (!isMatch(match)) continue;
      yield match;
      count += 1;
      if (count === query.limit) return;
    }
  } finally {
    queries.giveBack(association);
  }
}

/** Associations for C-FIND: one is kept for a while, since searches come in a row. */
class QueryAssociations implements AsyncDisposable {
  readonly #node: DimseNode;
  #kept: Association | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(node: DimseNode) {
    this.#node = node;
  }

  async take(signal: AbortSignal | undefined): Promise<Association> {
    const kept = this.#kept;
    this.#kept = undefined;
    clearTimeout(this.#timer);
    if (kept && !kept.over) return kept;
    return connect(this.#node, { contexts: findContexts(), signal });
  }

  giveBack(association: Association): void {
    if (association.over) return;
    if (this.#kept || this.#closed) {
      void association.release();
      return;
    }
    this.#kept = association;
    this.#timer = setTimeout(() => void this.releaseKept(), IDLE_MS);
    this.#timer.unref();
  }

  async releaseKept(): Promise<void> {
    clearTimeout(this.#timer);
    const kept = this.#kept;
    this.#kept = undefined;
    await kept?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.releaseKept();
  }
}
