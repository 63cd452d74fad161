import { setImmediate } from 'node:timers/promises';
import { DicomError } from '@adit/core';
import { mergeReports, type PseudonymizationReport } from '@adit/pseudonymize';
import { type DeidentificationSettings, pseudonymizerOf } from './deidentification.ts';
import { errorSentence } from './output.ts';
import {
  type FileResult,
  type InputFile,
  type PseudonymizeFileOptions,
  pseudonymizeFile,
} from './pseudonymize-file.ts';
import { reportLine } from './pseudonymize-report.ts';

/** What a thread that pseudonymizes is told; plain data, which it can be sent. */
export interface PseudonymizeSettings extends Omit<PseudonymizeFileOptions, 'pseudonymizer'> {
  deidentification: DeidentificationSettings;
  /** Is there a report with a line for each file? */
  reports: boolean;
}

/** What became of some files. */
export interface BatchResult {
  results: FileOutcome[];
  /** What was done to all of them. Hashes of single instances are in their lines alone. */
  report: PseudonymizationReport;
  /** Trouble that ended the batch early and would strike the next file as well. */
  failure?: { code: string; message: string };
}

export interface FileOutcome extends Omit<FileResult, 'report'> {
  /** Its line of the report. */
  line?: string;
}

/** Pseudonymizes files one after the other. Throws the reason of the signal. */
export type PseudonymizeBatch = (files: readonly InputFile[], signal: AbortSignal) => Promise<BatchResult>;

/** Makes what pseudonymizes batches of files in this thread. */
export function batchPseudonymizer(settings: PseudonymizeSettings): PseudonymizeBatch {
  const options = { ...settings, pseudonymizer: pseudonymizerOf(settings.deidentification) };
  return async (files, signal) => {
    const results: FileOutcome[] = [];
    const reports: PseudonymizationReport[] = [];
    try {
      for (const file of files) {
        // Whatever else the thread is to hear of is heard between two files, should none of them wait for the disk.
        await setImmediate();
        const { report, ...result } = await pseudonymizeFile(file, options, signal);
        const line = settings.reports ? { line: reportLine(result, report, file, options) } : {};
        results.push({ ...result, ...line });
        if (report === undefined) continue;
        const { pixelData: _, ...told } = report;
        reports.push(told);
      }
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof DicomError ? error.code : 'UNEXPECTED';
      const failure = { code, message: errorSentence(error) };
      return { results, report: mergeReports(reports), failure };
    }
    return { results, report: mergeReports(reports) };
  };
}
