import { type DicomInstance, peekHeader, Tags, textOf } from '@adit/core';
import { DimseError } from './dimse-error.ts';
import type { StatusAnswer, StoreRequest } from './scp/handlers.ts';
import { Status } from './status.ts';

/** What somebody waits for. */
export interface Expectation {
  /** Who asks for the C-MOVE: the AE title that objects name as their move originator. */
  callingAeTitle: string;
  /** AE title of the node that is asked. */
  nodeAeTitle: string;
  studyInstanceUid: string;
  /** Only these series. */
  seriesInstanceUids?: readonly string[] | undefined;
  /** Only these instances. */
  sopInstanceUids?: readonly string[] | undefined;
}

/** What a retrieval claims of a receiver, wherever the retrieval runs. */
export interface Claim extends Expectation {
  /** Message ID of its C-MOVEs, 1 to 65535: objects name it beside the calling AE title. */
  messageId: number;
  /**
   * Takes an object. Resolves with the status that the node is answered with: success only when all of it is taken. The
   * signal is aborted when the association ends before. What is left of the data set is thrown away.
   */
  take(object: DicomInstance, signal: AbortSignal): Promise<number>;
}

/** A claim, and what it was given. */
interface Waiting extends Claim {
  readonly seen: Set<string>;
}

/** Refused: not authorised (PS3.7 §C), for objects nobody waits for. */
const UNCLAIMED: StatusAnswer = { status: Status.notAuthorized, comment: 'Nobody waits for this object' };
const HIGHEST_MESSAGE_ID = 65535;

/** Knows who waits for what at a receiver. */
export class ReceivingDesk {
  /** Oldest first, by their Message IDs. */
  readonly #waiting = new Map<number, Waiting>();
  // Nodes that answer with an id of their own making answer with a low one.
  #lastMessageId = 1000 + Math.floor(Math.random() * 60_000);

  /** Undefined where another claim has the Message ID. */
  claim(claim: Claim): Disposable | undefined {
    const { messageId } = claim;
    if (this.#waiting.has(messageId)) return undefined;
    const waiting: Waiting = {
      ...claim,
      callingAeTitle: claim.callingAeTitle.trim(),
      nodeAeTitle: claim.nodeAeTitle.trim(),
      seen: new Set(),
    };
    this.#waiting.set(messageId, waiting);
    return {
      [Symbol.dispose]: () => {
        if (this.#waiting.get(messageId) === waiting) this.#waiting.delete(messageId);
      },
    };
  }

  /** A Message ID that no claim has. */
  freeMessageId(): number {
    if (this.#waiting.size >= HIGHEST_MESSAGE_ID) {
      throw new DimseError('CLOSED', 'The receiver has no Message ID left: end some of the retrievals.', {
        retryable: true,
      });
    }
    do {
      this.#lastMessageId = this.#lastMessageId === HIGHEST_MESSAGE_ID ? 1 : this.#lastMessageId + 1;
    } while (this.#waiting.has(this.#lastMessageId));
    return this.#lastMessageId;
  }

  async store(request: StoreRequest): Promise<number | StatusAnswer> {
    const waiting = this.#byOriginator(request);
    return waiting ? give(waiting, request, request) : this.#storeByStudy(request);
  }

  #byOriginator({ moveOriginator }: StoreRequest): Waiting | undefined {
    if (!moveOriginator) return undefined;
    const waiting = this.#waiting.get(moveOriginator.messageId);
    return waiting?.callingAeTitle === moveOriginator.aeTitle.trim() ? waiting : undefined;
  }

  async #storeByStudy(request: StoreRequest): Promise<number | StatusAnswer> {
    if (this.#waiting.size === 0) return UNCLAIMED;
    const { attributes, instance } = await peekHeader(request, [
      Tags.StudyInstanceUID,
      Tags.SeriesInstanceUID,
    ]);
    const study = textOf(attributes, 'StudyInstanceUID');
    const series = textOf(attributes, 'SeriesInstanceUID');
    const { sopInstanceUid, callingAeTitle } = request;
    const all = [...this.#waiting.values()].filter((one) => waitsFor(one, study, series, sopInstanceUid));
    // Of several that wait for the same, each gets the object once, those first that asked the node it comes from.
    const asked = all.filter(({ nodeAeTitle }) => nodeAeTitle === callingAeTitle.trim());
    const candidates = [...asked, ...all];
    const waiting = candidates.find(({ seen }) => !seen.has(sopInstanceUid)) ?? candidates[0];
    if (!waiting) {
      await instance.dataset[Symbol.asyncIterator]().return?.();
      return UNCLAIMED;
    }
    return give(waiting, request, instance);
  }
}

function give(waiting: Waiting, request: StoreRequest, instance: DicomInstance): Promise<number> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = request;
  waiting.seen.add(sopInstanceUid);
  return waiting.take(
    { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset: instance.dataset },
    request.signal,
  );
}

function waitsFor(
  { studyInstanceUid, seriesInstanceUids, sopInstanceUids }: Expectation,
  study: string | undefined,
  series: string | undefined,
  sopInstanceUid: string,
): boolean {
  if (study !== studyInstanceUid) return false;
  if (sopInstanceUids) return sopInstanceUids.includes(sopInstanceUid);
  return !seriesInstanceUids || (series !== undefined && seriesInstanceUids.includes(series));
}
