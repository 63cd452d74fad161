import {
  type AbortableOptions,
  DicomError,
  type DicomInstance,
  type InstanceSink,
  isStoredDataset,
  type StoreOutcome,
  transferSyntaxOrDefault,
} from '@adit/core';
import { canTranscode, transcode, transcodingTargets } from '@adit/core/transcode';
import type { Association } from './association.ts';
import { AssociationPool } from './association-pool.ts';
import type { CStoreOptions } from './c-store.ts';
import { DimseError } from './dimse-error.ts';
import { checkNode, type DimseNode, nodeName } from './node.ts';
import type { ContextRequest } from './presentation-context.ts';
import { ReplayableDataset } from './replayable-dataset.ts';
import { noContextMessage } from './service.ts';

export interface DimseSinkOptions {
  /** Most associations held at once. Default: the node's `maxAssociations`, else 4. */
  maxAssociations?: number;
  /** Associations without work are released after so many seconds. Default: 10. */
  idleSeconds?: number;
  /** Of objects that are sent because of a C-MOVE (PS3.7 §9.1.1.1). */
  moveOriginator?: { aeTitle: string; messageId: number };
  /**
   * Send objects whose transfer syntax the node refuses in one it takes, decompressed if need be; the outcome says so
   * (`transcodedTo`). Compressed ones need the package `dcmjs-codecs`. Default: true.
   */
  transcode?: boolean;
}

/** A destination for instances by C-STORE. Dispose of it to release its associations. */
export interface DimseSink extends InstanceSink, AsyncDisposable {
  readonly concurrency: number;
  release(): Promise<void>;
}

const DEFAULT_MAX_ASSOCIATIONS = 4;
const DEFAULT_IDLE_SECONDS = 10;

/** Objects given to one association beyond those on the wire: framed and ready. */
const PREPARED = 1;

/** Times an object is sent before its association's trouble becomes its own. */
const ATTEMPTS = 3;

/**
 * Stores instances at a node by C-STORE, byte for byte as they come wherever the node takes them so.
 *
 * Associations are opened as they are needed, up to the limit, and used again; an instance of a class or transfer syntax
 * that none of them carries gets a new one. An instance the node cannot take, or whose association breaks, is an outcome;
 * `store` throws when no association can be had at all, what the instance's data set throws, and the signal's reason.
 *
 * @example
 * await using sink = createDimseSink(node, { maxAssociations: 2 });
 * const study = syntheticStudy({ series: [{ kind: 'MR', instances: 4 }] });
 * const outcomes = await Promise.all(study.map((instance) => sink.store(instance)));
 * console.log(outcomes.filter(({ state }) => state === 'failed').length, 'failed');
 */
export function createDimseSink(node: DimseNode, options: DimseSinkOptions = {}): DimseSink {
  checkNode(node);
  return new StoreScu(node, options);
}

/** What the node is offered for objects of one class and transfer syntax. */
interface Offer {
  /** What they may be sent in, their own first. */
  readonly syntaxes: readonly string[];
  readonly contexts: readonly ContextRequest[];
  /** The node accepted none of it: the words for that. */
  refused: string | undefined;
}

class StoreScu implements DimseSink {
  readonly concurrency: number;
  readonly #node: DimseNode;
  readonly #pool: AssociationPool;
  readonly #moveOriginator: DimseSinkOptions['moveOriginator'];
  readonly #transcode: boolean;
  /** By class and transfer syntax: worked out once, not for each of a study's many objects. */
  readonly #offers = new Map<string, Offer>();
  readonly #stores = new Set<Promise<unknown>>();
  #closed = false;

  constructor(node: DimseNode, options: DimseSinkOptions) {
    const jobs = (node.operationsWindow ?? 1) + PREPARED;
    const limit = options.maxAssociations ?? node.maxAssociations ?? DEFAULT_MAX_ASSOCIATIONS;
    this.#node = node;
    this.#pool = new AssociationPool(node, {
      limit,
      idleSeconds: options.idleSeconds ?? DEFAULT_IDLE_SECONDS,
      sharing: jobs,
    });
    this.#moveOriginator = options.moveOriginator;
    this.#transcode = options.transcode ?? true;
    this.concurrency = limit * jobs;
  }

  async store(instance: DicomInstance, options: AbortableOptions = {}): Promise<StoreOutcome> {
    if (this.#closed) {
      throw new DimseError('CLOSED', `The connection to ${nodeName(this.#node)} is closed already.`);
    }
    const dataset = new ReplayableDataset(instance.dataset);
    const store = this.#store(instance, dataset, options.signal);
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
    const { sopClassUid, transferSyntaxUid: own } = instance;
    const offer = this.#offerOf(sopClassUid, own);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      if (offer.refused !== undefined) return { state: 'failed', message: offer.refused, retryable: false };
      const place = await this.#pool.take(offer.contexts, signal);
      try {
        const { association } = place;
        const accepted = offer.syntaxes.find((syntax) => association.findContext(sopClassUid, syntax));
        if (accepted === undefined) {
          offer.refused = noContextMessage(association, sopClassUid, own);
          continue;
        }
        // What is stored goes fastest as it is, and can always begin anew.
        const direct = accepted === own && isStoredDataset(instance.dataset);
        const options = {
          signal,
          ...(this.#moveOriginator && { moveOriginator: this.#moveOriginator }),
          onUnrepeatable: direct ? () => undefined : () => dataset.forget(),
        };
        const sent = direct ? instance : { ...instance, dataset };
        const outcome =
          accepted === own
            ? await association.cStore(sent, options)
            : await this.#storeTranscoded(association, sent, accepted, dataset, options);
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

  #offerOf(sopClassUid: string, own: string): Offer {
    const key = `${sopClassUid} ${own}`;
    const known = this.#offers.get(key);
    if (known) return known;
    const targets = this.#transcode ? transcodingTargets.filter((target) => canTranscode(own, target)) : [];
    const syntaxes = [own, ...targets];
    // One context for each transfer syntax, so that it is this side that chooses.
    const contexts = syntaxes.map((syntax) => ({ abstractSyntax: sopClassUid, transferSyntaxes: [syntax] }));
    const offer = { syntaxes, contexts, refused: undefined };
    this.#offers.set(key, offer);
    return offer;
  }

  async #storeTranscoded(
    association: Association,
    instance: DicomInstance,
    transcodedTo: string,
    dataset: ReplayableDataset,
    options: CStoreOptions,
  ): Promise<StoreOutcome> {
    // What is deflated may be much shorter than what was read for it, which must not be kept.
    if (transferSyntaxOrDefault(transcodedTo).deflated) dataset.forget();
    try {
      const outcome = await association.cStore(await transcode(instance, transcodedTo), options);
      return { ...outcome, transcodedTo };
    } catch (error) {
      if (dataset.failure || error instanceof DimseError || !(error instanceof DicomError)) throw error;
      const refusal = noContextMessage(association, instance.sopClassUid, instance.transferSyntaxUid);
      return { state: 'failed', message: `${refusal} ${error.message}`, retryable: false };
    }
  }
}
