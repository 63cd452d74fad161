import { describe, expect, test } from 'vitest';
import { contract } from './index.ts';
import type { Operation } from './operation.ts';
import { aeTitle, pseudonym, searchText, uid } from './values.ts';

const operations = Object.entries<Operation>(contract);

test.each(operations)('%s says all of its path parameters and no others', (_, operation) => {
  const placeholders = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(Object.keys(operation.params?.shape ?? {}).sort()).toEqual(placeholders.sort());
});

test.each(operations)('%s says what a success looks like', (_, operation) => {
  expect(operation.response === undefined).toBe(operation.status === 204);
  if (operation.method === 'GET') expect(operation.body).toBeUndefined();
});

test.each(operations)('%s refuses fields it does not know', (_, operation) => {
  for (const schema of [operation.params, operation.query, operation.body]) {
    const result = schema?.safeParse({ kind: 'folder', unknown: '1' });
    if (result) expect(result.error?.issues.map((issue) => issue.code)).toContain('unrecognized_keys');
  }
});

test('a misspelled pseudonym is noticed', () => {
  const study = { studyInstanceUid: '1.2.3', pseudonim: 'P-1' };
  const body = { kind: 'selective', sourceId: '1', destinationId: '2', studies: [study] };
  expect(contract.createJob.body.safeParse(body).error?.issues).toMatchObject([{ path: ['studies', 0] }]);
});

test('no two operations share method and path', () => {
  const keys = operations.map(([, { method, path }]) => `${method} ${path}`);
  expect(new Set(keys).size).toBe(keys.length);
});

describe('values', () => {
  test.each([
    ['uid', uid, ['1.2.840.10008.1.1', '2.25.0', `1.${'2'.repeat(62)}`, '1.02.3']],
    ['aeTitle', aeTitle, ['ORTHANC', 'A', 'STORE SCP-1', '~!#$%&']],
    ['pseudonym', pseudonym, ['P-001', 'Žižka 7', 'a'.repeat(64)]],
    ['searchText', searchText, ['Doe*', 'Müller, J?', '']],
  ])('%s takes what it must', (_, schema, good) => {
    for (const value of good) expect(schema.safeParse(value).success, value).toBe(true);
  });

  test.each([
    ['uid', uid, ['', '.1', '1.2a', '1.2*', '1.2\\\\1.3', '1.2-1.3', `1.${'2'.repeat(63)}`, '1.2\n']],
    ['aeTitle', aeTitle, ['', '   ', 'A\\B', 'SEVENTEENCHARS_17', 'ÄRZTE', 'A\tB']],
    ['pseudonym', pseudonym, ['', ' ', 'a\\b', 'a\nb', 'P*', 'P?', 'A^B', 'A=B', 'a'.repeat(65)]],
    ['searchText', searchText, ['a\\b', 'a\u0000b', 'a'.repeat(65)]],
  ])('%s refuses what it must', (_, schema, bad) => {
    for (const value of bad) expect(schema.safeParse(value).success, JSON.stringify(value)).toBe(false);
  });
});
