import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AbortableOptions,
  type Attributes,
  attributesFrom,
  generateUid,
  itemsOf,
  numberOf,
  SopClass,
  textOf,
} from '@adit/core';
import { connect } from './connect.ts';
import { DimseError } from './dimse-error.ts';
import type { EventReport } from './n-service.ts';
import { type DimseNode, nodeName } from './node.ts';
import { commitmentContexts } from './query-model.ts';
import type { ScpHandlers } from './scp/handlers.ts';
import { onAbort } from './service.ts';
import { Status, statusText } from './status.ts';

/** A composite instance by its UIDs. */
export interface InstanceReference {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** An instance the node does not answer for. */
export interface CommitmentFailure extends InstanceReference {
  /** Failure Reason (0008,1197) (PS3.3 §C.14.1.1); undefined where the report does not mention the instance. */
  reason: number | undefined;
  /** The reason in words: `0112 (no such SOP instance)`. */
  message: string;
}

/** What a node takes responsibility for, of the instances it was asked about. */
export interface CommitmentResult {
  transactionUid: string;
  committed: InstanceReference[];
  failed: CommitmentFailure[];
}

export interface CommitmentOptions extends AbortableOptions {
  /** Where reports arrive that the node makes on associations of its own. Default: on this association only. */
  reports?: CommitmentReports;
  /** For the report, in seconds. Some archives take hours. Default: 60. */
  timeoutSeconds?: number;
  /**
   * How long the association is held open for the report, in seconds. Nodes that open one of their own do so only when it
   * has ended. Default: 5 with `reports`, else all of `timeoutSeconds`.
   */
  holdSeconds?: number;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
const DEFAULT_HOLD_SECONDS = 5;
/** Storage Commitment Push Model SOP Instance, the only one there is (PS3.4 §J.3.5). */
const PUSH_MODEL_INSTANCE = '1.2.840.10008.1.20.1.1';
const REQUEST_STORAGE_COMMITMENT = 1;
/** Event types of PS3.4 §J.3.3: all well, or with failures. */
const EVENT_TYPES: ReadonlySet<number> = new Set([1, 2]);

/**
 * Reports of storage commitment that come on associations the nodes open: pairs them by their Transaction UIDs with the
 * requests that wait for them.
 *
 * @example
 * const reports = new CommitmentReports();
 * const { eventReport } = reports;
 * await using server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: { eventReport } });
 * const instances = [{ sopClassUid: SopClass.CtImageStorage, sopInstanceUid: '1.2.3' }];
 * console.log(await requestStorageCommitment(node, instances, { reports, holdSeconds: 1 }));
 */
export class CommitmentReports {
  readonly #expected = new Map<string, (report: Attributes) => void>();

  /** The handler for `listen`. A report that nobody waits for is refused with 0115 (invalid argument value). */
  readonly eventReport: NonNullable<ScpHandlers['eventReport']> = (report) => this.take(report);

  /** Takes a report and gives the status to answer with. */
  take({ sopClassUid, eventTypeId, information }: EventReport): number {
    if (sopClassUid !== SopClass.StorageCommitmentPushModel) return Status.noSuchSopClass;
    if (!EVENT_TYPES.has(eventTypeId)) return Status.noSuchEventType;
    const report = this.#expected.get(textOf(information, 'TransactionUID') ?? '');
    if (!report) return Status.invalidArgumentValue;
    report(information);
    return Status.success;
  }

