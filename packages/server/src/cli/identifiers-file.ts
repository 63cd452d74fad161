import { readFile } from 'node:fs/promises';
import { isValidUid } from '@adit/core';
import type { Identifier, IdentifierKind } from '@adit/pseudonymize';
import { UsageError } from './usage-error.ts';

/** An identifier and where it stands in its file: the line, or the place in the list, 1 for the first. */
export interface ListedIdentifier extends Identifier {
  place: number;
}

const kinds: readonly IdentifierKind[] = ['name', 'id', 'birth-date', 'date', 'uid', 'institution', 'text'];

/** Largest file that is read: a hundred thousand of them. */
const maxLength = 16 * 1024 * 1024;

/**
 * Identifiers from a file: one a line, or a JSON list of texts and of objects with `kind` and `text`. Without a kind, a text is
 * what it looks like: a UID, a date, a name, a number. Throws `UsageError`, in which no identifier is named.
 */
export async function readIdentifiersFile(path: string): Promise<ListedIdentifier[]> {
  const bytes = await readFile(path);
  if (bytes.length > maxLength) throw new UsageError('The file of identifiers is larger than 16 MiB.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError('The file of identifiers is not in UTF-8.');
  }
  const identifiers = /^\s*\[/.test(text) ? fromJson(text) : fromLines(text);
  if (identifiers.length === 0) throw new UsageError('There is no identifier in the file.');
  return identifiers;
}

function fromLines(text: string): ListedIdentifier[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const trimmed = line.trim();
    return trimmed === '' ? [] : [{ ...identifierOf(trimmed), place: index + 1 }];
  });
}

function fromJson(text: string): ListedIdentifier[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new UsageError('The file of identifiers begins like JSON and is none.');
  }
  return (list as unknown[]).map((entry, index) => {
    const place = index + 1;
    if (typeof entry === 'string' && entry.trim() !== '') return { ...identifierOf(entry.trim()), place };
    const { kind, text } = (entry ?? {}) as Partial<Record<string, unknown>>;
    const isKnown = kind === undefined || kinds.includes(kind as IdentifierKind);
    if (typeof text !== 'string' || text.trim() === '' || !isKnown) {
      throw new UsageError(
        `Entry ${place} of the identifiers is neither a text nor an object with "text" and one of the kinds ${kinds.join(', ')}.`,
      );
    }
    if (kind === undefined) return { ...identifierOf(text.trim()), place };
    return { kind: kind as IdentifierKind, text: text.trim(), place };
  });
}

/** What a text looks like. */
function identifierOf(text: string): Identifier {
  if (/^\d+(?:\.\d+){3,}$/.test(text) && isValidUid(text)) return { kind: 'uid', text };
  const date = dateOf(text);
  if (date !== undefined) return { kind: 'birth-date', text: date };
  if (/[\^=]/.test(text)) return { kind: 'name', text };
  // `Miller, Anne` and `Anne Miller`: which of them is the family name makes no difference.
  if (/\p{L}/u.test(text) && !/\p{N}/u.test(text))
    return { kind: 'name', text: text.replace(/,\s*|\s+/g, '^') };
  return { kind: 'id', text };
}

/** A date as DA has it; undefined for what is none. */
function dateOf(text: string): string | undefined {
  const [, y, m, d] = /^(\d{4})([-./]?)(\d\d)\2(\d\d)$/.exec(text)?.filter((_, i) => i !== 2) ?? [];
  const [, dd, mm, yyyy] = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text) ?? [];
  const [year, month, day] = [y ?? yyyy, m ?? mm, d ?? dd].map(Number) as [number, number, number];
  if (!(year >= 1850 && year <= 2150 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return undefined;
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`;
}
