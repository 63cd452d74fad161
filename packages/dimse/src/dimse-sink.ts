import type { AbortableOptions, DicomInstance, InstanceSink, StoreOutcome } from '@adit/core';
import type { Association } from './association.ts';
import { connect } from './connect.ts';
import { DimseError } from './dimse-error.ts';
import { checkNode, type DimseNode, nodeName } from './node.ts';
import { type ContextRequest, MAXIMUM_CONTEXTS } from './presentation-context.ts';
import { ReplayableDataset } from './replayable-dataset.ts';
import { noContextMessage, onAbort } from './service.ts';

export interface DimseSinkOptions {
  /** Most associations held at once. Default: the node's `maxAssociations`, else 4. */
  maxAssociations?: number;
  /** Associations without work are released after so many seconds. Default: 10. */
  idleSeconds?: number;
}

/** A destination for instances by C-STORE. Dispose of it to release its associations. */
export interface DimseSink extends InstanceSink, AsyncDisposable {
  readonly concurrency: number;
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
  return new AssociationPool(node, options);
}

/** One association of the pool, from its first attempt on. */
interface Member {
  association: Association | undefined;
  jobs: number;
  idleTimer: NodeJS.Timeout | undefined;
}

interface Waiter {
  key: string;
  instance: DicomInstance;
  resolve(member: Member | undefined): void;
}

class AssociationPool implements DimseSink {
  readonly concurrency: number;
  readonly #node: DimseNode;
  readonly #idleMs: number;
  /** Shrinks when the node has no room for more. */
  #limit: number;
  readonly #members = new Set<Member>();
  readonly #waiters: Waiter[] = [];
  /** Classes and transfer syntaxes of the instances so far: later associations carry them all. */
  readonly #seen = new Map<string, ContextRequest>();
  /** What the node did not accept, with the words for it. */
  readonly #refused = new Map<string, string>();
  readonly #stores = new Set<Promise<unknown>>();
  #closed = false;

  constructor(node: DimseNode, options: DimseSinkOptions) {
    this.#node = node;
    this.#limit = options.maxAssociations ?? node.maxAssociations ?? DEFAULT_MAX_ASSOCIATIONS;
    this.#idleMs = (options.idleSeconds ?? DEFAULT_IDLE_SECONDS) * 1000;
    this.concurrency = this.#limit * JOBS_PER_ASSOCIATION;
  }

