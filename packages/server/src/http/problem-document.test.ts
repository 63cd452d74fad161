import { DicomError } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { ServerError } from '../errors.ts';
import { problemDocument } from './problem-document.ts';

describe('a lost database', () => {
  test.each<[string, object]>([
    ['terminated by an administrator', { severity: 'FATAL', code: '57P01' }],
    ['with all connections taken', { severity: 'ERROR', code: '53300' }],
    ['whose socket is gone', { syscall: 'connect', code: 'ENOENT' }],
    ['that refuses', { syscall: 'connect', code: 'ECONNREFUSED' }],
    ['whose connection broke while it was read', { syscall: 'read', code: 'ECONNRESET' }],
    ['whose connection broke while it was written', { syscall: 'write', code: 'EPIPE' }],
  ])('%s is for later', (_, fields) => {
    expect(problemDocument(Object.assign(new Error('x'), fields))).toMatchObject({
      status: 503,
      code: 'DATABASE_UNAVAILABLE',
      retryable: true,
    });
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])('is known by what node-postgres says: %s', (message) => {
    expect(problemDocument(new Error(message)).status).toBe(503);
  });
});

test('trouble with a node is its own, with its words', () => {
  const error = new DicomError('REFUSED', 'PACS@host:104 refused.', { retryable: true });
  expect(problemDocument(error)).toMatchObject({
    status: 502,
    code: 'REFUSED',
    detail: 'PACS@host:104 refused.',
  });
});

test.each<[string, unknown]>([
  ['a mistake in ADIT', new TypeError('cannot read secret of undefined')],
  [
    'a statement that PostgreSQL refused',
    Object.assign(new Error('secret'), { severity: 'ERROR', code: '42P01' }),
  ],
  ['something that is no error', 'secret'],
  ['an error of the server without a status', new ServerError('NEW', 'A sentence.')],
])('%s is an error of the server', (_, error) => {
  const problem = problemDocument(error);
  expect(problem.status).toBe(500);
  expect(JSON.stringify(problem)).not.toContain('secret');
});
