import { Ledger } from '@adit/core';
import { createArchiveScp, createDimseSink } from '@adit/dimse';
import { expect } from 'vitest';
import { type Ends, type FaultStudy, impatient, uidsIn } from './fault-study.ts';

/**
 * Transfers from a source whose connection fails half way to an archive in `folder`, and again when the way is mended: the
 * second attempt brings what the first one did not.
 */
export async function expectRestAfterMending(
  { attempt, whole }: FaultStudy,
  {
    source,
    way,
    folder,
    count,
  }: {
    source: Ends['source'];
    way: { mend(): void };
    folder: string;
    /** Instances of the study. */
    count: number;
  },
): Promise<void> {
  await using destination = await createArchiveScp({ folder, aeTitle: 'DESTINATION' });
  await using sink = createDimseSink(impatient(destination));
  const ledger = new Ledger();
  const first = await attempt({ source, sink }, ledger);
  expect(first).toMatchObject({ ok: false, retryable: true });
  expect(first.counts.stored).toBeLessThan(count);
  way.mend();
  const next = await attempt({ source, sink }, ledger);
  expect(next).toMatchObject({ ok: true, counts: { expected: count, failed: 0 } });
  expect(first.counts.stored + next.counts.stored).toBe(count);
  expect(uidsIn(destination)).toEqual(whole);
}
