import { attributesFrom, type DicomInstance, encodeDataset } from '@adit/core';
import { isPending, Status, type StatusCategory } from '../status.ts';
import type { Service } from './serve.ts';

/** Sub-operations of one C-GET or C-MOVE: counts them and tells the peer (PS3.4 §C.4.2.3.1, §C.4.3.3.1). */
export class SubOperations {
  readonly #service: Service;
  #remaining: number;
  #completed = 0;
  #warning = 0;
  readonly #failed: string[] = [];

  /** @param count how many there will be */
  constructor(service: Service, count: number) {
    this.#service = service;
    this.#remaining = count;
  }

  /** Counts one that has ended, and tells the peer. Throws only when the association is over. */
  async ended(sopInstanceUid: string, category: StatusCategory): Promise<void> {
    if (category === 'success') this.#completed += 1;
    else if (category === 'warning') this.#warning += 1;
    else this.#failed.push(sopInstanceUid);
    this.#remaining = Math.max(0, this.#remaining - 1);
    if (this.#remaining > 0 && !this.#service.context.signal.aborted) {
      await this.#service.exchange.respond(this.#service.request, this.#counters(Status.pending));
    }
  }

  /**
   * Gives the final answer (PS3.4 Tables C.4-2 and C.4-3), with the list of what failed.
   *
   * @param end `cancelled`; `unable` where something kept all the rest from being sent
   */
  async end(end?: 'cancelled' | 'unable'): Promise<void> {
    const { exchange, request } = this.#service;
    const failures =
      this.#failed.length === 0
        ? undefined
        : encodeDataset(attributesFrom({ FailedSOPInstanceUIDList: this.#failed }), {
            transferSyntaxUid: request.context.transferSyntax,
          });
    await exchange.respond(request, this.#counters(this.#finalStatus(end)), failures);
  }

  #finalStatus(end: 'cancelled' | 'unable' | undefined): number {
    if (end === 'cancelled') return Status.cancel;
    const noneWell = this.#failed.length > 0 && this.#completed + this.#warning === 0;
    if (end === 'unable' || noneWell) return Status.unableToPerformSubOperations;
    return this.#failed.length + this.#warning > 0 ? Status.subOperationsWarning : Status.success;
  }

  /** The number of remaining sub-operations belongs to pending and cancelled answers only (PS3.7 §9.1.3.1.6). */
  #counters(status: number) {
    const unfinished = isPending(status) || status === Status.cancel;
    return {
      status,
      ...(unfinished && { numberOfRemainingSuboperations: this.#remaining }),
      numberOfCompletedSuboperations: this.#completed,
      numberOfFailedSuboperations: this.#failed.length,
      numberOfWarningSuboperations: this.#warning,
    };
  }
}

/** Lets go of an object that is not sent: it has one reader, who is not coming. */
export async function discard(instance: DicomInstance): Promise<void> {
  await instance.dataset[Symbol.asyncIterator]().return?.();
}
