import { type Kysely, sql } from 'kysely';
import type { Schema } from '../db/schema.ts';

export interface UserRow {
  id: string;
  username: string;
  name: string;
  passwordHash: string;
  administrator: boolean;
}

const COLUMNS = ['id', 'username', 'name', 'password_hash as passwordHash', 'administrator'] as const;

/** A user who may act, by name without regard to case. */
export function findUserByName(db: Kysely<Schema>, username: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('users')
    .select(COLUMNS)
    .where(sql<string>`lower(username)`, '=', username.toLowerCase())
    .where('disabled_at', 'is', null)
    .executeTakeFirst();
}

/** A user who may act. */
export function findUser(db: Kysely<Schema>, id: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('users')
    .select(COLUMNS)
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst();
}

export async function hasUsers(db: Kysely<Schema>): Promise<boolean> {
  return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined;
}

export async function insertUser(db: Kysely<Schema>, user: Omit<UserRow, 'id'>): Promise<string> {
  const { id } = await db
    .insertInto('users')
    .values({
      username: user.username,
      name: user.name,
      password_hash: user.passwordHash,
      administrator: user.administrator,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function updatePassword(
  db: Kysely<Schema>,
  userId: string,
  passwordHash: string,
): Promise<void> {
  await db.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
}

/** Ends every session of a user. */
export async function deleteSessionsOf(db: Kysely<Schema>, userId: string): Promise<void> {
  await db.deleteFrom('sessions').where(sql`sess ->> 'userId'`, '=', userId).execute();
}

export async function sessionExists(db: Kysely<Schema>, sessionId: string): Promise<boolean> {
  const row = await db
    .selectFrom('sessions')
    .select('sid')
    .where('sid', '=', sessionId)
    .where('expire', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return row !== undefined;
}