  async store(instance: DicomInstance, options: AbortableOptions = {}): Promise<StoreOutcome> {
    const name = nodeName(this.#node);
    if (this.#closed) throw new DimseError('CLOSED', `The connection to ${name} is closed already.`);
    const dataset = new ReplayableDataset(instance.dataset);
    const store = this.#store({ ...instance, dataset }, dataset, options.signal).finally(
      () =>
        // The source may be in the middle of something: it is told, not waited for.
        void dataset.dispose().catch(() => undefined),
    );
    this.#stores.add(store);
    try {
      return await store;
    } finally {
      this.#stores.delete(store);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#stores);
    await Promise.allSettled([...this.#members].map((member) => this.#release(member)));
  }

  async #store(
    instance: DicomInstance,
    dataset: ReplayableDataset,
    signal: AbortSignal | undefined,
  ): Promise<StoreOutcome> {
    const key = contextKey(instance);
    if (!this.#seen.has(key)) this.#seen.set(key, contextRequest(instance));
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const refused = this.#refused.get(key);
      if (refused !== undefined) return { state: 'failed', message: refused, retryable: false };
      const member = await this.#acquire(key, instance, signal);
      if (!member) continue;
      try {
        const outcome = await member.association!.cStore(instance, {
          signal,
          onUnrepeatable: () => dataset.forget(),
        });
        if (outcome.retryable) this.#shrink();
        return outcome;
      } catch (error) {
        if (dataset.failure) throw dataset.failure.error;
        signal?.throwIfAborted();
        if (!(error instanceof DimseError)) throw error;
        if (attempt >= ATTEMPTS || !dataset.repeatable || !error.retryable || error.code === 'TIMEOUT') {
          return { state: 'failed', message: error.message, retryable: error.retryable };
        }
      } finally {
        this.#giveBack(member);
      }
    }
  }

  /** Gives a place on an association for the instance, or undefined when its context was refused meanwhile. */
  async #acquire(
    key: string,
    instance: DicomInstance,
    signal: AbortSignal | undefined,
  ): Promise<Member | undefined> {
    if (this.#refused.has(key)) return undefined;
    const carrying = this.#find(key, 1);
    if (carrying) return this.#take(carrying);
    if (this.#members.size < this.#limit) return this.#open(key, instance, signal);
    const second = this.#find(key, JOBS_PER_ASSOCIATION);
    if (second) return this.#take(second);
    const idle = this.#idleMember();
    if (idle) {
      await this.#release(idle);
      return this.#acquire(key, instance, signal);
    }
    return this.#wait(key, instance, signal);
  }

  /** An association that carries the context and has less than so many jobs. */
  #find(key: string, jobs: number): Member | undefined {
    for (const member of this.#members) {
      if (member.jobs < jobs && member.association && carries(member.association, key)) return member;
    }
    return undefined;
  }

  #idleMember(): Member | undefined {
    for (const member of this.#members) if (member.jobs === 0) return member;
    return undefined;
  }

  #take(member: Member): Member {
    member.jobs += 1;
    clearTimeout(member.idleTimer);
    member.idleTimer = undefined;
    return member;
  }

  #giveBack(member: Member): void {
    member.jobs -= 1;
    if (member.association?.over) this.#members.delete(member);
    else if (member.jobs === 0) {
      member.idleTimer = setTimeout(() => void this.#release(member), this.#idleMs);
      member.idleTimer.unref();
    }
    this.#wake();
  }

  async #open(
    key: string,
    instance: DicomInstance,
    signal: AbortSignal | undefined,
  ): Promise<Member | undefined> {
    const member: Member = { association: undefined, jobs: 1, idleTimer: undefined };
    const alone = this.#members.size === 0;
    this.#members.add(member);
    try {
      const node = alone ? this.#node : { ...this.#node, connectAttempts: 1 };
      member.association = await connect(node, { contexts: this.#contexts(key), signal });
    } catch (error) {
      this.#members.delete(member);
      // With others at work, one association less is no failure.
      const others = this.#members.size;
      if (others > 0 && error instanceof DimseError && error.retryable) {
        this.#limit = Math.min(this.#limit, others);
        this.#wake();
        return this.#acquire(key, instance, signal);
      }
      this.#wake();
      throw error;
    }
    const { association } = member;
    void association.ended.then(() => {
      if (member.jobs === 0) this.#members.delete(member);
      this.#wake();
    });
    if (!carries(association, key)) {
      const { sopClassUid, transferSyntaxUid } = instance;
      this.#refused.set(key, noContextMessage(association, sopClassUid, transferSyntaxUid));
      this.#seen.delete(key);
      if (association.contexts.length === 0) {
        this.#members.delete(member);
        void association.release();
        this.#wake();
      } else this.#giveBack(member);
      return undefined;
    }
    this.#wake();
    return member;
  }

  /** The wanted context first, then those seen before, up to what one association can carry. */
  #contexts(key: string): ContextRequest[] {
    const others = [...this.#seen].filter(([other]) => other !== key).map(([, request]) => request);
    return [this.#seen.get(key)!, ...others].slice(0, MAXIMUM_CONTEXTS);
  }

  async #wait(
    key: string,
    instance: DicomInstance,
    signal: AbortSignal | undefined,
  ): Promise<Member | undefined> {
    const { promise, resolve } = Promise.withResolvers<Member | undefined>();
    const waiter: Waiter = { key, instance, resolve };
    this.#waiters.push(waiter);
    const stopListening = onAbort(signal, () => this.#dismiss(waiter, undefined));
    try {
      const member = await promise;
      if (member || signal?.aborted) return member;
    } finally {
      stopListening();
    }
    return this.#acquire(key, instance, signal);
  }

  /** Something has changed: whoever waits longest and can go on, does. */
  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (this.#refused.has(waiter.key)) {
        this.#dismiss(waiter, undefined);
        continue;
      }
      const member = this.#find(waiter.key, 1) ?? this.#find(waiter.key, JOBS_PER_ASSOCIATION);
      const mayOpen = this.#members.size < this.#limit || this.#idleMember() !== undefined;
      if (member) this.#dismiss(waiter, this.#take(member));
      else if (mayOpen) {
        // One at a time: the next one goes on when this one has its association.
        this.#dismiss(waiter, undefined);
        return;
      }
    }
  }

  #dismiss(waiter: Waiter, member: Member | undefined): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
    waiter.resolve(member);
  }

  async #release(member: Member): Promise<void> {
    clearTimeout(member.idleTimer);
    this.#members.delete(member);
    await member.association?.release();
  }

  /** The node is short of resources (A7xx): fewer associations at once. */
  #shrink(): void {
    this.#limit = Math.max(1, this.#limit - 1);
    if (this.#members.size <= this.#limit) return;
    const idle = this.#idleMember();
    if (idle) void this.#release(idle);
  }
}

function contextKey(instance: DicomInstance): string {
  return `${instance.sopClassUid} ${instance.transferSyntaxUid}`;
}

function contextRequest(instance: DicomInstance): ContextRequest {
  return { abstractSyntax: instance.sopClassUid, transferSyntaxes: [instance.transferSyntaxUid] };
}

function carries(association: Association, key: string): boolean {
  if (association.over) return false;
  const [sopClassUid = '', transferSyntaxUid] = key.split(' ');
  return association.findContext(sopClassUid, transferSyntaxUid) !== undefined;
}
