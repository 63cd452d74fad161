import { expect, test } from 'vitest';
import { expectFoundBeforeAndNotAfter } from '../testing/expect-no-leak.ts';
import { textAttributeCount } from '../testing/planted-headers.ts';

test('identifiers in text attributes, in eight character sets, are found before pseudonymization and not after', async () => {
  expect(textAttributeCount).toBeGreaterThan(600);
  // 50 headers of a patient follow each other; 41 patients on, it is the turn of the next character set. More headers are
  // tried by the long test, 100,000 by the soak test.
  for (let set = 0; set < 8; set++) await expectFoundBeforeAndNotAfter(set * 2_050, set * 2_050 + 25);
}, 60_000);
