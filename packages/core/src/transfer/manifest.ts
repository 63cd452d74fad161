import type { LedgerRecord, LedgerState } from './ledger.ts';

/** What a manifest tells of an instance. */
export interface ManifestEntry {
  /** SOP Instance UID at the destination; of an instance that never got there, empty unless originals are asked for. */
  sopInstanceUid: string;
  /** SOP Instance UID at the source, where it is asked for. */
  originalSopInstanceUid?: string;
  state: LedgerState;
  bytes?: number;
  /** DIMSE or HTTP status of the destination's answer; left out where it is 0, plain success. */
  status?: number;
  pixelSha256?: string;
}

export interface ManifestOptions {
  /** Links instances with their originals: whoever has it can undo the pseudonyms of UIDs. Default: false. */
  originals?: boolean;
  /** The instances went as they were: then their UIDs are nobody's secret. Default: false. */
  unchanged?: boolean;
}

const COLUMNS = [
  'sopInstanceUid',
  'originalSopInstanceUid',
  'state',
  'bytes',
  'status',
  'pixelSha256',
] as const;

/** What became of each instance, to be handed on: without original UIDs unless they are asked for. */
export function* manifestEntries(
  records: Iterable<LedgerRecord>,
  options: ManifestOptions = {},
): Generator<ManifestEntry, void, undefined> {
  for (const { sop, newSop, state, bytes, status, pixelSha256 } of records) {
    yield {
      sopInstanceUid: newSop ?? (options.unchanged ? sop : ''),
      ...(options.originals && { originalSopInstanceUid: sop }),
      state,
      ...(bytes !== undefined && { bytes }),
      ...(status !== undefined && status !== 0 && { status }),
      ...(pixelSha256 !== undefined && { pixelSha256 }),
    };
  }
}

/** The lines of a manifest, each with its end: `csv` begins with the names of its columns. */
export function* manifestLines(
  entries: Iterable<ManifestEntry>,
  format: 'jsonl' | 'csv',
): Generator<string, void, undefined> {
  if (format === 'csv') yield `${COLUMNS.join(',')}\n`;
  for (const entry of entries) {
    // UIDs, numbers, words of our own and hexadecimal digits: nothing needs quotes.
    yield `${format === 'csv' ? COLUMNS.map((name) => entry[name] ?? '').join(',') : JSON.stringify(entry)}\n`;
  }
}
