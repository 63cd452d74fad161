import {
  expectedInstances,
  type FirstOfferedOptions,
  type Selection,
  type TransferCounts,
  type TransferResult,
  transfer,
  transferDirectly,
} from '@adit/core';
import { MODALITIES_WITHOUT_NIFTI } from '@adit/core/node';
import { createReceiver, type Receiver } from '@adit/dimse';
import type { ReceiverPlace } from './arguments.ts';
import type { DeidentificationOptions } from './deidentification.ts';
import { directMove } from './direct-move.ts';
import { keepHeapSmall } from './keep-heap-small.ts';
import { type DestinationOptions, openDestination } from './open-destination.ts';
import { openSource, type Source, type SourceOptions } from './open-source.ts';
import { formatBytes, NO_COUNTS, type Output, round, type SummaryCounts, tellReasons } from './output.ts';
import { type Place, parsePlace } from './place.ts';
import { type ListedStudy, readTransferList } from './transfer-list.ts';
import { openRecord, type RecordOptions } from './transfer-record.ts';
import { UsageError } from './usage-error.ts';

export interface TransferOptions
  extends DeidentificationOptions,
    SourceOptions,
    DestinationOptions,
    RecordOptions {
  from: string;
  to: string;
  receiver?: ReceiverPlace;
  study?: string[];
  list?: string;
  series?: string[];
  dryRun?: boolean;
}

/** `adit transfer --from PLACE --to PLACE --study UID…` */
export async function transferCommand(
  output: Output,
  asked: TransferOptions,
  signal: AbortSignal,
): Promise<boolean> {
  keepHeapSmall();
  const from = parsePlace(asked.from);
  const to = parsePlace(asked.to);
  const options = to.kind === 'nifti' ? withoutReports(asked) : asked;
  const studies = await studiesOf(options);
  const { deidentificationFor } = await import('./deidentification.ts');
  const ofEach = studies.some(({ pseudonym }) => pseudonym !== undefined);
  const deidentification = await deidentificationFor(output, options, { ofEach });
  if (ofEach && options.pseudonym === undefined && studies.some(({ pseudonym }) => pseudonym === undefined)) {
    throw new UsageError('Some rows of the list have a pseudonym and others have none: give one to each.');
  }

  await using receiver = await openReceiver(from, options);
  let way: string | undefined;
  const passedOver = new Set<string>();
  const onWay: FirstOfferedOptions['onWay'] = (name, before) => {
    way = name;
    for (const one of before) {
      if (passedOver.has(one.name)) continue;
      passedOver.add(one.name);
      output.remark(`Not by ${one.name}, but by ${name}: ${one.error.message}`);
    }
  };
  await using source = await openSource(from, { ...options, onWay }, receiver);
  // Awaited here: the source is there until then.
  if (options.dryRun) return await dryRun(output, { from, source, studies }, options, signal);
  await using record = await openRecord(options, { to, studies, deidentification });
  if (record.done > 0) output.remark(`${record.done} instances are done: the ledger says so.`);
  await using destination = await openDestination(from, to, options, receiver);

  const direct = options.direct
    ? directMove(source, to, options, { changes: deidentification !== undefined })
    : undefined;

  const started = performance.now();
  const seconds = () => round((performance.now() - started) / 1000);
  const totals: SummaryCounts = { ...NO_COUNTS };
  let ok = true;
  for (const [index, study] of studies.entries()) {
    const pseudonymizer = deidentification?.pseudonymizer(study.pseudonym ?? options.pseudonym);
    const common = {
      source,
      selection: selectionOf(study, options),
      ...(destination.verify ? { verify: destination.verify } : {}),
      ...record.options,
      signal,
      onProgress: (counts: Readonly<TransferCounts>) => output.progress(counts, seconds()),
    };
    const result = direct
      ? await transferDirectly({ ...common, move: direct })
      : await transfer({
          ...common,
          sink: destination.sink,
          ...(pseudonymizer ? { transforms: [pseudonymizer.transform] } : {}),
        });
    addTo(totals, result);
    const which = studies.length === 1 ? '' : `Study ${index + 1} of ${studies.length}: `;
    const verifiedAsAsked =
      options.verify === undefined ||
      destination.finish !== undefined ||
      options.verify === result.verification ||
      result.counts.stored === 0;
    if (!result.ok || !verifiedAsAsked) ok = false;
    tellReasons(output, result.reasons);
    for (const remark of result.remarks) output.remark(`${which}${remark}`);
    for (const remark of destination.remarks?.splice(0) ?? []) output.remark(`${which}${remark}`);
    if (result.problem) output.remark(`${which}${result.problem.message} (${from.text} to ${to.text})`);
    if (!verifiedAsAsked) {
      output.remark(
        `${which}${to.text} could not be asked for a verification by ${options.verify}: use another --verify.`,
      );
    }
    output.event({
      event: 'study',
      number: index + 1,
      of: studies.length,
      ok: result.ok && verifiedAsAsked,
      ...(way !== undefined && { way }),
    });
    if (signal.aborted) break;
  }
  const reread = signal.aborted ? undefined : await destination.finish?.(signal);
  if (reread) {
    totals.verification = 'reread';
    totals.verified = reread.verified;
    record.bookVerified(reread.missing);
    if (reread.missing.length > 0) {
      ok = false;
      output.remark(
        `${reread.missing.length} instances are not in ${to.text} as they were stored: transfer them again.`,
      );
    }
  }
  tellSkipped(output, from, source);
  totals.seconds = seconds();
  await record.finish({ unchanged: deidentification === undefined });
  output.summary({ ok, ...totals }, sentence(ok, totals, from, to));
  return ok;
}

