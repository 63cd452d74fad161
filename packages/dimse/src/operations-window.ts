import type { UserInformation } from './pdu.ts';

/** Requests that may be under way at once without their answers, in each direction. */
export interface OperationsWindow {
  /** Of this side. */
  invoked: number;
  /** Of the peer. */
  performed: number;
}

type Item = NonNullable<UserInformation['asynchronousOperations']>;

/** One after another, which needs no negotiation. */
const SYNCHRONOUS: Item = { invoked: 1, performed: 1 };
/** What 0, no limit, comes to (PS3.7 §D.3.3.3). */
const UNLIMITED = 0xffff;

/** The item of a request; undefined where nothing is asked for. */
export function proposeWindow(invoked: number): Item | undefined {
  return invoked > 1 ? { invoked, performed: 1 } : undefined;
}

/** What the acceptor's answer comes to. Without one, operations go one after another. */
export function agreedWindow(asked: Item | undefined, answered: Item | undefined): OperationsWindow {
  if (!asked || !answered) return SYNCHRONOUS;
  return {
    invoked: smaller(asked.invoked, answered.invoked),
    performed: smaller(asked.performed, answered.performed),
  };
}

/**
 * The acceptor's answer. Both items see the operations from the requestor: those it invokes this side performs, and the
 * other way round.
 *
 * @param limit most at once in either direction
 */
export function negotiateWindow(
  asked: Item | undefined,
  limit: number,
): { item: Item | undefined; window: OperationsWindow } {
  if (!asked) return { item: undefined, window: SYNCHRONOUS };
  const item = { invoked: smaller(asked.invoked, limit), performed: smaller(asked.performed, limit) };
  return { item, window: { invoked: item.performed, performed: item.invoked } };
}

function smaller(a: number, b: number): number {
  return Math.min(a || UNLIMITED, b || UNLIMITED);
}
