import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { Secrets } from '../runtime/secrets.ts';

/*
 * Both ends prove that they have the secret key of the installation: TLS 1.3 with a key of both (RFC 8446 §2.2), derived from
 * it, and a key exchange of its own for each connection (psk_dhe_ke), so that what was recorded stays closed when the secret
 * gets out. There are no certificates: without the key no handshake ends well.
 */

/** Names the key, and the version of what is spoken over the connection. */
const IDENTITY = 'adit hand-over 1';

// OpenSSL takes a key from outside for SHA-256 (RFC 8446 §4.2.11): this suite, which processors have instructions for.
const COMMON = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

/** Longest time for a handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT = 5_000;

export function handOverServerTls(secrets: Secrets): TlsOptions {
  const psk = secrets.derive('hand-over');
  return {
    ...COMMON,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    pskCallback: (_socket, identity) => (identity === IDENTITY ? psk : null),
  };
}

export function handOverClientTls(secrets: Secrets): ConnectionOptions {
  const psk = secrets.derive('hand-over');
  return {
    ...COMMON,
    timeout: HANDSHAKE_TIMEOUT,
    pskCallback: () => ({ identity: IDENTITY, psk }),
    // A server may ignore the key and show a certificate instead: whoever signed it is not trusted, and it is for nobody.
    ca: [],
    checkServerIdentity: () => new Error('The other end showed a certificate instead of the key.'),
  };
}

/** Did the handshake fail because the other end has another key, or none? */
export function isWrongKey(error: unknown): boolean {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  return /^ERR_SSL_(?!WRONG_VERSION_NUMBER)/.test(code);
}
