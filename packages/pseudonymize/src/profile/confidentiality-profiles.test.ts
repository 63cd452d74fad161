import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { edition, sourceSha256, tableE11 } from '../generated/confidentiality-profiles.ts';
import { confidentialityProfiles } from './confidentiality-profiles.ts';

describe('Table E.1-1', () => {
  test('is the one that was reviewed', () => {
    expect(edition).toBe('2026d');
    expect(sourceSha256).toBe('e257bc5e1cfecb3156ad3b871c43e6d73581cba6e80df460f4a4a87694e89442');
    const digest = createHash('sha256').update(tableE11).digest('hex');
    expect(digest).toBe('392b93cb24400e608f897b5e5fb76d84137cecca83806d74e3005ac2f6f5a8b7');
  });

  test('says what the source data say, row by row', (context) => {
    const folder = process.env.ADIT_STANDARD_DATA;
    if (folder === undefined)
      return context.skip('ADIT_STANDARD_DATA names no folder of the standard’s tables');
    const source = JSON.parse(readFileSync(join(folder, 'ps3.15-2026d-table-E.1-1.json'), 'utf8')) as {
      content_sha256: string;
      rows: { tag: string; basic_profile: string; options: Record<string, string> }[];
    };
    expect(sourceSha256).toBe(source.content_sha256);

    const camelCase = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const expected = source.rows.map(({ tag, basic_profile, options }) => ({
      pattern: tag.includes('odd') ? '*1******' : tag.replace(/[(),]/g, ''),
      basic: basic_profile,
      options: Object.fromEntries(Object.entries(options).map(([name, action]) => [camelCase(name), action])),
    }));
    const byPattern = (a: { pattern: string }, b: { pattern: string }) => (a.pattern < b.pattern ? -1 : 1);
    const actual = confidentialityProfiles().map(({ pattern, basic, options }) => ({
      pattern,
      basic,
      options,
    }));
    expect(actual.toSorted(byPattern)).toEqual(expected.toSorted(byPattern));
  });
});
