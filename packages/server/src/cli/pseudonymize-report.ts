import { open } from 'node:fs/promises';
import type { Deidentification } from './deidentification.ts';
import type { FileResult, InputFile } from './pseudonymize-file.ts';
import { UsageError } from './usage-error.ts';

/** A file of what was done to each instance. */
export interface ReportFile extends AsyncDisposable {
  /** Adds lines, without what ends them. */
  add(lines: readonly string[]): Promise<void>;
}

/**
 * Begins a report: JSON lines, the first with recipe and key, then one for each file (see `reportLine`).
 *
 * Throws `UsageError` where the file exists.
 */
export async function openReportFile(
  path: string,
  { settings, recipeDigest, keyFingerprint }: Deidentification,
): Promise<ReportFile> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new UsageError(`${path} exists: name a new file for the report.`, error);
  });
  const output = file.createWriteStream();
  // Asked for when a line is written: an error between two lines is that of the next.
  let failure: Error | undefined;
  output.on('error', (error) => {
    failure = error;
  });
  const write = async (lines: readonly string[]): Promise<void> => {
    if (failure) throw failure;
    if (output.write(lines.map((line) => `${line}\n`).join(''))) return;
    await new Promise<void>((resolve) => {
      output.once('drain', resolve).once('close', resolve);
    });
  };
  await write([JSON.stringify({ recipe: settings.recipe.name, recipeDigest, keyFingerprint })]);
  return {
    add: write,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        output.end(resolve);
        output.once('close', resolve);
      });
      if (failure) throw failure;
    },
  };
}

/**
 * A line of the report: the number of the file in the order of names, what became of it, its new UID and what was done to it. It
 * holds no value of an original, and no name of a file unless those are kept.
 */
export function reportLine(
  result: Omit<FileResult, 'report'>,
  report: FileResult['report'],
  { number, name }: InputFile,
  { keepNames }: { keepNames: boolean },
): string {
  return JSON.stringify({ number, ...(keepNames ? { name } : {}), ...result, report });
}
