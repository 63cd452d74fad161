import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writePrivateFile } from './private-file.ts';

const FILE = 'first-login.json';
/** No letters and digits that look alike. */
const PASSWORD_ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const PASSWORD_LENGTH = 20; // 56 characters to choose from: 116 bits

const firstLogin = z.object({ url: z.string(), username: z.string(), password: z.string() });

/** The administrator made on the first start. */
export type FirstLogin = z.infer<typeof firstLogin>;

/** Path of the file that holds the first login. */
export function firstLoginPath(dataDirectory: string): string {
  return join(dataDirectory, FILE);
}

/** The first login as kept in the data directory; undefined when there is none. */
export async function readFirstLogin(dataDirectory: string): Promise<FirstLogin | undefined> {
  try {
    return firstLogin.parse(JSON.parse(await readFile(firstLoginPath(dataDirectory), 'utf8')));
  } catch {
    // Missing, or not as we write it: it is a note to people, which nothing depends on.
    return undefined;
  }
}

/** Keeps the first login in the data directory, mode 0600. */
export async function writeFirstLogin(dataDirectory: string, login: FirstLogin): Promise<void> {
  await writePrivateFile(firstLoginPath(dataDirectory), `${JSON.stringify(login, null, 2)}\n`);
}

/**
 * Name and password for the administrator of a database without users.
 *
 * They are kept before the user is, so that a crash between the two locks nobody out: the next start takes the same ones.
 */
export async function prepareFirstLogin(dataDirectory: string): Promise<FirstLogin> {
  const kept = await readFirstLogin(dataDirectory);
  if (kept) return kept;
  const login = { url: '', username: 'admin', password: generatePassword() };
  await writeFirstLogin(dataDirectory, login);
  return login;
}

/**
 * The first login with the server's present address.
 *
 * @param check throws when its password does not hold any more
 */
export async function currentFirstLogin(
  dataDirectory: string,
  url: string,
  check: (login: FirstLogin) => Promise<unknown>,
): Promise<FirstLogin | undefined> {
  const kept = await readFirstLogin(dataDirectory);
  if (!kept) return undefined;
  const login = { ...kept, url };
  if (kept.url !== url) await writeFirstLogin(dataDirectory, login);
  try {
    await check(login);
    return login;
  } catch {
    return undefined; // It was changed.
  }
}

function generatePassword(): string {
  return Array.from(
    { length: PASSWORD_LENGTH },
    () => PASSWORD_ALPHABET[randomInt(PASSWORD_ALPHABET.length)],
  ).join('');
}
