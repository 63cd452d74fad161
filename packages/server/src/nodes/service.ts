import { isAbsolute, relative, resolve } from 'node:path';
import type { contract, Node } from '@adit/client';
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Schema, StoredNodeSettings } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import { InvalidRequestError } from '../http/invalid-request-error.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { deleteNode, insertNode, type StoredNode, selectNode, selectNodes, updateNode } from './store.ts';

/** What an administrator says of a node, defaults filled in. */
export type NodeInput = z.output<typeof contract.createNode.body>;

export interface NodeService {
  list(): Promise<Node[]>;
  create(input: NodeInput): Promise<Node>;
  update(id: string, input: NodeInput): Promise<Node>;
  remove(id: string): Promise<void>;
  /** Throws `NOT_FOUND`. */
  get(id: string): Promise<StoredNode>;
  /** Is this the AE title of a node? */
  knowsAeTitle(aeTitle: string): Promise<boolean>;
  /** A node that may be searched and transferred from. Throws `NOT_FOUND` and `INVALID_REQUEST`. */
  getSource(id: string): Promise<StoredNode>;
}

export function createNodeService(options: {
  db: Kysely<Schema>;
  secrets: Secrets;
  /** Of this server: nothing is transferred into it. */
  dataDirectory: string;
}): NodeService {
  const { db, secrets } = options;

  async function get(id: string): Promise<StoredNode> {
    const node = await selectNode(db, id);
    if (!node) throw new ServerError('NOT_FOUND', 'There is no such node: it may have been removed.');
    return node;
  }

  function check(input: NodeInput): void {
    if (input.kind === 'dimse') checkWays(input);
    if (input.kind !== 'folder') return;
    if (!isAbsolute(input.path)) {
      throw new InvalidRequestError('The path of a folder must be absolute.', { path: 'must be absolute' });
    }
    const inside = relative(options.dataDirectory, resolve(input.path));
    if (inside === '' || !(inside.startsWith('..') || isAbsolute(inside))) {
      throw new InvalidRequestError("A folder must not lie in ADIT's own data directory: choose another.", {
        path: "must not lie in ADIT's own data directory",
      });
    }
  }

  return {
    get,

    async getSource(id) {
      const node = await get(id);
      if (!node.source) {
        throw new InvalidRequestError(`${node.name} is not a source: choose another node.`);
      }
      return node;
    },

    async knowsAeTitle(aeTitle) {
      const nodes = await selectNodes(db);
      return nodes.some(
        ({ settings }) => settings.kind === 'dimse' && settings.aeTitle.trim() === aeTitle.trim(),
      );
    },

    async list() {
      return (await selectNodes(db)).map(toNode);
    },

    async create(input) {
      check(input);
      return db.transaction().execute(async (transaction) => {
        const { name, source, destination } = input;
        const node = { name, source, destination, settings: settingsOf(input) };
        const id = await insertNode(transaction, node);
        const stored: StoredNode = { ...node, id, authorization: sealed(secrets, id, input) ?? null };
        if (stored.authorization !== null) await updateNode(transaction, stored);
        return toNode(stored);
      });
    },

    async update(id, input) {
      check(input);
      const known = await get(id);
      if (known.settings.kind !== input.kind) {
        throw new InvalidRequestError('A node keeps its kind: add another node instead.', {
          kind: `must be ${known.settings.kind}`,
        });
      }
      keepsSecretAtHome(known, input);
      const node: StoredNode = {
        id,
        name: input.name,
        source: input.source,
        destination: input.destination,
        settings: settingsOf(input),
        authorization: sealed(secrets, id, input, known.authorization),
      };
      await updateNode(db, node);
      return toNode(node);
    },

    async remove(id) {
      if (!(await deleteNode(db, id))) await get(id);
    },
  };
}

/** The plain Authorization header of a node, if it has one. */
export function authorizationOf(node: StoredNode, secrets: Secrets): string | undefined {
  return node.authorization === null ? undefined : secrets.open(node.authorization, secretContext(node.id));
}

/** What is of a DICOMweb service is of no use without one. */
function checkWays({ dicomWebUrl, retrieve, authorization }: Extract<NodeInput, { kind: 'dimse' }>): void {
  if (dicomWebUrl !== undefined) return;
  if (retrieve?.includes('wado-rs')) {
    throw new InvalidRequestError('To fetch by WADO-RS, ADIT needs the root of the DICOMweb service.', {
      dicomWebUrl: 'must be given to fetch by WADO-RS',
    });
  }
  if (authorization) {
    throw new InvalidRequestError('An authorization is of no use without a DICOMweb service.', {
      dicomWebUrl: 'must be given with an authorization',
    });
  }
}

/** The root of the DICOMweb service of a node, if it has one. */
function webUrlOf(settings: NodeInput | StoredNodeSettings): string | undefined {
  switch (settings.kind) {
    case 'dimse':
      return settings.dicomWebUrl;
    case 'dicomweb':
      return settings.url;
    case 'folder':
      return undefined;
  }
}

/** A secret left unchanged must not go to another server because the address was changed. */
function keepsSecretAtHome(known: StoredNode, input: NodeInput): void {
  const [before, after] = [webUrlOf(known.settings), webUrlOf(input)];
  if (input.kind === 'folder' || before === undefined || after === undefined) return;
  if (known.authorization === null || input.authorization !== undefined) return;
  if (new URL(before).origin === new URL(after).origin) return;
  throw new InvalidRequestError('The address is another one now: enter the authorization again.', {
    authorization: 'must be given again, or be empty',
  });
}

function sealed(secrets: Secrets, id: string, input: NodeInput, known: string | null = null): string | null {
  if (input.kind === 'folder' || webUrlOf(input) === undefined) return null;
  if (input.authorization === undefined) return known;
  return input.authorization === '' ? null : secrets.seal(input.authorization, secretContext(id));
}

function secretContext(id: string): string {
  return `node:${id}:authorization`;
}

function settingsOf(input: NodeInput): StoredNodeSettings {
  switch (input.kind) {
    case 'dimse': {
      const { kind, aeTitle, host, port, maxAssociations, dicomWebUrl, retrieve, maxTasks } = input;
      return { kind, aeTitle, host, port, maxAssociations, dicomWebUrl, retrieve, maxTasks };
    }
    case 'dicomweb': {
      const { kind, url, maxTasks } = input;
      return { kind, url, maxTasks };
    }
    case 'folder':
      return { kind: input.kind, path: input.path };
  }
}

function toNode({ id, name, source, destination, settings, authorization }: StoredNode): Node {
  switch (settings.kind) {
    case 'dimse':
      return { id, name, source, destination, ...settings, hasAuthorization: authorization !== null };
    case 'dicomweb':
      return { id, name, source, destination, ...settings, hasAuthorization: authorization !== null };
    case 'folder':
      return { id, name, source: false, destination, ...settings };
  }
}
