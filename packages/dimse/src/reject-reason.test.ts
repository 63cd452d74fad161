import { describe, expect, test } from 'vitest';
import { isTransientRejection, rejectReason } from './reject-reason.ts';

const names = { callingAeTitle: 'ADIT', calledAeTitle: 'PACS', node: 'PACS@10.0.0.1:104' };

/** PS3.8 Table 9-21. */
describe.each([
  [1, 1, 'no reason given'],
  [1, 2, 'application context name not supported'],
  [1, 3, 'calling AE title not recognised'],
  [1, 4, 'reserved reason 4'],
  [1, 7, 'called AE title not recognised'],
  [1, 10, 'reserved reason 10'],
  [2, 1, 'no reason given'],
  [2, 2, 'protocol version not supported'],
  [3, 0, 'reserved reason 0'],
  [3, 1, 'temporary congestion'],
  [3, 2, 'local limit exceeded'],
  [3, 7, 'reserved reason 7'],
  [9, 1, 'reserved reason 1'],
])('source %i, reason %i', (source, reason, words) => {
  test.each([
    [1, 'permanently'],
    [2, 'for now'],
  ])('result %i is one sentence', (result, permanence) => {
    const message = rejectReason({ result, source, reason }, names);
    expect(message).toContain(words);
    expect(message).toContain(permanence);
    expect(message).toMatch(/^PACS@10\.0\.0\.1:104 rejected .*; .*\.$/);
  });
});

test('says which AE title to register where', () => {
  expect(rejectReason({ result: 1, source: 1, reason: 3 }, names)).toContain(
    "register the AE title ADIT and this machine's address at PACS@10.0.0.1:104",
  );
  expect(rejectReason({ result: 1, source: 1, reason: 7 }, names)).toContain('check the AE title PACS');
});

test('only result 2 is worth another try', () => {
  expect(isTransientRejection({ result: 1 })).toBe(false);
  expect(isTransientRejection({ result: 2 })).toBe(true);
});
