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
  return new AssociationPool(node, options);
}

/** One association of the pool, from its first attempt on. */
interface Member {
  /** Undefined while it is being opened. */
  association: Association | undefined;
  /** Stops the opening. */
  readonly opening: AbortController;
  /** Contexts that were asked for. */
  readonly keys: ReadonlySet<string>;
  jobs: number;
  idleTimer: NodeJS.Timeout | undefined;
}

/** An instance waiting for a place on an association. */
interface Waiter {
  readonly key: string;
  /** With undefined: the node refuses the context, or the caller gave up. */
  readonly place: PromiseWithResolvers<Member | undefined>;
}

class AssociationPool implements DimseSink {
  readonly concurrency: number;
  readonly #node: DimseNode;
  readonly #idleMs: number;
  /** Shrinks when the node has no room for more. */
  #limit: number;
  readonly #members = new Set<Member>();
  /** Oldest first. */
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

  async release(): Promise<void> {
    const idle = [...this.#members].filter((member) => member.association && member.jobs === 0);
    await Promise.all(idle.map((member) => this.#release(member)));
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
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const refused = this.#refused.get(key);
      if (refused !== undefined) return { state: 'failed', message: refused, retryable: false };
      const member = await this.#place(key, instance, signal);
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

  /** Waits for a place on an association that carries the context. */
  async #place(
    key: string,
    instance: DicomInstance,
    signal: AbortSignal | undefined,
  ): Promise<Member | undefined> {
    if (!this.#seen.has(key)) this.#seen.set(key, contextRequest(instance));
    const waiter: Waiter = { key, place: Promise.withResolvers() };
    this.#waiters.push(waiter);
    // Objects that come while all associations are busy are the reason to have more of them. One without work that lacks
    // the context makes room: a node may take no other as long as it stands.
    if (!this.#find(key, 1)) {
      const idle = this.#idleMember();
      if (idle) void this.#release(idle);
      if (this.#members.size < this.#limit) this.#open(key);
    }
    this.#assign();
    const stopListening = onAbort(signal, () => this.#dismiss(waiter, undefined));
    try {
      return await waiter.place.promise;
    } finally {
      stopListening();
    }
  }

  /** Something has changed: gives places to those who wait, the oldest first. */
  #assign(): void {
    for (const waiter of [...this.#waiters]) {
      const { key } = waiter;
      if (this.#refused.has(key)) {
        this.#dismiss(waiter, undefined);
        continue;
      }
      const member = this.#find(key, 1) ?? this.#find(key, JOBS_PER_ASSOCIATION);
      if (member) this.#dismiss(waiter, this.#take(member));
      else if (!this.#provideFor(key)) return; // Else instances of other kinds would keep its place for ever.
    }
  }

  /** Is an association for the context on its way? Opens one, in place of one without work if need be. */
  #provideFor(key: string): boolean {
    for (const member of this.#members) if (!member.association && member.keys.has(key)) return true;
    if (this.#members.size >= this.#limit) {
      const idle = this.#idleMember();
      if (!idle) return false;
      void this.#release(idle);
    }
    this.#open(key);
    return true;
  }

  #dismiss(waiter: Waiter, member: Member | undefined): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
    waiter.place.resolve(member);
  }

  /** An association that carries the context and has less than so many jobs. */
  #find(key: string, jobs: number): Member | undefined {
    for (const member of this.#members) {
      if (member.jobs < jobs && member.association && carries(member.association, key)) return member;
    }
    return undefined;
  }

  #take(member: Member): Member {
    member.jobs += 1;
    clearTimeout(member.idleTimer);
    return member;
  }

  #giveBack(member: Member): void {
    member.jobs -= 1;
    if (member.association?.over) this.#members.delete(member);
    this.#assign();
    if (member.jobs > 0 || member.association?.over) return;
    // It serves none of those who wait, and the node may have no room for another beside it.
    if (this.#waiters.length > 0) void this.#release(member);
    else this.#expectIdle(member);
  }

  #idleMember(): Member | undefined {
    for (const member of this.#members) if (member.association && member.jobs === 0) return member;
    return undefined;
  }

  #expectIdle(member: Member): void {
    member.idleTimer = setTimeout(() => void this.#release(member), this.#idleMs);
    member.idleTimer.unref();
  }

  /** Opens one more association. Nobody waits for it alone: a node may have no room for it and let it hang. */
  #open(key: string): void {
    const others = [...this.#seen].filter(([other]) => other !== key);
    const contexts = [[key, this.#seen.get(key)!] as const, ...others].slice(0, MAXIMUM_CONTEXTS);
    const member: Member = {
      association: undefined,
      opening: new AbortController(),
      keys: new Set(contexts.map(([seen]) => seen)),
      jobs: 0,
      idleTimer: undefined,
    };
    const first = this.#members.size === 0;
    this.#members.add(member);
    connect(first ? this.#node : { ...this.#node, connectAttempts: 1 }, {
      contexts: contexts.map(([, request]) => request),
      signal: member.opening.signal,
    }).then(
      (association) => this.#onOpened(member, association),
      (error: unknown) => this.#onNotOpened(member, error),
    );
  }

  #onOpened(member: Member, association: Association): void {
    if (!this.#members.has(member)) {
      void association.release();
      return;
    }
    member.association = association;
    for (const key of member.keys) {
      if (carries(association, key)) continue;
      const [sopClassUid = '', transferSyntaxUid] = key.split(' ');
      this.#refused.set(key, noContextMessage(association, sopClassUid, transferSyntaxUid));
      this.#seen.delete(key);
    }
    void association.ended.then(() => {
      if (member.jobs === 0) this.#members.delete(member);
      clearTimeout(member.idleTimer);
      this.#assign();
    });
    if (association.contexts.length === 0) void this.#release(member);
    else this.#expectIdle(member);
    this.#assign();
  }

  #onNotOpened(member: Member, error: unknown): void {
    if (!this.#members.delete(member)) return;
    const others = this.#members.size;
    if (others > 0) {
      // With others at work, or still trying, one association less is no failure.
      this.#limit = Math.min(this.#limit, others);
      this.#assign();
      return;
    }
    for (const waiter of this.#waiters.splice(0)) waiter.place.reject(error);
  }

  async #release(member: Member): Promise<void> {
    clearTimeout(member.idleTimer);
    this.#members.delete(member);
    member.opening.abort();
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
