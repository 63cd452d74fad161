import { readFile } from 'node:fs/promises';
import { isValidUid } from '@adit/core';
import type { DimseNode } from '@adit/dimse';
import { parseNode } from './place.ts';
import { UsageError } from './usage-error.ts';

/** A UID of the command line (PS3.5 §9.1). Throws `UsageError`. */
function uid(text: string): string {
  if (!isValidUid(text)) {
    throw new UsageError(`"${text}" is not a UID: it has digits and dots only, 64 characters at most.`);
  }
  return text;
}

/** Collects an option that may be given several times or with several values. */
export function uids(text: string, before: readonly string[] = []): string[] {
  return [...before, uid(text)];
}

export function texts(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A whole number within bounds. Throws `UsageError`. */
export function wholeNumber(name: string, minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new UsageError(`${name} takes a whole number from ${minimum} to ${maximum}, not "${text}".`);
    }
    return value;
  };
}

/** An AE title (PS3.5 §6.2). Throws `UsageError`. */
export function aeTitle(text: string): string {
  if (!/^(?=.*[^ ])[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text)) {
    throw new UsageError(`"${text}" is not an AE title: 1 to 16 characters of ASCII, no backslash.`);
  }
  return text;
}

/** Collects nodes given as `AET@host:port`. Throws `UsageError`. */
export function peers(text: string, before: readonly DimseNode[] = []): DimseNode[] {
  if (!/^[^@]+@[^@/?#]+:\d+$/.test(text)) {
    throw new UsageError(`"${text}" is not a peer: write AET@host:port.`);
  }
  return [...before, parseNode(`dicom://${text}`)];
}

/** Where nodes send to because of a C-MOVE. */
export interface ReceiverPlace {
  aeTitle: string;
  port: number;
}

/** Reads `AET:PORT`. Throws `UsageError`. */
export function receiverPlace(text: string): ReceiverPlace {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) throw new UsageError(`"${text}" is not a receiver: write AET:PORT.`);
  return { aeTitle: aeTitle(match[1]!), port };
}

/** `KEY=VALUE` of a query. */
export function queryKeys(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  if (key === '')
    throw new UsageError(
      `"${text}" is not a key: write Keyword=value, or Keyword alone to have it returned.`,
    );
  return { ...before, [key]: at < 0 ? '' : text.slice(at + 1) };
}

/** What stands for a patient (VR LO). Throws `UsageError`. */
export function pseudonym(text: string): string {
  if (!/^[^\\\p{Cc}*?^=]{1,64}$/u.test(text.trim())) {
    throw new UsageError(
      'A pseudonym has 1 to 64 characters, none of them a backslash, a control character or one of * ? ^ =',
    );
  }
  return text.trim();
}

/** The bytes of a key file exactly, 16 to 4096 of them. Throws `UsageError`. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const key = await readFile(path);
  if (key.length < 16 || key.length > 4096) {
    throw new UsageError(`The key file must hold 16 to 4096 bytes; it holds ${key.length}.`);
  }
  return key;
}

/** Longest password, in bytes. */
const MAXIMUM_PASSWORD = 1024;

/** A password from a file of its own; a line break at its end does not belong to it. Throws `UsageError`. */
export async function readPasswordFile(path: string): Promise<string> {
  const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  if (password === '' || Buffer.byteLength(password) > MAXIMUM_PASSWORD || /[\r\n\0]/.test(password)) {
    throw new UsageError(`The password file must hold one line of 1 to ${MAXIMUM_PASSWORD} bytes.`);
  }
  return password;
}

/** Headers from a file of lines `Name: value`. Throws `UsageError`. */
export async function readHeaderFile(path: string): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*?)\s*$/.exec(line);
    if (!match)
      throw new UsageError(`Line ${index + 1} of the header file is not of the form "Name: value".`);
    headers[match[1]!] = match[2]!;
  }
  return headers;
}
