import * as crypto from 'node:crypto';
import { promisify } from 'node:util';
import { ServerError } from '../errors.ts';

/** OWASP's second choice of parameters for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` with unpadded base64, as the reference implementation writes it. */
const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{16,})$/;

/** Hashes a password with argon2id and a fresh salt, as a PHC string. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, { ...PARAMETERS, tagLength: HASH_BYTES });
  const { memory, passes, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

/** Whether a password is the one that was hashed. False as well for a hash that is none. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const parts = PHC.exec(phc);
  if (!parts) return false;
  const [, memory, passes, parallelism, salt, hash] = parts as unknown as [string, ...string[]];
  const expected = Buffer.from(hash as string, 'base64');
  const actual = await derive(password, Buffer.from(salt as string, 'base64'), {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  });
  return crypto.timingSafeEqual(actual, expected);
}

async function derive(
  password: string,
  nonce: Buffer,
  parameters: { memory: number; passes: number; parallelism: number; tagLength: number },
): Promise<Buffer> {
  if (!('argon2' in crypto)) {
    throw new ServerError(
      'NODE_TOO_OLD',
      `Passwords need Node.js 24.7 or later, this is ${process.version}: start ADIT with a newer Node.js.`,
    );
  }
  // The same password typed on another keyboard may be composed differently (RFC 8265 §4.2.2).
  const message = password.normalize('NFC');
  return promisify(crypto.argon2)('argon2id', { message, nonce, ...parameters });
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
