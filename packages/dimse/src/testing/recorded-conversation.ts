import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { DimseNode } from '../node.ts';

/** What went over a connection, in the order it was seen. */
export type Conversation = { from: 'client' | 'server'; bytes: Buffer }[];

/** Stands between a client and a node, and writes down what they say to each other, one conversation a connection. */
export async function recordConversations(
  node: DimseNode,
): Promise<{ node: DimseNode; conversations: Conversation[] } & AsyncDisposable> {
  const conversations: Conversation[] = [];
  const server = createServer({ noDelay: true }, (client) => {
    const conversation: Conversation = [];
    conversations.push(conversation);
    const upstream = connect({ host: node.host, port: node.port, noDelay: true });
    const note = (from: 'client' | 'server', bytes: Buffer) => {
      const last = conversation.at(-1);
      if (last?.from === from) last.bytes = Buffer.concat([last.bytes, bytes]);
      else conversation.push({ from, bytes });
    };
    client.on('data', (bytes) => {
      note('client', bytes);
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      note('server', bytes);
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.end());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    node: { ...node, host: '127.0.0.1', port },
    conversations,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}
