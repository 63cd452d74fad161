import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { DicomError, type DicomInstance } from '@adit/core';
import { type Claim, type Receiver, Status } from '@adit/dimse';
import type { Logger } from 'pino';
import { ServerError } from '../errors.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { Frame, type HandOverChannel, openChannel } from './hand-over-channel.ts';
import { claimMessage, decode, encode, nextOf } from './hand-over-messages.ts';
import { handOverServerTls } from './hand-over-tls.ts';

/** Longest time from a connection to its claim, in milliseconds. */
const CLAIM_TIMEOUT = 10_000;
/** Each waiting task of another process has one. */
const MAX_CONNECTIONS = 1_024;

export interface HandOverServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Hands the objects of a receiver to tasks in other processes, which connect and claim them. Whoever does not have the
 * secret key is not let in. A task whose connection ends claims nothing any more; what it had not taken is refused.
 *
 * @throws ServerError `LISTEN` when the port cannot be had.
 */
export async function startHandOver(options: {
  receiver: Pick<Receiver, 'claim'>;
  host: string;
  port: number;
  secrets: Secrets;
  logger: Logger;
}): Promise<HandOverServer> {
  const { receiver, secrets, logger } = options;
  const server = createServer(handOverServerTls(secrets), (socket) => {
    const channel = openChannel(socket);
    serveTask(channel, receiver)
      .catch((err: unknown) => logger.warn({ err }, 'a task that waited in another process was lost'))
      .finally(() => channel.close());
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Before their handshake, too.
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (err, socket) => {
    const { remoteAddress } = socket;
    // Node leaves one open whose handshake took too long.
    socket.destroy();
    logger.warn(
      { err, remoteAddress },
      'a connection for handing over was refused: the other end did not prove that it has our ADIT_SECRET_KEY',
    );
  });
  const { host, port } = options;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ServerError(
      'LISTEN',
      `Nothing can be handed over at ${host}:${port} (${(cause as NodeJS.ErrnoException).code}): choose another place with ADIT_HANDOVER_HOST and ADIT_HANDOVER_PORT.`,
      { cause },
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Resolves when the task has ended its connection. */
async function serveTask(channel: HandOverChannel, receiver: Pick<Receiver, 'claim'>): Promise<void> {
  const impatience = setTimeout(() => channel.close(), CLAIM_TIMEOUT);
  const first = await nextOf(channel, Frame.claim).finally(() => clearTimeout(impatience));
  if (!first) return;
  const objects = new ObjectSender(channel);
  using claimed = receiver.claim({
    ...decode(claimMessage, first.payload),
    take: (object, signal) => objects.send(object, signal),
  });
  await channel.send(Frame.claimed, Uint8Array.of(claimed ? 1 : 0));
  if (!claimed) return;
  try {
    for (;;) {
      const frame = await nextOf(channel, Frame.answer);
      if (!frame) return;
      objects.answer(frame.payload.readUInt16BE(0));
    }
  } finally {
    objects.end();
  }
}

/** Sends objects one after the other, each as fast as the task takes it, and knows the answers. */
class ObjectSender {
  readonly #channel: HandOverChannel;
  /** Of the objects that have no answer yet, the oldest first. */
  readonly #unanswered: PromiseWithResolvers<number>[] = [];
  #turn: Promise<void> = Promise.resolve();
  #over = false;

  constructor(channel: HandOverChannel) {
    this.#channel = channel;
  }

  /** See `Claim.take`. */
  readonly send: Claim['take'] = async (object, signal) => {
    const before = this.#turn;
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    await before;
    try {
      if (this.#over || signal.aborted) return Status.outOfResources;
      const answer = Promise.withResolvers<number>();
      this.#unanswered.push(answer);
      await this.#sendObject(object, answer.promise);
      turn.resolve();
      return await answer.promise;
    } catch {
      // The connection is closed.
      return Status.outOfResources;
    } finally {
      turn.resolve();
    }
  };

  async #sendObject(object: DicomInstance, answer: Promise<number>): Promise<void> {
    const channel = this.#channel;
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = object;
    await channel.send(Frame.object, encode({ sopClassUid, sopInstanceUid, transferSyntaxUid }));
    const dataset = object.dataset[Symbol.asyncIterator]();
    let answered = false;
    void answer.then(() => {
      answered = true;
      // The task wants no more of it, or is no more.
      return dataset.return?.();
    });
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await dataset.next();
      } catch (error) {
        await channel.send(Frame.end, encode(describe(error)));
        return;
      }
      if (next.done || answered) break;
      await channel.send(Frame.data, next.value);
    }
    await channel.send(Frame.end);
  }

  answer(status: number): void {
    this.#unanswered.shift()?.resolve(status);
  }

  /** Refuses what has no answer. */
  end(): void {
    this.#over = true;
    for (const answer of this.#unanswered.splice(0)) answer.resolve(Status.outOfResources);
  }
}

function describe(error: unknown) {
  const known = error instanceof DicomError ? error : undefined;
  return {
    code: known?.code ?? 'UNEXPECTED',
    message: known?.message ?? 'Something unexpected went wrong; the log of ADIT says more.',
    retryable: known?.retryable ?? true,
  };
}