/** Where nodes send to, if that is wanted: objects by C-MOVE, and reports on storage commitment. */
async function openReceiver(
  from: Place,
  { receiver, verify }: TransferOptions,
): Promise<Receiver | undefined> {
  const mayMove = from.kind === 'dimse' && from.retrieve.includes('c-move');
  return receiver && (mayMove || verify === 'commitment') ? createReceiver(receiver) : undefined;
}

/** Leaves out, and counts, what no NIfTI can be made of. */
function withoutReports(options: TransferOptions): TransferOptions {
  const excludeModality = [...new Set([...(options.excludeModality ?? []), ...MODALITIES_WITHOUT_NIFTI])];
  return { ...options, excludeModality };
}

async function studiesOf({ study, list, series }: TransferOptions): Promise<ListedStudy[]> {
  if ((study === undefined) === (list === undefined)) throw new UsageError('Name --study or --list.');
  if (series && (list !== undefined || study!.length > 1)) {
    throw new UsageError('--series goes with one --study.');
  }
  if (list !== undefined) return readTransferList(list);
  const unique = [...new Set(study)];
  return unique.map((studyInstanceUid) => ({
    studyInstanceUid,
    ...(series && { seriesInstanceUids: series }),
  }));
}

function selectionOf(
  { studyInstanceUid, seriesInstanceUids, patientId }: ListedStudy,
  { excludeModality }: TransferOptions,
): Selection {
  return {
    studyInstanceUid,
    ...(seriesInstanceUids && { seriesInstanceUids }),
    ...(patientId !== undefined && { patientId }),
    ...(excludeModality && { excludeModalities: excludeModality }),
  };
}

async function dryRun(
  output: Output,
  { from, source, studies }: { from: Place; source: Source; studies: readonly ListedStudy[] },
  options: TransferOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let expected = 0;
  let skipped = 0;
  for (const study of studies) {
    const plan = await expectedInstances(source, selectionOf(study, options), { signal });
    if (plan.remark !== undefined) output.remark(plan.remark);
    expected += (plan.count ?? 0) + plan.excluded;
    skipped += plan.excluded;
  }
  tellSkipped(output, from, source);
  output.summary(
    { ok: expected > 0, expected, skipped, seconds: output.seconds() },
    `${expected - skipped} instances of ${studies.length} studies would be transferred from ${from.text}; ${skipped} are left out.`,
  );
  return expected > 0;
}

/** What lies where instances come from and is none. Names of files are not said: they may be those of patients. */
function tellSkipped(output: Output, from: Place, { skipped = new Map() }: Source): void {
  for (const [code, count] of skipped) {
    const files = count === 1 ? '1 file' : `${count} files`;
    output.remark(`${files} of ${from.text} left out: ${SKIPPED_WORDS[code] ?? `cannot be read (${code})`}.`);
  }
}

const SKIPPED_WORDS: Readonly<Record<string, string>> = {
  NOT_DICOM: 'no DICOM',
  NO_STUDY: 'part of no study',
  DUPLICATE: 'an instance that another file has as well',
};

function addTo(totals: SummaryCounts, result: TransferResult): void {
  const { counts } = result;
  totals.expected += counts.expected ?? 0;
  totals.instances += counts.stored;
  totals.skipped += counts.skipped;
  totals.verified += counts.verified;
  totals.warnings += counts.warnings;
  totals.failed += counts.failed;
  totals.held += counts.held;
  totals.bytes += counts.bytes;
  if (result.verification !== 'none') totals.verification = result.verification;
}

function sentence(ok: boolean, totals: SummaryCounts, from: Place, to: Place): string {
  const rate = totals.seconds > 0 ? `, ${formatBytes(totals.bytes / totals.seconds)}/s` : '';
  const verified =
    totals.verification === 'none'
      ? 'not verified'
      : `${totals.verified} verified (by ${VERIFICATION_WORDS[totals.verification]})`;
  const trouble = [
    totals.skipped > 0 ? `${totals.skipped} skipped` : '',
    totals.warnings > 0 ? `${totals.warnings} with remarks` : '',
    totals.held > 0 ? `${totals.held} held back` : '',
    totals.failed > 0 ? `${totals.failed} failed` : '',
  ].filter(Boolean);
  return [
    ok ? 'Done:' : 'Not done:',
    `${totals.instances} of ${totals.expected} instances (${formatBytes(totals.bytes)}) from ${from.text} to ${to.text}`,
    `in ${totals.seconds.toFixed(1)} s${rate}; ${[verified, ...trouble].join(', ')}.`,
  ].join(' ');
}

const VERIFICATION_WORDS = {
  image: 'their UIDs',
  count: 'their number',
  commitment: 'storage commitment',
  reread: 'reading them again',
} as const;
