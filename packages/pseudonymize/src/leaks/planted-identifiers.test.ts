import { expect, test } from 'vitest';
import { expectFoundBeforeAndNotAfter } from '../testing/expect-no-leak.ts';
import { textAttributeCount } from '../testing/planted-headers.ts';

test('identifiers in text attributes, in eight character sets, are found before pseudonymization and not after', async () => {
  expect(textAttributeCount).toBeGreaterThan(600);
  // 50 headers of a patient follow each other; 41 patients on, it is the turn of the next character set.
  for (let start = 0; start < 33_000; start += 2_050) await expectFoundBeforeAndNotAfter(start, start + 25);
});
