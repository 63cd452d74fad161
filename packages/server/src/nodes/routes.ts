import type { Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import type { ApiHandlers } from '../http/api-handler.ts';
import { selectReceivers } from '../receiver/store.ts';
import { echoNode } from './echo.ts';
import type { OpenOptions } from './open-node.ts';
import { describeRegistration } from './registration.ts';
import type { NodeService } from './service.ts';

export function nodeRoutes(options: {
  db: Kysely<Schema>;
  nodes: NodeService;
  open: OpenOptions;
  /** Of the configuration. */
  receiverPort: number;
}): ApiHandlers<'listNodes' | 'createNode' | 'updateNode' | 'deleteNode' | 'echoNode' | 'registration'> {
  const { db, nodes, open, receiverPort } = options;
  const aeTitle = open.callingAeTitle;
  return {
    listNodes: () => nodes.list(),
    createNode: ({ body }) => nodes.create(body),
    updateNode: ({ params, body }) => nodes.update(params.nodeId, body),
    deleteNode: ({ params }) => nodes.remove(params.nodeId),
    echoNode: async ({ params, signal }) => echoNode(await nodes.get(params.nodeId), { ...open, signal }),
    registration: async () =>
      describeRegistration({ aeTitle, receiverPort }, await selectReceivers(db, aeTitle)),
  };
}
