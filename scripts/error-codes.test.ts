import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ErrorCode, errorCodes } from './error-codes.ts';

const root = join(import.meta.dirname, '..');
const codes = errorCodes(root);

/** The rows of the tables below the heading of each package. */
function documented(): (ErrorCode & { meaning: string })[] {
  const text = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  return text
    .split('\n## @adit/')
    .slice(1)
    .flatMap((section) => {
      const name = section.split('\n')[0]!;
      return [...section.matchAll(/^\| `(\w+)`\s*\| (yes|no|depends)\s*\| (.*?)\s*\|$/gm)].map(
        ([, code, retryable, meaning]) => ({
          package: name,
          code: code!,
          retryable: retryable as ErrorCode['retryable'],
          meaning: meaning!,
        }),
      );
    });
}

test('docs/errors.md has every code that is thrown, and whether it is tried again, and no other', () => {
  const rows = documented();
  expect(rows.map(({ meaning: _, ...row }) => row)).toEqual(codes);
  for (const { meaning } of rows) expect(meaning.length).toBeGreaterThan(10);
});

test('codes are read from constructors, helpers and problems', () => {
  expect(codes).toContainEqual({ package: 'dimse', code: 'TIMEOUT', retryable: 'yes' });
  expect(codes).toContainEqual({ package: 'core', code: 'NO_SPACE', retryable: 'no' });
  expect(codes).toContainEqual({ package: 'core', code: 'CANCELED', retryable: 'yes' });
  expect(codes.length).toBeGreaterThan(60);
});
