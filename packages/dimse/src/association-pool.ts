import type { Association } from './association.ts';
import { connect } from './connect.ts';
import { DimseError } from './dimse-error.ts';
import { type DimseNode, nodeName } from './node.ts';
import { type ContextRequest, MAXIMUM_CONTEXTS } from './presentation-context.ts';
import { onAbort } from './service.ts';

export interface AssociationPoolOptions {
  /**
   * Most associations held at once: who comes then waits for a place. Without a limit nobody waits, and who cannot have an
   * association of their own learns why at once.
   */
  limit?: number | undefined;
  /** Associations without work are released after so many seconds, before their peer cuts them. */
  idleSeconds: number;
  /** Users an association has at once. Default: 1. */
  sharing?: number;
  /**
   * After the node was short of resources, one association more is tried when so many seconds have passed; twice as many
   * each time that is too early. Default: 10.
   */
  recoverySeconds?: number;
}

/** A place on an association of the pool. */
export interface Place {
  readonly association: Association;
  /** Others used the association before. */
  readonly reused: boolean;
  /** Lets others have it. An association that has ended is dropped. */
  giveBack(): void;
}

/**
 * Is the error that of an association that ended, or had ended without a word, while nobody used it? On a new one the same
 * may succeed.
 */
export function diedUnused({ association, reused }: Place, error: unknown): boolean {
  return reused && association.over && error instanceof DimseError && error.retryable;
}

const DEFAULT_RECOVERY_SECONDS = 10;
/** Signs of trouble within so many milliseconds are one. */
const ONE_TROUBLE_MS = 1000;
/** Longest time until one association more is tried, as a multiple of the first. */
const LONGEST_RECOVERY = 32;

/** One association of the pool, from its first attempt on. */
interface Member {
  /** Undefined while it is being opened. */
  association: Association | undefined;
  /** Stops the opening. */
  readonly opening: AbortController;
  /** Contexts that were asked for; what the node made of them is in `association`. */
  readonly keys: ReadonlySet<string>;
  users: number;
  used: boolean;
  /** The node has no room for it any more: it takes nobody new, and is released when its users are done. */
  leaving: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

/** Somebody waiting for a place on an association that was asked for all these contexts. */
interface Waiter {
  readonly contexts: ReadonlyMap<string, ContextRequest>;
  readonly place: PromiseWithResolvers<Place>;
}

/**
 * Associations to one node: opened as they are needed, up to a limit, used again, and released when there is no work for
 * them. An association cannot gain contexts, so whoever needs others than there are gets a new one, in place of one without
 * work where there is such; it asks for what was needed before too.
 *
 * The limit adapts: the node having no room for one more, or saying that it is short of resources, lowers it, and time
 * raises it again.
 */
export class AssociationPool implements AsyncDisposable {
  readonly #node: DimseNode;
  readonly #maximum: number;
  readonly #sharing: number;
  readonly #idleMs: number;
  readonly #recoveryMs: number;
  /** What the node has room for at present, as far as is known. */
  #limit: number;
  /** When to try one more, by `performance.now()`, and how long the next such wait is. */
  #growAt = 0;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  #growMs: number;
  readonly #members = new Set<Member>();
  /** Oldest first. */
  readonly #waiters: Waiter[] = [];
  /** Requests of contexts by their keys, which are the same for many objects. */
  readonly #keys = new WeakMap<readonly ContextRequest[], ReadonlyMap<string, ContextRequest>>();
  /** Contexts needed so far, but for those the node does not accept: later associations ask for them too. */
  readonly #seen = new Map<string, ContextRequest>();
  /** Releases under way: a node may take no other association until they are over. */
  readonly #releases = new Set<Promise<void>>();
  #closed = false;

  constructor(node: DimseNode, options: AssociationPoolOptions) {
    this.#node = node;
    this.#maximum = options.limit ?? Number.POSITIVE_INFINITY;
    this.#limit = this.#maximum;
    this.#sharing = options.sharing ?? 1;
    this.#idleMs = options.idleSeconds * 1000;
    this.#recoveryMs = (options.recoverySeconds ?? DEFAULT_RECOVERY_SECONDS) * 1000;
    this.#growMs = this.#recoveryMs;
  }

