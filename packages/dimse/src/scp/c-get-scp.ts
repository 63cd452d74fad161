import { attributesFrom, type DicomInstance, encodeDataset } from '@adit/core';
import { sendStore } from '../c-store.ts';
import { Status, statusCategory } from '../status.ts';
import { GET_MODELS } from './acceptance.ts';
import { untilAborted } from './c-find-scp.ts';
import type { ScpHandlers } from './handlers.ts';
import { readIdentifier } from './identifier.ts';
import type { Service } from './serve.ts';

/**
 * C-GET as SCP (PS3.7 §9.1.3): performs C-STORE sub-operations on the same association, a pending answer with the counters
 * after each. The next object is prepared while the one before is on its way.
 */
export async function serveGet(service: Service, get: NonNullable<ScpHandlers['get']>): Promise<void> {
  const { exchange, request, context } = service;
  const wanted = readIdentifier(request, GET_MODELS);
  const accepts = (sopClassUid: string, transferSyntaxUid: string) =>
    exchange.findContext(sopClassUid, transferSyntaxUid) !== undefined;
  const { count, instances } = await get({ ...context, ...wanted, accepts });
  const operation = new SubOperations(service, count);
  const iterator = instances[Symbol.asyncIterator]();
  const cancelled = untilAborted(context.signal);
  let previous: Promise<void> = Promise.resolve();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), cancelled.promise]);
      if (next === undefined || context.signal.aborted || next.done) break;
      const current = operation.perform(next.value);
      current.catch(() => undefined);
      await previous;
      previous = current;
    }
    await previous;
    await operation.end(context.signal.aborted);
  } finally {
    cancelled.stop();
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** Sub-operations of one C-GET and their counters. */
class SubOperations {
  readonly #service: Service;
  #remaining: number;
  #completed = 0;
  #warning = 0;
  readonly #failed: string[] = [];

  constructor(service: Service, count: number) {
    this.#service = service;
    this.#remaining = count;
  }

  /** Sends one object. Throws only when the association is over. */
  async perform(instance: DicomInstance): Promise<void> {
    const { exchange } = this.#service;
    const category = await this.#send(instance);
    if (category === 'success') this.#completed += 1;
    else if (category === 'warning') this.#warning += 1;
    else this.#failed.push(instance.sopInstanceUid);
    this.#remaining = Math.max(0, this.#remaining - 1);
    if (this.#remaining > 0 && !this.#service.context.signal.aborted) {
      await exchange.respond(this.#service.request, this.#counters(Status.pending));
    }
  }

  async #send(instance: DicomInstance): Promise<string> {
    const { exchange } = this.#service;
    if (!exchange.findContext(instance.sopClassUid, instance.transferSyntaxUid)) {
      // It has one reader, who is not coming.
      await instance.dataset[Symbol.asyncIterator]().return?.();
      return 'failure';
    }
    try {
      const { status = 0 } = await sendStore(exchange, instance);
      return statusCategory(status, 'storage');
    } catch (error) {
      if (exchange.over) throw error;
      return 'failure';
    }
  }

  /** The final answer (PS3.4 §C.4.3.1.4), with the list of what failed. */
  async end(cancelled: boolean): Promise<void> {
    const { exchange, request } = this.#service;
    const failures =
      this.#failed.length === 0
        ? undefined
        : encodeDataset(attributesFrom({ FailedSOPInstanceUIDList: this.#failed }), {
            transferSyntaxUid: request.context.transferSyntax,
          });
    await exchange.respond(request, this.#counters(this.#finalStatus(cancelled)), failures);
  }

  #finalStatus(cancelled: boolean): number {
    if (cancelled) return Status.cancel;
    if (this.#failed.length > 0 && this.#completed + this.#warning === 0) {
      return Status.unableToPerformSubOperations;
    }
    return this.#failed.length + this.#warning > 0 ? Status.subOperationsWarning : Status.success;
  }

  /** The number of remaining sub-operations belongs to pending and cancelled answers only (PS3.7 §9.1.3.1.6). */
  #counters(status: number) {
    const unfinished = statusCategory(status) === 'pending' || status === Status.cancel;
    return {
      status,
      ...(unfinished && { numberOfRemainingSuboperations: this.#remaining }),
      numberOfCompletedSuboperations: this.#completed,
      numberOfFailedSuboperations: this.#failed.length,
      numberOfWarningSuboperations: this.#warning,
    };
  }
}
