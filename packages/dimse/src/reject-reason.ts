import type { AssociateRj } from './pdu.ts';

interface RejectionWords {
  /** The reason, in the standard's words. */
  reason: string;
  /** What somebody can do about it. */
  advice: string;
}

/** PS3.8 Table 9-21, keyed by source and reason. */
const WORDS: Readonly<Record<string, (calling: string, called: string, node: string) => RejectionWords>> = {
  '1-1': () => ({
    reason: 'no reason given',
    advice: "look into the node's log for the refused association",
  }),
  '1-2': () => ({
    reason: 'application context name not supported',
    advice: 'check that host and port lead to a DICOM service',
  }),
  '1-3': (calling, _called, node) => ({
    reason: 'calling AE title not recognised',
    advice: `register the AE title ${calling} and this machine's address at ${node}`,
  }),
  '1-7': (_calling, called) => ({
    reason: 'called AE title not recognised',
    advice: `check the AE title ${called} in the node's settings, case counts`,
  }),
  '2-1': () => ({
    reason: 'no reason given',
    advice: "look into the node's log for the refused association",
  }),
  '2-2': () => ({
    reason: 'protocol version not supported',
    advice: 'check that host and port lead to a DICOM service',
  }),
  '3-1': () => ({ reason: 'temporary congestion', advice: 'try again later' }),
  '3-2': () => ({
    reason: 'local limit exceeded',
    advice: 'try again later, or allow fewer associations to this node',
  }),
};

/** Who rejected, by the source field of PS3.8 Table 9-21. */
const SOURCES: Readonly<Record<number, string>> = {
  1: 'its application',
  2: 'its association service',
  3: 'its presentation service',
};

/**
 * Says in one sentence why an association was rejected and what to do. Reserved reasons are named by their numbers.
 *
 * @example
 * const names = { callingAeTitle: 'ME', calledAeTitle: 'PACS', node: nodeName(node) };
 * rejectReason({ result: 1, source: 1, reason: 7 }, names); // … called AE title not recognised; check …
 */
export function rejectReason(
  rejection: Pick<AssociateRj, 'result' | 'source' | 'reason'>,
  names: { callingAeTitle: string; calledAeTitle: string; node: string },
): string {
  const words = WORDS[`${rejection.source}-${rejection.reason}`]?.(
    names.callingAeTitle,
    names.calledAeTitle,
    names.node,
  ) ?? { reason: `reserved reason ${rejection.reason}`, advice: "look into the node's log" };
  const permanence = isTransientRejection(rejection) ? 'for now' : 'permanently';
  const source = SOURCES[rejection.source] ?? `source ${rejection.source}`;
  return `${names.node} rejected the association ${permanence} (by ${source}): ${words.reason}; ${words.advice}.`;
}

/**
 * Result 2 is rejected-transient (PS3.8 Table 9-21): the same request may be accepted later.
 *
 * @example
 * isTransientRejection({ result: 2 }); // true
 */
export function isTransientRejection(rejection: Pick<AssociateRj, 'result'>): boolean {
  return rejection.result === 2;
}
