import { describe, expect, it } from 'vitest';
import { statusError } from './status-error.ts';

describe('statusError', () => {
  it.each([
    [400, 'REJECTED', false],
    [401, 'UNAUTHORIZED', false],
    [403, 'UNAUTHORIZED', false],
    [404, 'NOT_FOUND', false],
    [406, 'NOT_ACCEPTABLE', false],
    [408, 'BUSY', true],
    [409, 'BUSY', true],
    [410, 'NOT_FOUND', false],
    [413, 'REJECTED', false],
    [415, 'NOT_ACCEPTABLE', false],
    [429, 'BUSY', true],
    [500, 'SERVER', true],
    [501, 'REJECTED', false],
    [502, 'SERVER', true],
    [503, 'BUSY', true],
    [504, 'SERVER', true],
  ])('takes %i for %s', (status, code, retryable) => {
    const error = statusError(status, 'https://pacs/dicom-web', 'the study');
    expect(error).toMatchObject({ code, retryable, status });
    expect(error.message).toContain('https://pacs/dicom-web');
    expect(error.message).toContain(`HTTP ${status}`);
  });
});
