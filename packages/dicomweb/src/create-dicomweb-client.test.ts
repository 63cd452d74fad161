import { expect, it } from 'vitest';
import { createDicomWebClient } from './create-dicomweb-client.ts';
import type { DicomWebError } from './dicomweb-error.ts';

it.each<Record<string, string>>([
  { Authorization: 'Bearer secret\nx' },
  { 'Bad Name': 'secret' },
  { X: 'secret\u0100' },
])('refuses headers that are none, without repeating them: %j', (headers) => {
  let error: DicomWebError | undefined;
  try {
    createDicomWebClient({ url: 'http://pacs', headers });
  } catch (thrown) {
    error = thrown as DicomWebError;
  }
  expect(error).toMatchObject({ code: 'INVALID_HEADERS' });
  expect(error!.message).not.toContain('secret');
  expect(error!.cause).toBeUndefined();
});