  /**
   * Waits for a place on an association that was asked for these contexts. Which of them the node accepted is to be looked
   * up there. Throws what `connect` throws when there is no association at all, and the signal's reason.
   */
  async take(contexts: readonly ContextRequest[], signal?: AbortSignal): Promise<Place> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#isClosed();
    const wanted = this.#keyed(contexts);
    const alone = this.#waiters.length === 0;
    this.#grow();
    // Who comes while all associations are busy is the reason to have more of them. One without work that lacks the
    // contexts makes room: a node may take no other as long as it stands.
    if (!this.#find(wanted, 1)) {
      const idle = this.#idleMember();
      if (idle) this.#release(idle);
      if (this.#members.size < this.#limit) this.#open(wanted);
    }
    // Most objects of a study find a place at once.
    const member = alone ? (this.#find(wanted, 1) ?? this.#find(wanted, this.#sharing)) : undefined;
    if (member) return this.#placeOn(member);
    const waiter: Waiter = { contexts: wanted, place: Promise.withResolvers() };
    this.#waiters.push(waiter);
    this.#assign();
    const stopListening = onAbort(signal, () => {
      if (this.#remove(waiter)) waiter.place.reject(signal?.reason);
    });
    try {
      return await waiter.place.promise;
    } finally {
      stopListening();
    }
  }

  #keyed(contexts: readonly ContextRequest[]): ReadonlyMap<string, ContextRequest> {
    let keyed = this.#keys.get(contexts);
    if (!keyed) {
      keyed = new Map(contexts.map((context) => [keyOf(context), context]));
      this.#keys.set(contexts, keyed);
    }
    return keyed;
  }

  /** The node is short of resources (A7xx): half as many associations at once, for a while. */
  shrink(): void {
    const now = performance.now();
    if (now < this.#shrunkAt + ONE_TROUBLE_MS) return;
    this.#shrunkAt = now;
    this.#lower(Math.max(1, Math.ceil(Math.min(this.#limit, this.#members.size) / 2)));
    let surplus = this.#members.size - this.#limit;
    // Those without work first.
    for (const member of [...this.#members].sort((a, b) => a.users - b.users)) {
      if (surplus-- <= 0) return;
      if (member.users === 0) this.#release(member);
      else member.leaving = true;
    }
  }

  /** Releases the associations without work. */
  async releaseIdle(): Promise<void> {
    for (const member of [...this.#members]) {
      if (member.association && member.users === 0) this.#release(member);
    }
    await Promise.all(this.#releases);
  }

  /** Releases all associations; places that are taken become useless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.place.reject(this.#isClosed());
    for (const member of [...this.#members]) this.#release(member);
    await Promise.all(this.#releases);
  }

  /** Something has changed: gives places to those who wait, the oldest first. */
  #assign(): void {
    for (const waiter of [...this.#waiters]) {
      const { contexts } = waiter;
      const member = this.#find(contexts, 1) ?? this.#find(contexts, this.#sharing);
      if (member) {
        this.#remove(waiter);
        waiter.place.resolve(this.#placeOn(member));
      } else if (!this.#provideFor(contexts)) return; // Else others would keep its place for ever.
    }
  }

  /** Is an association for the contexts on its way? Opens one, in place of one without work if need be. */
  #provideFor(contexts: ReadonlyMap<string, ContextRequest>): boolean {
    for (const member of this.#members) if (!member.association && asksFor(member, contexts)) return true;
    if (this.#members.size >= this.#limit) {
      const idle = this.#idleMember();
      if (!idle) return false;
      this.#release(idle);
    }
    this.#open(contexts);
    return true;
  }

  /** Was it still waiting? */
  #remove(waiter: Waiter): boolean {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
    return index >= 0;
  }

  /** An association that was asked for the contexts and has less than so many users. */
  #find(contexts: ReadonlyMap<string, ContextRequest>, users: number): Member | undefined {
    for (const member of this.#members) {
      if (member.users >= users || member.leaving || !member.association || member.association.over) continue;
      if (asksFor(member, contexts)) return member;
    }
    return undefined;
  }

  #placeOn(member: Member): Place {
    const reused = member.used;
    member.used = true;
    member.users += 1;
    clearTimeout(member.idleTimer);
    let given = false;
    return {
      association: member.association!,
      reused,
      giveBack: () => {
        if (given) return;
        given = true;
        this.#giveBack(member);
      },
    };
  }

  #giveBack(member: Member): void {
    member.users -= 1;
    if (member.association?.over) this.#members.delete(member);
    if (member.leaving && member.users === 0) this.#release(member);
    this.#grow();
    this.#assign();
    if (member.users > 0 || !this.#members.has(member)) return;
    // It serves none of those who wait, and the node may have no room for another beside it.
    if (this.#waiters.length > 0 || member.association?.contexts.length === 0) this.#release(member);
    else this.#expectIdle(member);
  }

  #idleMember(): Member | undefined {
    for (const member of this.#members) if (member.association && member.users === 0) return member;
    return undefined;
  }

  #expectIdle(member: Member): void {
    clearTimeout(member.idleTimer);
    member.idleTimer = setTimeout(() => this.#release(member), this.#idleMs);
    member.idleTimer.unref();
  }

  /** Opens one more association. Nobody waits for it alone: a node may have no room for it and let it hang. */
  #open(wanted: ReadonlyMap<string, ContextRequest>): void {
    for (const [key, context] of wanted) this.#seen.set(key, context);
    const all = [...new Map([...wanted, ...this.#seen])];
    const contexts = all.slice(0, Math.max(MAXIMUM_CONTEXTS, wanted.size));
    const member: Member = {
      association: undefined,
      opening: new AbortController(),
      keys: new Set(contexts.map(([key]) => key)),
      users: 0,
      used: false,
      leaving: false,
      idleTimer: undefined,
    };
    const oneMore = this.#members.size > 0 && this.#limit !== Number.POSITIVE_INFINITY;
    this.#members.add(member);
    this.#connect(
      member,
      contexts.map(([, context]) => context),
      oneMore,
    ).then(
      (association) => this.#onOpened(member, association),
      (error: unknown) => this.#onNotOpened(member, error),
    );
  }

  async #connect(
    member: Member,
    contexts: readonly ContextRequest[],
    oneMore: boolean,
  ): Promise<Association> {
    await Promise.all(this.#releases);
    const node = oneMore ? { ...this.#node, connectAttempts: 1 } : this.#node;
    return connect(node, { contexts, signal: member.opening.signal });
  }

  #onOpened(member: Member, association: Association): void {
    if (!this.#members.has(member)) {
      void association.release();
      return;
    }
    member.association = association;
    for (const key of member.keys) {
      const context = this.#seen.get(key);
      if (context && !isAccepted(association, context)) this.#seen.delete(key);
    }
    void association.ended.then(() => {
      clearTimeout(member.idleTimer);
      if (member.users === 0) this.#members.delete(member);
      this.#assign();
    });
    this.#expectIdle(member);
    this.#assign();
  }

  #onNotOpened(member: Member, error: unknown): void {
    if (!this.#members.delete(member)) return;
    if (this.#maximum === Number.POSITIVE_INFINITY) {
      const waiter = this.#waiters.find(({ contexts }) => asksFor(member, contexts));
      if (waiter && this.#remove(waiter)) waiter.place.reject(error);
      return;
    }
    const others = this.#members.size;
    if (others > 0) {
      // With others at work, or still trying, one association less is no failure.
      this.#lower(Math.min(this.#limit, others));
      this.#assign();
      return;
    }
    for (const waiter of this.#waiters.splice(0)) waiter.place.reject(error);
  }

  #release(member: Member): void {
    clearTimeout(member.idleTimer);
    this.#members.delete(member);
    member.opening.abort();
    if (!member.association) return;
    const release = member.association.release().finally(() => this.#releases.delete(release));
    this.#releases.add(release);
  }

  #isClosed(): DimseError {
    return new DimseError('CLOSED', `The connection to ${nodeName(this.#node)} is closed already.`);
  }

  #lower(limit: number): void {
    if (limit >= this.#limit) return;
    this.#limit = limit;
    // Trouble soon after trying one more: that was too early.
    this.#growAt = performance.now() + this.#growMs;
    this.#growMs = Math.min(this.#growMs * 2, this.#recoveryMs * LONGEST_RECOVERY);
  }

  /** Time has passed without trouble: one association more may be tried. */
  #grow(): void {
    if (this.#limit >= this.#maximum) return;
    const now = performance.now();
    if (now < this.#growAt) return;
    // Nothing has gone wrong for long: the node is taken for well again.
    if (now >= this.#growAt + this.#growMs) this.#growMs = this.#recoveryMs;
    this.#limit += 1;
    this.#growAt = now + this.#recoveryMs;
  }
}

function keyOf({ abstractSyntax, transferSyntaxes, role = 'scu' }: ContextRequest): string {
  return `${abstractSyntax} ${transferSyntaxes.join('/')} ${role}`;
}

function asksFor(member: Member, contexts: ReadonlyMap<string, ContextRequest>): boolean {
  for (const key of contexts.keys()) if (!member.keys.has(key)) return false;
  return true;
}

function isAccepted(association: Association, { abstractSyntax, transferSyntaxes }: ContextRequest): boolean {
  return association.contexts.some(
    (context) =>
      context.abstractSyntax === abstractSyntax && transferSyntaxes.includes(context.transferSyntax),
  );
}
