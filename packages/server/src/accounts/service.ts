import type { User } from '@adit/client';
import type { Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import type { Actor } from './authorize.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { deleteSessionsOf, findUser, findUserByName, hasUsers, insertUser, updatePassword } from './store.ts';

export interface NewUser {
  username: string;
  password: string;
  /** Default: the username. */
  name?: string;
  /** Default: false. */
  administrator?: boolean;
}

/** Creates a user and returns the id. Throws `NAME_TAKEN`. */
export async function createUser(db: Kysely<Schema>, user: NewUser): Promise<string> {
  if (await findUserByName(db, user.username)) {
    throw new ServerError('NAME_TAKEN', `There is a user ${user.username} already: choose another name.`);
  }
  return insertUser(db, {
    username: user.username,
    name: user.name ?? user.username,
    passwordHash: await hashPassword(user.password),
    administrator: user.administrator ?? false,
  });
}

/** Sets a new password and ends every session of the user. Throws `NOT_FOUND`. */
export async function setPassword(db: Kysely<Schema>, username: string, password: string): Promise<void> {
  const user = await findUserByName(db, username);
  if (!user) throw new ServerError('NOT_FOUND', `There is no user ${username}.`);
  await updatePassword(db, user.id, await hashPassword(password));
  await deleteSessionsOf(db, user.id);
}

/**
 * Creates the first administrator in a database without users.
 *
 * `prepare` is asked for name and password only then. Returns them, or undefined when there are users already. Of several
 * processes that start at once, one creates the user.
 */
export async function ensureFirstUser<T extends { username: string; password: string }>(
  db: Kysely<Schema>,
  prepare: () => Promise<T>,
): Promise<T | undefined> {
  if (await hasUsers(db)) return undefined;
  const login = await prepare();
  try {
    await createUser(db, { ...login, name: 'Administrator', administrator: true });
  } catch (error) {
    // Another process was quicker.
    if (await hasUsers(db)) return undefined;
    throw error;
  }
  return login;
}

/** A hash of no password that is in use: checking it takes as long as checking that of a user. */
let decoy: Promise<string> | undefined;

/** The user with this name and password. Throws `WRONG_CREDENTIALS`, after the same time whether or not the name exists. */
export async function checkCredentials(
  db: Kysely<Schema>,
  credentials: { username: string; password: string },
): Promise<Actor> {
  const user = await findUserByName(db, credentials.username);
  decoy ??= hashPassword('');
  const right = await verifyPassword(credentials.password, user?.passwordHash ?? (await decoy));
  if (!user || !right) {
    throw new ServerError('WRONG_CREDENTIALS', 'User name or password are wrong.');
  }
  return toActor(user);
}

/** The user as one who acts; undefined when there is no such user or it was disabled. */
export async function findActor(db: Kysely<Schema>, userId: string): Promise<Actor | undefined> {
  const user = await findUser(db, userId);
  return user && toActor(user);
}

function toActor({ id, username, name, administrator }: Omit<Actor, 'userId'> & { id: string }): Actor {
  return { userId: id, username, name, administrator };
}

/** What is given out of a user. */
export function toUser({ username, name, administrator }: Actor): User {
  return { username, name, administrator };
}
