import { randomUUID } from 'node:crypto';
import { createReceiver, type Receiver } from '@adit/dimse';
import { announce } from '../db/presence.ts';
import { addressesOfThisMachine } from '../nodes/registration.ts';
import { startHandOver } from '../receiver/hand-over-server.ts';
import { deleteDeadReceivers, insertReceiver, type PresentReceiver } from '../receiver/store.ts';
import type { RoleContext } from './context.ts';

export interface RunningReceiver extends AsyncDisposable {
  readonly receiver: Receiver;
  /** Its name among the receivers that are present. */
  readonly process: string;
}

/**
 * The receiver: listens for what nodes send because of a C-MOVE of ours, hands it to tasks of this process and, where
 * processes share the database, of others. Only nodes that are known, by their AE title, may call; what nobody waits for is
 * refused.
 *
 * Throws `DimseError` `LISTEN`, and what listening throws, where a port cannot be had.
 */
export async function startReceiver(context: RoleContext): Promise<RunningReceiver> {
  const { config, nodes, db, pool, secrets, logger } = context;
  await using started = new AsyncDisposableStack();
  const receiver = started.use(
    await createReceiver({
      aeTitle: config.aeTitle,
      host: config.receiverHost,
      port: config.receiverPort,
      allow: ({ callingAeTitle }) => nodes.knowsAeTitle(callingAeTitle),
      // Titles of strangers, and what they do, are for the log alone.
      onError: (err, { callingAeTitle, remoteAddress }) =>
        logger.warn({ err, callingAeTitle, remoteAddress }, 'trouble with a node that sends'),
    }),
  );
  const process = randomUUID();
  let handOver: PresentReceiver['handOver'];
  if (config.handOver) {
    const { host, port, address } = config.handOver;
    const server = started.use(await startHandOver({ receiver, host, port, secrets, logger }));
    handOver = { host: address, port: server.port };
  }
  const present: PresentReceiver = {
    process,
    aeTitle: receiver.aeTitle,
    port: receiver.port,
    addresses: addressesOfThisMachine(),
    handOver,
  };
  await deleteDeadReceivers(db);
  started.use(
    await announce({
      pool,
      logger,
      kind: 'receiver',
      insert: (connection) => insertReceiver(connection, present),
    }),
  );
  logger.info({ port: receiver.port, handOver }, 'receiver is listening');
  const running = started.move();
  return { receiver, process, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
