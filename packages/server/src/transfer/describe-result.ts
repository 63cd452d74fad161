import type { TransferResult, Verification } from '@adit/core';
import type { AttemptResult } from '../jobs/task-lifecycle.ts';

/** By which way a study was fetched, and the ones that were to be tried before. */
interface UsedWay {
  way: string;
  notOffered: Readonly<Record<string, string>>;
}

/** What became of a transfer, for the task: its end, and a sentence for people. */
export function describeResult(result: TransferResult, used?: UsedWay): AttemptResult {
  const { counts, reasons, verification, problem } = result;
  const known = { counts, reasons, verification };
  if (result.ok) {
    const remarks = counts.warnings > 0 || result.remarks.length > 0;
    const message = [success(result), ...wayRemark(used)].join(' ');
    return { ...known, end: remarks ? 'warning' : 'success', message };
  }
  const end = result.retryable ? 'retryable' : 'failure';
  return { ...known, end, message: problem?.message ?? failure(result) };
}

function success({ counts, verification, remarks }: TransferResult): string {
  const parts = [`${instances(counts.stored)} transferred`];
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  if (counts.warnings > 0) parts.push(`${counts.warnings} stored with a remark of the destination`);
  parts.push(counts.stored === 0 ? 'nothing to verify' : VERIFIED[verification]);
  return [`${parts.join(', ')}.`, ...remarks].join(' ');
}

/** A node that lacks what it is asked for first is worth a word, and no warning. */
function wayRemark(used: UsedWay | undefined): string[] {
  const lacking = Object.keys(used?.notOffered ?? {});
  if (!used || lacking.length === 0) return [];
  const are = lacking.length === 1 ? 'is' : 'are';
  return [`Fetched by ${used.way}: ${lacking.join(' and ')} ${are} not available at the source.`];
}

const VERIFIED: Readonly<Record<Verification, string>> = {
  image: 'each found again at the destination',
  count: 'their number verified at the destination',
  commitment: 'storage committed by the destination',
  reread: 'each read again and compared',
  none: 'not verified: the destination could not be asked',
};

/** How many lack, and the most frequent reason. */
function failure({ counts, reasons, verification }: TransferResult): string {
  const parts: string[] = [];
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (counts.held > 0) parts.push(`${counts.held} held back`);
  const unverified = counts.stored - counts.verified;
  if (verification !== 'none' && unverified > 0) parts.push(`${unverified} not found at the destination`);
  const reason = reasons.find(({ outcome }) => outcome === 'failed' || outcome === 'held');
  const lacking = `${parts.join(', ')} of ${instances(counts.expected ?? counts.received)}`;
  return reason ? `${lacking}: ${reason.message}${/[.!?]$/.test(reason.message) ? '' : '.'}` : `${lacking}.`;
}

function instances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}
