import type { DicomInstance } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import { Status, type StatusCategory } from '../status.ts';
import { MOVE_MODELS } from './acceptance.ts';
import { Cancellation } from './cancellation.ts';
import type { MoveAnswer, ScpHandlers } from './handlers.ts';
import { readIdentifier } from './identifier.ts';
import { answer, type Service } from './serve.ts';
import { discard, SubOperations } from './sub-operations.ts';

/**
 * C-MOVE as SCP (PS3.7 §9.1.4): sends the objects the handler yields into its sink, as many at once as that takes, with a
 * pending answer after each. C-CANCEL lets those under way end and answers FE00.
 */
export async function serveMove(service: Service, move: NonNullable<ScpHandlers['move']>): Promise<void> {
  const { request, context } = service;
  const wanted = readIdentifier(request, MOVE_MODELS);
  const { moveDestination } = request.command;
  if (!moveDestination) return answer(service, { status: Status.moveDestinationUnknown });
  const { count, instances, sink } = await move({
    ...context,
    ...wanted,
    destination: moveDestination,
    messageId: request.messageId,
  });
  const operation = new SubOperations(service, count);
  const iterator = instances[Symbol.asyncIterator]();
  const cancellation = new Cancellation(context.signal);
  let unable = false;
  let drawn: Promise<unknown> = Promise.resolve();

  /** One after another: not every iterator can be asked for several objects at once. */
  function draw(): Promise<IteratorResult<DicomInstance>> {
    const next = drawn.then(() => iterator.next());
    drawn = next;
    return next;
  }

  /** Sends objects of the common list until it is empty. */
  async function work(): Promise<void> {
    for (;;) {
      const next = await cancellation.before(draw());
      if (next === undefined || context.signal.aborted || next.done) return;
      const instance = next.value;
      if (unable) {
        // Named in the list of failed instances, though never tried.
        await discard(instance);
        await operation.ended(instance.sopInstanceUid, 'failure');
        continue;
      }
      const { category, destinationLost } = await send(sink, instance);
      unable ||= destinationLost;
      await operation.ended(instance.sopInstanceUid, category);
    }
  }

  try {
    const workers = Array.from({ length: sink.concurrency ?? 1 }, work);
    // The final answer comes after all others, also when the handler fails.
    await Promise.allSettled(workers);
    await Promise.all(workers);
    await operation.end(context.signal.aborted ? 'cancelled' : unable ? 'unable' : undefined);
  } finally {
    cancellation.stop();
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
    await sink[Symbol.asyncDispose]?.();
  }
}

async function send(
  sink: MoveAnswer['sink'],
  instance: DicomInstance,
): Promise<{ category: StatusCategory; destinationLost: boolean }> {
  try {
    const { state } = await sink.store(instance);
    const category = state === 'failed' ? 'failure' : state === 'warning' ? 'warning' : 'success';
    return { category, destinationLost: false };
  } catch (error) {
    // What the object itself throws, a file that cannot be read for example, is its own trouble.
    return { category: 'failure', destinationLost: error instanceof DimseError };
  }
}
