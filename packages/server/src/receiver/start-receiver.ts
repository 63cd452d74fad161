import { createReceiver, DimseError, type Receiver } from '@adit/dimse';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { NodeService } from '../nodes/service.ts';

/**
 * Listens for what nodes send because of a C-MOVE of ours. Only nodes that are known, by their AE title, may call; what nobody
 * waits for is refused.
 *
 * Returns undefined where the port cannot be had: everything else works without a receiver, so the log says why, and whoever
 * needs it is told.
 */
export async function startReceiver(options: {
  config: Pick<Config, 'aeTitle' | 'receiverHost' | 'receiverPort'>;
  nodes: Pick<NodeService, 'knowsAeTitle'>;
  logger: Logger;
}): Promise<Receiver | undefined> {
  const { config, nodes, logger } = options;
  const { aeTitle, receiverHost: host, receiverPort: port } = config;
  try {
    const receiver = await createReceiver({
      aeTitle,
      host,
      port,
      allow: ({ callingAeTitle }) => nodes.knowsAeTitle(callingAeTitle),
      // Titles of strangers, and what they do, are for the log alone.
      onError: (err, { callingAeTitle, remoteAddress }) =>
        logger.warn({ err, callingAeTitle, remoteAddress }, 'trouble with a node that sends'),
    });
    logger.info({ port: receiver.port }, 'receiver is listening');
    return receiver;
  } catch (error) {
    if (!(error instanceof DimseError)) throw error;
    logger.warn({ err: error, port }, 'nothing can be received: nodes cannot send by C-MOVE');
    return undefined;
  }
}
