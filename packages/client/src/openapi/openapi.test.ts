import { expect, test } from 'vitest';
import { contract, type OperationName } from '../contract/index.ts';
import type { Operation } from '../contract/operation.ts';
import { openApiDocument } from './index.ts';

interface Described {
  operationId: string;
  parameters?: { in: string; name: string; required?: boolean }[];
  requestBody?: object;
  responses: Record<string, { content?: Record<string, object> }>;
}

const document = openApiDocument(contract, { version: '1.2.3' });
const paths = document.paths as Record<string, Record<string, Described>>;

test('describes every operation once, with its parameters, body and answers', () => {
  const described = Object.values(paths).flatMap((path) => Object.values(path));
  expect(described.map((operation) => operation.operationId).sort()).toEqual(Object.keys(contract).sort());

  for (const name of Object.keys(contract) as OperationName[]) {
    const operation: Operation = contract[name];
    const found = paths[operation.path]?.[operation.method.toLowerCase()];
    const placeholders = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const path = found?.parameters?.filter((parameter) => parameter.in === 'path') ?? [];
    expect(path.map((parameter) => parameter.name).sort(), name).toEqual(placeholders.sort());
    expect(
      path.every((parameter) => parameter.required),
      name,
    ).toBe(true);
    expect(found?.requestBody !== undefined, name).toBe(operation.body !== undefined);
    expect(Object.keys(found?.responses ?? {}), name).toEqual([String(operation.status), 'default']);
  }
});

test('answers in lines and events have their media types', () => {
  expect(paths['/nodes/{nodeId}/studies']?.get?.responses['200']?.content).toHaveProperty([
    'application/x-ndjson',
  ]);
  expect(paths['/events']?.get?.responses['200']?.content).toHaveProperty(['text/event-stream']);
});

test('every reference leads somewhere', () => {
  const text = JSON.stringify(document);
  const schemas = (document.components as { schemas: Record<string, object> }).schemas;
  const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(references.length).toBeGreaterThan(20);
  for (const name of references) expect(schemas).toHaveProperty([name as string]);
});

test('is OpenAPI 3.1 with the version of the server', () => {
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
});
