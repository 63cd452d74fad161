import { type Claim, createDelivery, type Delivery, type MoveDestination, type Receiver } from '@adit/dimse';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Notifications } from '../db/notifications.ts';
import type { Schema } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { claimRemotely, type RemoteClaim } from './hand-over-client.ts';
import { nextMessageId, type PresentReceiver, RECEIVERS_CHANNEL, selectReceivers } from './store.ts';

/** Wait before a receiver is asked again that could not be reached or was lost, in milliseconds. */
const AGAIN = 1_000;

export interface WaitOptions {
  db: Kysely<Schema>;
  notifications: Notifications;
  secrets: Secrets;
  logger: Logger;
  /** AE title of the receivers. */
  aeTitle: string;
  /** The receiver of this process, if it has one, and the name of the process among the receivers. */
  own: { receiver: Receiver; process: string } | undefined;
}

/**
 * Lets tasks wait for objects wherever they may come in: at the receiver of this process, and over the network at each other
 * one that is present, because a node sends to whichever it knows. A receiver that comes later is waited at as well.
 *
 * `expect` throws `ServerError` `NO_RECEIVER` where there is none that can be waited at.
 */
export function waitAtReceivers(options: WaitOptions): MoveDestination {
  const { db, aeTitle } = options;
  return {
    aeTitle,
    async expect(what) {
      for (;;) {
        const receivers = await selectReceivers(db, aeTitle);
        if (receivers.length === 0 && !options.own) throw nobodyReceives(what.nodeAeTitle, aeTitle);
        const waiting = new Waiting(options, what, await nextMessageId(db), placeOf(receivers, options));
        const begun = await waiting.begin(receivers);
        if (begun) return waiting.delivery;
      }
    },
  };
}

function nobodyReceives(nodeAeTitle: string, aeTitle: string): ServerError {
  return new ServerError(
    'NO_RECEIVER',
    `${nodeAeTitle} sends by C-MOVE, and no receiver of ADIT with the AE title ${aeTitle} is there: start "adit receiver", or look into its log for the reason.`,
    { retryable: true },
  );
}

function placeOf(receivers: readonly PresentReceiver[], { own }: WaitOptions): string {
  const places = receivers.map(({ addresses: [address], port }) => `the host ${address} and port ${port}`);
  if (places.length > 0) return places.join(', or ');
  return `the host of this program and port ${own?.receiver.port}`;
}

/** One task that waits. */
class Waiting {
  readonly delivery: Delivery;
  readonly #options: WaitOptions;
  readonly #claim: Claim;
  /** By the process of the receiver. */
  readonly #claims = new Map<string, Disposable>();
  /** Likewise: those the log knows of already. */
  readonly #unreachable = new Set<string>();
  readonly #unlisten: () => void;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #over = false;

  constructor(
    options: WaitOptions,
    what: Omit<Claim, 'messageId' | 'take'>,
    messageId: number,
    place: string,
  ) {
    this.#options = options;
    const delivery = createDelivery({ messageId, place, onEnd: () => this.#end() });
    this.delivery = delivery;
    this.#claim = { ...what, messageId, take: (object, signal) => delivery.take(object, signal) };
    this.#unlisten = options.notifications.on(RECEIVERS_CHANNEL, () => this.#lookAgain());
  }

  /** False where the Message ID is in use. Throws when no receiver can be waited at. */
  async begin(receivers: readonly PresentReceiver[]): Promise<boolean> {
    const { own } = this.#options;
    if (own) {
      const claimed = own.receiver.claim(this.#claim);
      if (!claimed) {
        this.delivery[Symbol.dispose]();
        return false;
      }
      this.#claims.set(own.process, claimed);
    }
    const results = await Promise.all(receivers.map((one) => this.#waitAt(one)));
    const free = !results.includes('taken');
    if (free && this.#claims.size > 0) return true;
    this.delivery[Symbol.dispose]();
    if (!free) return false;
    throw (
      results.find((result) => result instanceof Error) ??
      nobodyReceives(this.#claim.nodeAeTitle, this.#options.aeTitle)
    );
  }

  /** Says what came of it: `taken` is the Message ID. */
  async #waitAt({ process, handOver }: PresentReceiver): Promise<'taken' | Error | undefined> {
    if (this.#over || !handOver || this.#claims.has(process)) return undefined;
    const { secrets, logger } = this.#options;
    let claimed: RemoteClaim | undefined;
    try {
      claimed = await claimRemotely(handOver, this.#claim, secrets);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (!this.#unreachable.has(process)) {
        logger.warn({ err: error }, 'objects that come in at another receiver cannot be had');
      }
      this.#unreachable.add(process);
      this.#lookSoon();
      return error;
    }
    if (this.#over) claimed?.[Symbol.dispose]();
    if (this.#over || !claimed) return claimed ? undefined : 'taken';
    this.#unreachable.delete(process);
    this.#claims.set(process, claimed);
    onAbort(claimed.ended, () => {
      this.#claims.delete(process);
      this.#lookSoon();
    });
    return undefined;
  }

  #lookSoon(): void {
    if (this.#over) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lookAgain();
    }, AGAIN);
  }

  /** Waits at receivers that have come, or come back. */
  #lookAgain(): void {
    this.#looking = this.#looking.then(async () => {
      if (this.#over) return;
      try {
        const { db, aeTitle } = this.#options;
        const receivers = await selectReceivers(db, aeTitle);
        await Promise.all(receivers.map((one) => this.#waitAt(one)));
      } catch {
        // The database is away.
        this.#lookSoon();
      }
    });
  }

  #end(): void {
    this.#over = true;
    this.#unlisten();
    clearTimeout(this.#timer);
    for (const claimed of this.#claims.values()) claimed[Symbol.dispose]();
  }
}

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
}
