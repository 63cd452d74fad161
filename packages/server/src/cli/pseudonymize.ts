import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { keywordOf, parseTag, type TransferCounts, TransferTally } from '@adit/core';
import { walkFiles } from '@adit/core/node';
import { mergeReports, type PseudonymizationReport } from '@adit/pseudonymize';
import { type DeidentificationOptions, deidentificationFor } from './deidentification.ts';
import { formatBytes, type Output, tellReasons } from './output.ts';
import type { InputFile } from './pseudonymize-file.ts';
import type { BatchResult, FileOutcome } from './pseudonymize-files.ts';
import { pseudonymizeFiles } from './pseudonymize-pool.ts';
import { openReportFile } from './pseudonymize-report.ts';
import { UsageError } from './usage-error.ts';

export interface PseudonymizeOptions extends DeidentificationOptions {
  /** File for what was done to each instance. */
  report?: string;
  dryRun?: boolean;
  keepNames?: boolean;
}

/**
 * `adit pseudonymize IN OUT`: a file, or the files of a folder and those below, into a folder; named by their new SOP
 * Instance UID.
 */
export async function pseudonymizeCommand(
  output: Output,
  input: string,
  target: string,
  options: PseudonymizeOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { dryRun = false, keepNames = false } = options;
  // Of the files that wait for the disk, each takes a thread of Node's pool, which all threads that pseudonymize share.
  process.env.UV_THREADPOOL_SIZE ??= '16';
  const isSingle = (await stat(input)).isFile();
  if (!isSingle) await checkApart(input, target);
  const deidentification = await deidentificationFor(output, { recipe: 'basic', ...options });
  if (deidentification === undefined) throw new UsageError('pseudonymize needs a recipe.');
  await using report =
    options.report === undefined ? undefined : await openReportFile(options.report, deidentification);

  const tally = new TransferTally();
  const { counts } = tally;
  counts.expected = 0;
  let present = 0;
  let merged = mergeReports([]);

  async function* files(): AsyncGenerator<InputFile, void, undefined> {
    let number = 0;
    for await (const path of walkFiles(input, { signal })) {
      number += 1;
      counts.expected = number;
      yield { path, number, name: isSingle ? basename(path) : relative(input, path) };
    }
  }

  async function onResult(batch: BatchResult): Promise<void> {
    merged = mergeReports([merged, batch.report]);
    for (const result of batch.results) {
      if (result.state === 'present') present += 1;
      count(tally, result, isSingle);
    }
    output.progress(counts, output.seconds());
    await report?.add(batch.results.flatMap(({ line }) => line ?? []));
  }

  const settings = {
    deidentification: { ...deidentification.settings, hashPixels: report !== undefined },
    input,
    target: dryRun ? undefined : resolve(target),
    keepNames,
    reports: report !== undefined,
  };
  await pseudonymizeFiles(files(), settings, onResult, signal);

  tellReasons(output, tally.reasons(), 'file');
  tellReport(output, merged, { toPeople: dryRun });
  const done = counts.stored + present;
  const ok = done > 0 && counts.failed === 0 && counts.held === 0;
  if (done + counts.failed + counts.held === 0) output.remark(`There is no DICOM file in ${input}.`);
  const seconds = output.seconds();
  output.summary(
    {
      ok,
      expected: counts.expected,
      // Nothing is written in a dry run.
      instances: dryRun ? 0 : counts.stored,
      skipped: counts.skipped,
      failed: counts.failed,
      held: counts.held,
      bytes: dryRun ? 0 : counts.bytes,
      seconds,
    },
    sentence(ok, counts, dryRun, seconds),
  );
  return ok;
}

/** Outputs among the inputs would be gone through as well. Throws `UsageError`. */
async function checkApart(input: string, target: string): Promise<void> {
  const [from, to] = await Promise.all([realpath(input), existingPath(target)]);
  if (to === from || to.startsWith(from.endsWith(sep) ? from : from + sep)) {
    throw new UsageError(`${target} is in ${input}: choose a folder beside it.`);
  }
}

/** The path without links, also of what does not exist yet. */
async function existingPath(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch (error) {
    const parent = dirname(full);
    if (parent === full) throw error;
    return join(await existingPath(parent), basename(full));
  }
}

function count(tally: TransferTally, { state, message = '', bytes }: FileOutcome, isSingle: boolean): void {
  const { counts } = tally;
  counts.received += 1;
  switch (state) {
    case 'stored':
      counts.stored += 1;
      counts.bytes += bytes;
      break;
    case 'present':
      counts.skipped += 1;
      tally.addReason('skipped', 'the same output is there already');
      break;
    case 'held':
      counts.held += 1;
      tally.addReason('held', message);
      break;
    case 'not-dicom':
      // A file that the command line names is to be one.
      if (isSingle) {
        counts.failed += 1;
        tally.addReason('failed', message);
      } else {
        counts.skipped += 1;
        tally.addReason('skipped', 'no DICOM file');
      }
      break;
    case 'failed':
      counts.failed += 1;
      tally.addReason('failed', message);
  }
}

/** What was done to which attribute, or would be. */
function tellReport(
  output: Output,
  report: PseudonymizationReport,
  { toPeople }: { toPeople: boolean },
): void {
  const listed = (actions: object) =>
    Object.entries(actions)
      .filter(([, number]) => number > 0)
      .map(([what, number]) => `${number} ${what}`)
      .join(', ');
  const lines = [
    `Attributes: ${listed(report.counts) || 'none changed'}.`,
    ...Object.entries(report.attributes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, actions]) => `  ${path}${keyword(path)}: ${listed(actions)}`),
    ...(report.unlisted > 0 ? [`  and ${report.unlisted} more`] : []),
  ];
  output.event({ event: 'report', ...report }, toPeople ? lines.join('\n') : undefined);
}

/** Keyword of the last attribute of a path, with a blank before it. */
function keyword(path: string): string {
  const tag = parseTag(path.slice(path.lastIndexOf('(')));
  const known = tag === undefined ? undefined : keywordOf(tag);
  return known === undefined ? '' : ` ${known}`;
}

function sentence(ok: boolean, counts: Readonly<TransferCounts>, dryRun: boolean, seconds: number): string {
  const rest = `${counts.held} held back, ${counts.failed} failed, ${counts.skipped} skipped.`;
  const files = `${counts.stored} of ${counts.expected} files (${formatBytes(counts.bytes)})`;
  if (dryRun) return `${files} would be pseudonymized; ${rest}`;
  return `${ok ? 'Done:' : 'Not done:'} ${files} in ${seconds.toFixed(1)} s; ${rest}`;
}
