import process from 'node:process';

/*
 * Modules of Node that are loaded when they are first needed: loading TLS takes as long as sending some dozen images, and
 * most connections are plain TCP.
 */

export function nodeTls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls');
}

export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
