import type { DicomInstance } from '@adit/core';
import { sendStore } from '../c-store.ts';
import { type StatusCategory, statusCategory } from '../status.ts';
import { GET_MODELS } from './acceptance.ts';
import { Cancellation } from './cancellation.ts';
import type { ScpHandlers } from './handlers.ts';
import { readIdentifier } from './identifier.ts';
import type { Service } from './serve.ts';
import { discard, SubOperations } from './sub-operations.ts';

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
  const perform = async (instance: DicomInstance) =>
    operation.ended(instance.sopInstanceUid, await send(service, instance));
  const iterator = instances[Symbol.asyncIterator]();
  const cancellation = new Cancellation(context.signal);
  let previous: Promise<void> = Promise.resolve();
  try {
    for (;;) {
      const next = await cancellation.before(iterator.next());
      if (next === undefined || context.signal.aborted || next.done) break;
      const current = perform(next.value);
      current.catch(() => undefined);
      await previous;
      previous = current;
    }
    await previous;
    await operation.end(context.signal.aborted ? 'cancelled' : undefined);
  } finally {
    cancellation.stop();
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** Sends one object over the association. Throws only when that is over. */
async function send({ exchange }: Service, instance: DicomInstance): Promise<StatusCategory> {
  if (!exchange.findContext(instance.sopClassUid, instance.transferSyntaxUid)) {
    await discard(instance);
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
