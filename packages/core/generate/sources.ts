import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one of the generators reads, from a folder that an environment variable names. */
export function readSource(variable: string, file: string): string {
  const folder = process.env[variable];
  if (folder === undefined) {
    console.error(
      `Set ${variable} to the folder that holds ${file}; README.md beside this file says where it is from.`,
    );
    process.exit(1);
  }
  return readFileSync(join(folder, file), 'utf8');
}

export function readJson<T>(variable: string, file: string): T {
  return JSON.parse(readSource(variable, file)) as T;
}

/**
 * Entries of pydicom's dictionaries, which are one Python tuple of plain strings a line:
 * `'1.2.840.10008.1.1': ('Verification SOP Class', 'SOP Class', '', '', 'Verification'),  # noqa`.
 */
export function* readPydicomEntries(file: string): Generator<{ key: string; fields: string[] }> {
  for (const line of readSource('ADIT_PYDICOM', file).split('\n')) {
    const entry = /^ {4}'?([\dA-Fa-fx.]+)'?: \((.*)\),/.exec(line);
    if (entry === null) continue;
    const fields = [...entry[2]!.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(
      (field) => field[1] ?? field[2] ?? '',
    );
    yield { key: entry[1]!, fields };
  }
}

/** The head of every generated file. */
export const banner = `// Made by packages/core/generate. Do not edit.
// DICOM PS3.6 and PS3.15, © NEMA
`;
