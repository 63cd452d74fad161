import { test } from 'vitest';
import { expectFoundBeforeAndNotAfter } from '../testing/expect-no-leak.ts';

test('in 100,000 headers every planted identifier is found before pseudonymization, and none after', async () => {
  await expectFoundBeforeAndNotAfter(0, 100_000);
});