  /** The report on a transaction, when it comes. Must be forgotten. */
  expect(transactionUid: string): { report: Promise<Attributes>; forget(): void } {
    const { promise, resolve } = Promise.withResolvers<Attributes>();
    this.#expected.set(transactionUid, resolve);
    return { report: promise, forget: () => this.#expected.delete(transactionUid) };
  }
}

/**
 * Asks a node whether it takes responsibility for instances it was sent (Storage Commitment Push Model, PS3.4 §J.3), and
 * waits for its report. That may come on this association, or on one the node opens: then `reports` must be a handler of a
 * server the node knows.
 *
 * What the node does not answer for is a value, `failed`. An instance the report leaves out has failed too. Throws
 * `DimseError`: `STATUS` where the node refuses the request, `TIMEOUT` where no report comes, and what `connect` throws.
 *
 * @example
 * const instances = [{ sopClassUid: SopClass.CtImageStorage, sopInstanceUid: '1.2.3' }];
 * const { committed, failed } = await requestStorageCommitment(node, instances, { timeoutSeconds: 5 });
 * for (const { sopInstanceUid, message } of failed) console.log(sopInstanceUid, message);
 */
export async function requestStorageCommitment(
  node: DimseNode,
  instances: readonly InstanceReference[],
  options: CommitmentOptions = {},
): Promise<CommitmentResult> {
  const { signal, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
  const reports = options.reports ?? new CommitmentReports();
  const holdSeconds = options.holdSeconds ?? (options.reports ? DEFAULT_HOLD_SECONDS : timeoutSeconds);
  const transactionUid = generateUid();
  const { report, forget } = reports.expect(transactionUid);
  const done = new AbortController();
  const stopListening = onAbort(signal, () => done.abort());
  const end = performance.now() + timeoutSeconds * 1000;
  /** The report, or nothing when so much time has passed. */
  const within = (milliseconds: number): Promise<Attributes | undefined> =>
    Promise.race([report, sleep(Math.max(0, milliseconds), undefined, { signal: done.signal })]);
  try {
    const request = { transactionUid, instances, reports, signal };
    let found = await askAndHold(node, request, () =>
      within(Math.min(holdSeconds * 1000, end - performance.now())),
    );
    if (typeof found !== 'object' && options.reports) found = await within(end - performance.now());
    if (typeof found !== 'object') throw noReport(node, found === 'ended' ? undefined : timeoutSeconds);
    return resultOf(transactionUid, instances, found);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    stopListening();
    done.abort();
    forget();
  }
}

interface CommitmentRequest {
  transactionUid: string;
  instances: readonly InstanceReference[];
  reports: CommitmentReports;
  signal: AbortSignal | undefined;
}

/** Sends the request, and holds the association as long as `hold` says, or the node lets it stand (else `ended`). */
async function askAndHold(
  node: DimseNode,
  { transactionUid, instances, reports, signal }: CommitmentRequest,
  hold: () => Promise<Attributes | undefined>,
): Promise<Attributes | 'ended' | undefined> {
  const association = await connect(node, { contexts: commitmentContexts(), signal });
  const release = onAbort(signal, () => association.abort());
  try {
    association.onEventReport((one) => reports.take(one));
    await association.nAction({
      sopClassUid: SopClass.StorageCommitmentPushModel,
      sopInstanceUid: PUSH_MODEL_INSTANCE,
      actionTypeId: REQUEST_STORAGE_COMMITMENT,
      signal,
      information: attributesFrom({
        TransactionUID: transactionUid,
        ReferencedSOPSequence: instances.map(({ sopClassUid, sopInstanceUid }) => ({
          ReferencedSOPClassUID: sopClassUid,
          ReferencedSOPInstanceUID: sopInstanceUid,
        })),
      }),
    });
    return await Promise.race([hold(), association.ended.then(() => 'ended' as const)]);
  } finally {
    release();
    await association.release();
  }
}

function resultOf(
  transactionUid: string,
  asked: readonly InstanceReference[],
  report: Attributes,
): CommitmentResult {
  const uidOf = (item: Attributes) => textOf(item, 'ReferencedSOPInstanceUID') ?? '';
  const committed = new Set(itemsOf(report, 'ReferencedSOPSequence').map(uidOf));
  const reasons = new Map(
    itemsOf(report, 'FailedSOPSequence').map((item) => [uidOf(item), numberOf(item, 'FailureReason')]),
  );
  const result: CommitmentResult = { transactionUid, committed: [], failed: [] };
  for (const { sopClassUid, sopInstanceUid } of asked) {
    const reference = { sopClassUid, sopInstanceUid };
    // One that is on both lists is not safe.
    if (committed.has(sopInstanceUid) && !reasons.has(sopInstanceUid)) result.committed.push(reference);
    else {
      const reason = reasons.get(sopInstanceUid);
      const message = reason === undefined ? 'the report gives no reason' : statusText(reason);
      result.failed.push({ ...reference, reason, message });
    }
  }
  return result;
}

/** @param seconds how long it was waited for; undefined: the node ended the association before */
function noReport(node: DimseNode, seconds: number | undefined): DimseError {
  const name = nodeName(node);
  if (seconds === undefined) {
    const message = `${name} took the request for storage commitment and ended the association without a report; let it report to a server of this side.`;
    return new DimseError('CONNECTION_LOST', message, { retryable: true });
  }
  return new DimseError(
    'TIMEOUT',
    `${name} took the request for storage commitment and did not report within ${seconds} s; check that it knows this side's AE title, host and port, or ask again later.`,
    { retryable: true },
  );
}
