import { once } from 'node:events';
import { connect } from 'node:tls';
import { DicomError, type DicomInstance } from '@adit/core';
import { type Claim, Status } from '@adit/dimse';
import { ServerError } from '../errors.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { brokenOff, Frame, type HandOverChannel, openChannel } from './hand-over-channel.ts';
import { decode, encode, errorMessage, nextOf, objectMessage } from './hand-over-messages.ts';
import { handOverClientTls, isWrongKey } from './hand-over-tls.ts';

/** A claim at a receiver of another process. Disposing ends it. */
export interface RemoteClaim extends Disposable {
  /** Aborted when it has ended, whoever ended it. */
  readonly ended: AbortSignal;
}

/**
 * Claims objects of a receiver in another process. Undefined where another task has the Message ID.
 *
 * @throws ServerError `HAND_OVER` when the receiver cannot be reached, has another secret key, or does not answer.
 */
export async function claimRemotely(
  address: { host: string; port: number },
  claim: Claim,
  secrets: Secrets,
): Promise<RemoteClaim | undefined> {
  const channel = openChannel(await connectTo(address, secrets));
  const { take, ...what } = claim;
  try {
    await channel.send(Frame.claim, encode(what));
    const answer = await nextOf(channel, Frame.claimed);
    if (!answer) throw brokenOff();
    if (answer.payload[0] !== 1) {
      channel.close();
      return undefined;
    }
  } catch (error) {
    channel.close();
    throw error;
  }
  void receiveObjects(channel, take)
    // How an object ended is told to who reads it.
    .catch(() => {})
    .finally(() => channel.close());
  return { ended: channel.closed, [Symbol.dispose]: () => channel.close() };
}

async function connectTo({ host, port }: { host: string; port: number }, secrets: Secrets) {
  const socket = connect({ host, port, ...handOverClientTls(secrets) });
  socket.on('timeout', () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'secureConnect');
  } catch (cause) {
    socket.destroy();
    const reason = isWrongKey(cause)
      ? 'does not have the same secret key: give all processes the same ADIT_SECRET_KEY'
      : `cannot be reached (${reasonOf(cause)}): see ADIT_HANDOVER_HOST and ADIT_HANDOVER_ADDRESS there`;
    throw new ServerError('HAND_OVER', `The receiver at ${host}:${port} ${reason}.`, {
      cause,
      retryable: true,
    });
  }
  socket.setTimeout(0);
  return socket;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Gives objects to the task, one after the other, and its answers to the receiver. Ends when the connection does. */
async function receiveObjects(channel: HandOverChannel, take: Claim['take']): Promise<void> {
  for (;;) {
    const frame = await nextOf(channel, Frame.object);
    if (!frame) return;
    const dataset = new IncomingData(channel);
    const object: DicomInstance = { ...decode(objectMessage, frame.payload), dataset };
    const status = await take(object, channel.closed).catch(() => Status.unableToProcess);
    const answer = Buffer.alloc(2);
    answer.writeUInt16BE(status);
    await channel.send(Frame.answer, answer);
    await dataset.skip();
  }
}

/** The data set of the object that is coming in. */
class IncomingData implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #channel: HandOverChannel;
  /** The frame that is asked for. */
  #asked: Promise<IteratorResult<Uint8Array, undefined>> | undefined;
  #ended = false;

  constructor(channel: HandOverChannel) {
    this.#channel = channel;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#asked = this.#next();
    return this.#asked;
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#ended) return { done: true, value: undefined };
    const frame = await this.#channel.next();
    if (frame?.type === Frame.data) return { done: false, value: frame.payload };
    this.#ended = true;
    if (frame?.type !== Frame.end) throw brokenOff();
    if (frame.payload.length === 0) return { done: true, value: undefined };
    const { code, message, retryable } = decode(errorMessage, frame.payload);
    throw new DicomError(code, message, { retryable });
  }

  /** Throws away what its reader has left. */
  async skip(): Promise<void> {
    await this.#asked?.catch(() => {});
    while (!this.#ended) await this.#next().catch(() => {});
  }
}
