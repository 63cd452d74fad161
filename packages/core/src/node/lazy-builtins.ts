import process from 'node:process';

/*
 * Modules of Node that are loaded when they are first needed: loading cryptography takes as long as sending some dozen
 * images, and most programs that import this package write no archive.
 */

export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

export function nodeZlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
