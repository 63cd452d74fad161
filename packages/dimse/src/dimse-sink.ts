import type { AbortableOptions, DicomInstance, InstanceSink, StoreOutcome } from '@adit/core';
import type { Association } from './association.ts';
import { AssociationPool } from './association-pool.ts';
import { DimseError } from './dimse-error.ts';
import { checkNode, type DimseNode, nodeName } from './node.ts';
import { ReplayableDataset } from './replayable-dataset.ts';
import { noContextMessage } from './service.ts';

export interface DimseSinkOptions {
  /** Most associations held at once. Default: the node's `maxAssociations`, else 4. */
  maxAssociations?: number;
  /** Associations without work are released after so many seconds. Default: 10. */
  idleSeconds?: number;
  /** Of objects that are sent because of a C-MOVE (PS3.7 §9.1.1.1). */
  moveOriginator?: { aeTitle: string; messageId: number };
}

/** A destination for instances by C-STORE. Dispose of it to release its associations. */
export interface DimseSink extends InstanceSink, AsyncDisposable {
  readonly concurrency: number;
  release(): Promise<void>;
}

const DEFAULT_MAX_ASSOCIATIONS = 4;
const DEFAULT_IDLE_SECONDS = 10;

/** Objects given to one association at once: one on the wire, the next one framed and ready. */
const JOBS_PER_ASSOCIATION = 2;

/** Times an object is sent before its association's trouble becomes its own. */
const ATTEMPTS = 3;

/**
 * Stores instances at a node by C-STORE, byte for byte as they come.
 *
 * Associations are opened as they are needed, up to the limit, and used again; an instance of a class or transfer syntax
 * that none of them carries gets a new one. An instance the node cannot take, or whose association breaks, is an outcome;
 * `store` throws when no association can be had at all, what the instance's data set throws, and the signal's reason.
 */
export function createDimseSink(node: DimseNode, options: DimseSinkOptions = {}): DimseSink {
  checkNode(node);
  return new StoreScu(node, options);
}

class StoreScu implements DimseSink {
  readonly concurrency: number;
  readonly #node: DimseNode;
  readonly #pool: AssociationPool;
  readonly #moveOriginator: DimseSinkOptions['moveOriginator'];
  /** What the node did not accept, by class and transfer syntax, with the words for it. */
  readonly #refused = new Map<string, string>();
  readonly #stores = new Set<Promise<unknown>>();
  #closed = false;

  constructor(node: DimseNode, options: DimseSinkOptions) {
    const limit = options.maxAssociations ?? node.maxAssociations ?? DEFAULT_MAX_ASSOCIATIONS;
    this.#node = node;
    this.#pool = new AssociationPool(node, {
      limit,
      idleSeconds: options.idleSeconds ?? DEFAULT_IDLE_SECONDS,
      sharing: JOBS_PER_ASSOCIATION,
    });
    this.#moveOriginator = options.moveOriginator;
    this.concurrency = limit * JOBS_PER_ASSOCIATION;
  }

  async store(instance: DicomInstance, options: AbortableOptions = {}): Promise<StoreOutcome> {
    if (this.#closed) {
      throw new DimseError('CLOSED', `The connection to ${nodeName(this.#node)} is closed already.`);
    }
    const dataset = new ReplayableDataset(instance.dataset);
    const store = this.#store({ ...instance, dataset }, dataset, options.signal);
    this.#stores.add(store);
    try {
      return await store;
    } finally {
      this.#stores.delete(store);
      // The source may be in the middle of something: it is told, not waited for.
      void dataset.dispose().catch(() => undefined);
    }
  }

  release(): Promise<void> {
    return this.#pool.releaseIdle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#stores);
    await this.#pool[Symbol.asyncDispose]();
  }

  async #store(
    instance: DicomInstance,
    dataset: ReplayableDataset,
    signal: AbortSignal | undefined,
  ): Promise<StoreOutcome> {
    const { sopClassUid, transferSyntaxUid } = instance;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const refused = this.#refused.get(contextKey(instance));
      if (refused !== undefined) return { state: 'failed', message: refused, retryable: false };
      const place = await this.#pool.take(
        [{ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }],
        signal,
      );
      try {
        if (!this.#isAccepted(place.association, instance)) continue;
        const outcome = await place.association.cStore(instance, {
          signal,
          ...(this.#moveOriginator && { moveOriginator: this.#moveOriginator }),
          onUnrepeatable: () => dataset.forget(),
        });
        if (outcome.retryable) this.#pool.shrink();
        return outcome;
      } catch (error) {
        if (dataset.failure) throw dataset.failure.error;
        signal?.throwIfAborted();
        if (!(error instanceof DimseError)) throw error;
        if (attempt >= ATTEMPTS || !dataset.repeatable || !error.retryable || error.code === 'TIMEOUT') {
          return { state: 'failed', message: error.message, retryable: error.retryable };
        }
      } finally {
        place.giveBack();
      }
    }
  }

  #isAccepted(association: Association, instance: DicomInstance): boolean {
    const { sopClassUid, transferSyntaxUid } = instance;
    if (association.findContext(sopClassUid, transferSyntaxUid)) return true;
    this.#refused.set(contextKey(instance), noContextMessage(association, sopClassUid, transferSyntaxUid));
    return false;
  }
}

function contextKey(instance: DicomInstance): string {
  return `${instance.sopClassUid} ${instance.transferSyntaxUid}`;
}
