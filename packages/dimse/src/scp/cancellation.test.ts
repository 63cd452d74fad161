import { expect, test } from 'vitest';
import { Cancellation } from './cancellation.ts';

const never = new Promise<string>(() => undefined);

test('gives what a promise gives before the signal is aborted', async () => {
  const cancellation = new Cancellation(new AbortController().signal);
  expect(await cancellation.before(Promise.resolve('match'))).toBe('match');
  await expect(cancellation.before(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});

test('ends all waits when the signal is aborted', async () => {
  const controller = new AbortController();
  const cancellation = new Cancellation(controller.signal);
  const late = Promise.withResolvers<string>();
  const waits = Promise.all([cancellation.before(never), cancellation.before(late.promise)]);
  controller.abort();
  expect(await waits).toEqual([undefined, undefined]);
  // What comes of them afterwards is nobody's business, not even as an unhandled rejection.
  late.reject(new Error('too late'));
});

test('does not wait at all once the signal is aborted', async () => {
  expect(await new Cancellation(AbortSignal.abort()).before(never)).toBeUndefined();
});

test('lets go of the signal', async () => {
  const controller = new AbortController();
  const cancellation = new Cancellation(controller.signal);
  const waiting = cancellation.before(never);
  cancellation.stop();
  controller.abort();
  expect(await Promise.race([waiting, Promise.resolve('still waiting')])).toBe('still waiting');
});
