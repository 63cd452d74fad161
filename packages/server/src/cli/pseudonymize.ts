import { stat } from 'node:fs/promises';
import { DicomError, HeldBackError, TransferTally } from '@adit/core';
import { createFolderSink, readDicomFile, walkFiles } from '@adit/core/node';
import { type DeidentificationOptions, deidentificationFor } from './deidentification.ts';
import { errorSentence, formatBytes, type Output, tellReasons } from './output.ts';
import { UsageError } from './place.ts';

/** `adit pseudonymize IN OUT`: files of a folder, or one file, into a folder; named by their new SOP Instance UID. */
export async function pseudonymizeCommand(
  output: Output,
  input: string,
  target: string,
  options: DeidentificationOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const deidentification = await deidentificationFor(output, { recipe: 'basic', ...options });
  if (!deidentification) throw new UsageError('pseudonymize needs --pseudonym.');
  const pseudonymizer = deidentification.pseudonymizer(options.pseudonym);
  const single = (await stat(input)).isFile();
  const sink = createFolderSink(target, { layout: 'flat' });
  const tally = new TransferTally();
  const { counts } = tally;
  counts.expected = 0;

  for await (const path of walkFiles(input)) {
    signal.throwIfAborted();
    counts.expected += 1;
    counts.received += 1;
    try {
      const instance = await pseudonymizer.transform(await readDicomFile(path));
      const outcome = await sink.store(instance, { signal });
      if (outcome.state === 'failed')
        throw new DicomError('NOT_WRITTEN', outcome.message ?? 'could not be written');
      counts.stored += 1;
      counts.bytes += (await stat(path)).size;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HeldBackError) {
        counts.held += 1;
        tally.addReason('held', error.message);
      } else if (error instanceof DicomError && error.code === 'NOT_DICOM' && !single) {
        counts.skipped += 1;
        tally.addReason('skipped', 'no DICOM file');
      } else {
        counts.failed += 1;
        tally.addReason('failed', errorSentence(error));
      }
    }
    output.progress(counts, output.seconds());
  }
  tellReasons(output, tally.reasons(), 'file');
  const ok = counts.stored > 0 && counts.failed === 0 && counts.held === 0;
  if (counts.stored === 0 && counts.failed + counts.held === 0)
    output.remark(`There is no DICOM file in ${input}.`);
  const seconds = output.seconds();
  output.summary(
    {
      ok,
      expected: counts.expected,
      instances: counts.stored,
      skipped: counts.skipped,
      failed: counts.failed,
      held: counts.held,
      bytes: counts.bytes,
      seconds,
    },
    `${ok ? 'Done:' : 'Not done:'} ${counts.stored} of ${counts.expected} files (${formatBytes(counts.bytes)}) in ${seconds.toFixed(1)} s; ` +
      `${counts.held} held back, ${counts.failed} failed, ${counts.skipped} skipped.`,
  );
  return ok;
}
