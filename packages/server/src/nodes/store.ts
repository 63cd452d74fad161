import type { Kysely } from 'kysely';
import { isStillReferenced, isUniqueViolation } from '../db/constraint-errors.ts';
import type { Schema, StoredNodeSettings } from '../db/schema.ts';
import { ServerError } from '../errors.ts';

/** A node as it is kept. */
export interface StoredNode {
  id: string;
  name: string;
  source: boolean;
  destination: boolean;
  settings: StoredNodeSettings;
  /** Sealed. */
  authorization: string | null;
}

const COLUMNS = ['id', 'name', 'source', 'destination', 'settings', 'authorization'] as const;

export function selectNodes(db: Kysely<Schema>): Promise<StoredNode[]> {
  return db.selectFrom('nodes').select(COLUMNS).orderBy('name').execute();
}

export function selectNode(db: Kysely<Schema>, id: string): Promise<StoredNode | undefined> {
  return db.selectFrom('nodes').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

/** Returns the id. Throws `NAME_TAKEN`. */
export async function insertNode(
  db: Kysely<Schema>,
  node: Omit<StoredNode, 'id' | 'authorization'>,
): Promise<string> {
  const { id } = await db
    .insertInto('nodes')
    .values(toColumns(node))
    .returning('id')
    .executeTakeFirstOrThrow()
    .catch(nameTaken(node.name));
  return id;
}

/** Throws `NAME_TAKEN`. */
export async function updateNode(db: Kysely<Schema>, { id, ...node }: StoredNode): Promise<void> {
  await db
    .updateTable('nodes')
    .set({ ...toColumns(node), authorization: node.authorization })
    .where('id', '=', id)
    .execute()
    .catch(nameTaken(node.name));
}

/** Returns whether there was one. Throws `NODE_IN_USE`. */
export async function deleteNode(db: Kysely<Schema>, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('nodes')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      if (!isStillReferenced(error)) throw error;
      throw new ServerError(
        'NODE_IN_USE',
        'The node is part of a job, whose record needs it: switch off its roles instead of removing it.',
      );
    });
  return numDeletedRows > 0n;
}

function toColumns({ name, source, destination, settings }: Omit<StoredNode, 'id' | 'authorization'>) {
  return { name, source, destination, settings: JSON.stringify(settings) };
}

function nameTaken(name: string) {
  return (error: unknown): never => {
    if (!isUniqueViolation(error)) throw error;
    throw new ServerError('NAME_TAKEN', `There is a node ${name} already: choose another name.`);
  };
}
