import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DicomError } from '@adit/core';
import { openDataDirectory } from '../runtime/data-directory.ts';
import { writePrivateFile } from '../runtime/private-file.ts';

/** URLs of nodes by the names that `adit node add` gave them. */
export type SavedNodes = Readonly<Record<string, string>>;

/** Whether a text may name a node: no path with a folder in it and no URL can look like that. */
export function isNodeName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,63}$/.test(text);
}

/**
 * Every saved node. Throws `DicomError` `SAVED_NODES` when the file that holds them is damaged.
 *
 * Read at once and not by way of the configuration: it stands between the start of a command and its work.
 */
export function readSavedNodes(): SavedNodes {
  let text: string;
  try {
    text = readFileSync(file(), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {};
    throw error;
  }
  try {
    const nodes: unknown = JSON.parse(text);
    const isObject = typeof nodes === 'object' && nodes !== null && !Array.isArray(nodes);
    if (isObject && Object.values(nodes).every(isUrl)) return nodes as SavedNodes;
  } catch {
    // Said below.
  }
  throw new DicomError(
    'SAVED_NODES',
    `${file()} must hold a JSON object of names and URLs: mend or remove it.`,
  );
}

/** The URL saved under a name, if there is one. */
export function savedNode(name: string): string | undefined {
  if (!isNodeName(name)) return undefined;
  const nodes = readSavedNodes();
  return Object.hasOwn(nodes, name) ? nodes[name] : undefined;
}

/** Replaces what is saved. */
export async function writeSavedNodes(nodes: SavedNodes): Promise<void> {
  await openDataDirectory(dataDirectory());
  const sorted = Object.entries(nodes).sort(([one], [other]) => (one < other ? -1 : 1));
  await writePrivateFile(file(), `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}

/** Never another name: names do not lead to names. */
function isUrl(value: unknown): boolean {
  return typeof value === 'string' && value.includes('://');
}

function file(): string {
  return join(dataDirectory(), 'saved-nodes.json');
}

function dataDirectory(): string {
  return resolve(process.env.ADIT_DATA?.trim() || '.adit');
}
