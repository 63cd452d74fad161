import { TransferTally } from '@adit/core';
import { createDimseClient, type MoveResult } from '@adit/dimse';
import { type Output, tellReasons } from './output.ts';
import { parseNode } from './place.ts';
import { UsageError } from './usage-error.ts';

export interface MoveOptions {
  study: string[];
  series?: string[];
  to: string;
}

/** `adit move NODE --study UID… --to AET`: has a node send studies to another one, by C-MOVE. */
export async function moveCommand(
  output: Output,
  target: string,
  options: MoveOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const node = parseNode(target);
  if (options.series && options.study.length > 1) throw new UsageError('--series goes with one --study.');
  await using client = createDimseClient(node);
  const name = `${node.aeTitle} at ${node.host}:${node.port}`;
  const tally = new TransferTally();
  const { counts } = tally;
  counts.expected = 0;
  let counted = true;

  for (const studyInstanceUid of options.study) {
    const moving = client.move(
      { studyInstanceUid, ...(options.series ? { seriesInstanceUids: options.series } : {}) },
      { destination: options.to, signal },
    );
    const before = { ...counts };
    let next = await moving.next();
    for (; !next.done; next = await moving.next()) {
      const { completed, warning, failed, remaining } = next.value;
      counts.stored = before.stored + completed + warning;
      counts.failed = before.failed + failed;
      counts.expected = (before.expected ?? 0) + completed + warning + failed + (remaining ?? 0);
      output.progress(counts, output.seconds());
    }
    add(tally, before, next.value, name);
    counted &&= next.value.counted;
  }

  tellReasons(output, tally.reasons());
  if (!counted)
    output.remark(`${name} did not say how many instances it sent: look for them at ${options.to}.`);
  const ok = counted && counts.failed === 0 && counts.stored > 0;
  const seconds = output.seconds();
  output.summary(
    {
      ok,
      expected: counts.expected,
      instances: counts.stored,
      warnings: counts.warnings,
      failed: counts.failed,
      seconds,
    },
    `${ok ? 'Done:' : 'Not done:'} ${counts.stored} of ${counts.expected} instances moved from ${name} to ${options.to} ` +
      `in ${seconds.toFixed(1)} s; ${counts.warnings} with remarks, ${counts.failed} failed.`,
  );
  return ok;
}

/** Adds what became of one study to what was before. */
function add(tally: TransferTally, before: TransferTally['counts'], result: MoveResult, name: string): void {
  const { counts } = tally;
  const stored = result.completed + result.warning;
  counts.stored = before.stored + stored;
  counts.warnings = before.warnings + result.warning;
  counts.failed = before.failed + result.failed;
  counts.expected = (before.expected ?? 0) + stored + result.failed;
  const look = `look into the log of ${name} for the reason.`;
  if (result.failed > 0) tally.addReason('failed', `they could not be sent; ${look}`, result.failed);
  if (result.warning > 0) tally.addReason('warning', look, result.warning);
}
