import { stat } from 'node:fs/promises';
import { DicomError, type InstanceSink, Tags, TransferTally, textOf } from '@adit/core';
import { type DicomFile, readDicomFile, walkFiles } from '@adit/core/node';
import { createDimseSink } from '@adit/dimse';
import { readHeaderFile } from './arguments.ts';
import { errorSentence, formatBytes, type Output, tellReasons } from './output.ts';
import { type Place, parsePlace } from './place.ts';
import { UsageError } from './usage-error.ts';

export interface StoreOptions {
  maxAssociations?: number;
  headerFile?: string;
}

/** `adit store NODE PATH…`: files, and the DICOM files of folders, to a node by C-STORE or STOW-RS. */
export async function storeCommand(
  output: Output,
  target: string,
  paths: readonly string[],
  options: StoreOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const place = parsePlace(target);
  await using sink = await openSink(place, options);
  const tally = new TransferTally();
  const { counts } = tally;
  counts.expected = 0;
  /** The first instance of a study goes alone: servers race on inserting a new study. */
  const firstOfStudy = new Map<string, Promise<void>>();
  let fatal: unknown;

  async function storeFile({ path, named, reading }: FileAhead): Promise<void> {
    let file: DicomFile;
    try {
      file = await reading;
    } catch (error) {
      if (error instanceof DicomError && error.code === 'NOT_DICOM' && !named) {
        counts.skipped += 1;
        tally.addReason('skipped', 'no DICOM file');
      } else {
        counts.failed += 1;
        tally.addReason('failed', `${path}: ${errorSentence(error)}`);
      }
      return;
    }
    const study = textOf(file.attributes, Tags.StudyInstanceUID) ?? '';
    const first = firstOfStudy.get(study);
    if (first) await first;
    const sent = send(file);
    if (!first) {
      firstOfStudy.set(
        study,
        sent.catch(() => {}),
      );
    }
    await sent;
  }

  async function send(file: DicomFile): Promise<void> {
    counts.received += 1;
    const outcome = await sink.store(file, { signal });
    if (outcome.state === 'failed') {
      counts.failed += 1;
      tally.addReason('failed', outcome.message ?? 'refused');
      return;
    }
    counts.stored += 1;
    counts.bytes += file.byteLength;
    if (outcome.state === 'warning') {
      counts.warnings += 1;
      tally.addReason('warning', outcome.message ?? 'stored with a warning');
    }
    output.progress(counts, output.seconds());
  }

  const files = filesOf(paths);
  async function work(): Promise<void> {
    let ahead = readAhead(files);
    for (let next = await ahead; next && fatal === undefined; next = await ahead) {
      counts.expected = (counts.expected ?? 0) + 1;
      ahead = readAhead(files);
      // Its error is thrown when it is waited for.
      ahead.catch(() => {});
      try {
        await storeFile(next);
      } catch (error) {
        counts.failed += 1;
        fatal ??= error;
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: sink.concurrency ?? 1 }, work));
  } catch (error) {
    fatal ??= error;
  }

  tellReasons(output, tally.reasons(), 'file');
  if (fatal !== undefined) output.remark(signal.aborted ? 'Stopped.' : errorSentence(fatal));
  else if (counts.stored + counts.failed === 0)
    output.remark(`There is no DICOM file in ${paths.join(', ')}.`);
  const ok = fatal === undefined && counts.failed === 0 && counts.stored > 0;
  const seconds = output.seconds();
  output.summary(
    {
      ok,
      expected: counts.expected ?? 0,
      instances: counts.stored,
      skipped: counts.skipped,
      warnings: counts.warnings,
      failed: counts.failed,
      bytes: counts.bytes,
      seconds,
    },
    `${ok ? 'Done:' : 'Not done:'} ${counts.stored} of ${counts.expected} files (${formatBytes(counts.bytes)}) to ` +
      `${nameOf(place)} in ${seconds.toFixed(1)} s; ${counts.failed} failed, ${counts.skipped} skipped.`,
  );
  return ok;
}

async function openSink(
  place: Place,
  { maxAssociations, headerFile }: StoreOptions,
): Promise<InstanceSink & AsyncDisposable> {
  switch (place.kind) {
    case 'dimse':
      return createDimseSink(place.node, maxAssociations === undefined ? {} : { maxAssociations });
    case 'dicomweb': {
      const { createDicomWebSink } = await import('@adit/dicomweb');
      return createDicomWebSink(
        { url: place.url, ...(headerFile ? { headers: await readHeaderFile(headerFile) } : {}) },
        maxAssociations === undefined ? {} : { maxRequests: maxAssociations },
      );
    }
    default:
      throw new UsageError('Files are stored at a DIMSE node or a DICOMweb service: a folder is copied to.');
  }
}

function nameOf(place: Place): string {
  if (place.kind !== 'dimse') return place.text;
  const { aeTitle, host, port } = place.node;
  return `${aeTitle} at ${host}:${port}`;
}

/** Files by their paths; `named` when the command line names the file itself rather than its folder. */
async function* filesOf(paths: readonly string[]): AsyncGenerator<{ path: string; named: boolean }> {
  for (const path of paths) {
    const named = (await stat(path)).isFile();
    for await (const file of walkFiles(path)) yield { path: file, named };
  }
}

/** A file whose header is being read while the one before is sent. */
interface FileAhead {
  path: string;
  named: boolean;
  reading: Promise<DicomFile>;
}

async function readAhead(
  files: AsyncIterator<{ path: string; named: boolean }>,
): Promise<FileAhead | undefined> {
  const next = await files.next();
  if (next.done) return undefined;
  const reading = readDicomFile(next.value.path, { tags: [Tags.StudyInstanceUID] });
  reading.catch(() => {});
  return { ...next.value, reading };
}
