import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, parseSecretKey } from '../config.ts';
import { ServerError } from '../errors.ts';
import { unusableDataDirectory } from './data-directory.ts';
import { writePrivateFile } from './private-file.ts';

const KEY_FILE = 'secret.key';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED_PREFIX = 'v1.';

/** Encrypts what rests in the database, and derives the keys other parts need. */
export interface Secrets {
  /**
   * Encrypts a text (AES-256-GCM).
   *
   * @param context Where it is kept, such as `node:12:authorization`: the text can be opened only with the same one, so
   * that an encrypted value moved to another row is noticed.
   * @returns ASCII text, different each time.
   */
  seal(text: string, context: string): string;
  /**
   * Decrypts what {@link seal} made.
   *
   * @throws ServerError `SECRET_UNREADABLE` when it was sealed with another key or context, or was changed.
   */
  open(sealed: string, context: string): string;
  /** 32 bytes for one purpose, such as signing session cookies: the same for the same key and purpose (HKDF-SHA-256). */
  derive(purpose: string): Uint8Array;
}

/**
 * Secrets under a key of 32 bytes.
 */
export function createSecrets(key: Uint8Array): Secrets {
  function derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', key, '', `adit server: ${purpose}`, 32));
  }
  const sealingKey = derive('secrets at rest');

  return {
    derive,
    seal(text, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(context));
      const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return SEALED_PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), encrypted]).toString('base64url');
    },
    open(sealed, context) {
      try {
        if (!sealed.startsWith(SEALED_PREFIX)) throw new Error('not a sealed text');
        const bytes = Buffer.from(sealed.slice(SEALED_PREFIX.length), 'base64url');
        const nonce = bytes.subarray(0, NONCE_BYTES);
        const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', sealingKey, nonce, { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(context))
          .setAuthTag(tag);
        const encrypted = bytes.subarray(NONCE_BYTES + TAG_BYTES);
        return Buffer.concat([decipher.update(encrypted), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new ServerError(
          'SECRET_UNREADABLE',
          `The secret kept for ${context} cannot be read with this server's secret key: restore the former key or enter the secret again.`,
          { cause },
        );
      }
    },
  };
}

/**
 * Secrets of this server: under `ADIT_SECRET_KEY`, else under the key in the data directory's `secret.key` (mode 0600),
 * which is made on first use.
 *
 * @throws ServerError `SECRET_KEY` when that file holds something else, `DATA_DIRECTORY` when it cannot be read or written.
 */
export async function openSecrets({
  dataDirectory,
  secretKey,
}: Pick<Config, 'dataDirectory' | 'secretKey'>): Promise<Secrets> {
  return createSecrets(secretKey ?? (await keyFromFile(join(dataDirectory, KEY_FILE))));
}

async function keyFromFile(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    // Of two processes that start at once, both read the key of the first.
    await writePrivateFile(path, `${randomBytes(32).toString('base64')}\n`, { replace: false });
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw unusableDataDirectory(path, error);
  }
  const key = parseSecretKey(text);
  if (!key) {
    throw new ServerError(
      'SECRET_KEY',
      `The secret key file ${path} does not hold 32 bytes as base64: restore it from a backup; without it, the passwords of nodes must be entered again.`,
    );
  }
  return key;
}
