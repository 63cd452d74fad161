import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { DicomError, Ledger, manifestEntries, manifestLines, type TransferOptions } from '@adit/core';
import { type LedgerFile, type LedgerHead, openLedgerFile } from '@adit/core/node';
import type { Deidentification } from './deidentification.ts';
import type { Place } from './place.ts';
import type { ListedStudy } from './transfer-list.ts';
import { UsageError } from './usage-error.ts';

export interface RecordOptions {
  ledger?: string;
  resume?: string;
  manifest?: string;
  manifestOriginals?: boolean;
  excludeModality?: string[];
  pseudonym?: string;
}

/** What a transfer takes down of itself. */
export interface TransferRecord extends AsyncDisposable {
  /** For `transfer`. */
  readonly options: Pick<TransferOptions, 'ledger' | 'createPixelHash'>;
  /** Instances that an earlier run has done. */
  readonly done: number;
  /** Takes down what was looked for at the destination after all was stored; UIDs are the destination's. */
  bookVerified(missing: readonly string[]): void;
  /** Writes the manifest, if one is wanted, and makes sure of the ledger. */
  finish(how: { unchanged: boolean }): Promise<void>;
}

/**
 * Opens what the options ask for: a new ledger, one to go on with, a manifest, or nothing at all.
 *
 * Throws `UsageError` where a ledger is of another transfer.
 */
export async function openRecord(
  options: RecordOptions,
  transfer: { to: Place; studies: readonly ListedStudy[]; deidentification: Deidentification | undefined },
): Promise<TransferRecord> {
  const { ledger: begun, resume, manifest } = options;
  if (begun !== undefined && resume !== undefined && begun !== resume) {
    throw new UsageError('--resume goes on with its own ledger: leave --ledger out.');
  }
  const path = resume ?? begun;
  const file =
    path === undefined ? undefined : await openLedger(path, headOf(options, transfer), resume !== undefined);
  const wanted = file !== undefined || manifest !== undefined;
  const ledger = file?.ledger ?? new Ledger();
  return {
    options: wanted ? { ledger, createPixelHash: () => createHash('sha256') } : {},
    done: file?.done ?? 0,
    bookVerified(missing) {
      const gone = new Set(missing);
      for (const record of [...ledger.records()]) {
        if (record.state !== 'stored' && record.state !== 'warning') continue;
        const state = gone.has(record.newSop ?? record.sop) ? 'failed' : 'verified';
        ledger.set({ ...record, state });
      }
    },
    async finish(how) {
      await file?.flush();
      if (manifest !== undefined) await writeManifest(manifest, ledger, { ...how, options });
    },
    async [Symbol.asyncDispose]() {
      await file?.[Symbol.asyncDispose]();
    },
  };
}

async function openLedger(path: string, head: LedgerHead, resume: boolean): Promise<LedgerFile> {
  try {
    return await openLedgerFile(path, head, { resume });
  } catch (error) {
    const wrongUse =
      error instanceof DicomError && (error.code === 'LEDGER_MISMATCH' || error.code === 'LEDGER_EXISTS');
    throw wrongUse ? new UsageError(error.message, error) : error;
  }
}

/** Where instances come from does not matter: what they are, become and where they go does. */
function headOf(
  { excludeModality, pseudonym }: RecordOptions,
  { to, studies, deidentification }: Parameters<typeof openRecord>[1],
): LedgerHead {
  return {
    selection: {
      to: to.text,
      studies,
      ...(excludeModality && { excludeModalities: excludeModality }),
      ...(pseudonym !== undefined && { pseudonym }),
    },
    ...(deidentification && {
      recipeDigest: deidentification.recipeDigest,
      keyFingerprint: deidentification.keyFingerprint,
    }),
  };
}

/** Appears under its name when it is complete. */
async function writeManifest(
  path: string,
  ledger: Ledger,
  { unchanged, options }: { unchanged: boolean; options: RecordOptions },
): Promise<void> {
  const originals = options.manifestOriginals ?? false;
  const entries = manifestEntries(ledger.records(), { unchanged, originals });
  const format = /\.csv$/i.test(path) ? 'csv' : 'jsonl';
  const partial = `${path}.${process.pid}.part`;
  try {
    await pipeline(manifestLines(entries, format), createWriteStream(partial, { flags: 'wx', mode: 0o600 }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
