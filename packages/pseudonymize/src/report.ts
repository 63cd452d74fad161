import { formatTag, type Tag } from '@adit/core';

/** What was done to the attributes of one instance, or of several. Holds no values of theirs. */
export interface PseudonymizationReport {
  /** Data sets that were read to the end. */
  instances: number;
  counts: ActionCounts;
  /** What is worth a look, each with how often it was met. */
  remarks: Remark[];
  /** Codes of CID 7050 that were stamped, each with the number of instances: what was performed on them. */
  stamps: Record<string, number>;
  /** Of the instances with pixels, where their hashes were asked for. */
  pixelData?: PixelDataHashes[];
}

/** Hashes of the pixel data of an instance, in hexadecimal digits: of encapsulated ones, all fragments but the first item. */
export interface PixelDataHashes {
  /** The new one. */
  sopInstanceUid: string;
  before: string;
  /** The same, unless pixels were cleaned. */
  after: string;
}

export interface ActionCounts {
  /** Attributes removed (X), private ones included. A sequence counts once, whatever it held. */
  removed: number;
  /** Private attributes among them. */
  removedPrivate: number;
  /** Attributes emptied (Z). */
  emptied: number;
  /** Attributes that got a dummy value (D). */
  replaced: number;
  /** Attributes of which a UID was mapped (U). */
  mapped: number;
  /** Attributes kept that held something that identifies, and were cleaned of it (C). */
  cleaned: number;
  /** Attributes of which a date was moved. */
  moved: number;
}

export interface Remark {
  code: RemarkCode;
  /** The attribute, as `(0010,0020)`. */
  tag: string;
  count: number;
}

/**
 * Why an attribute is not what the profile's table alone would have made of it:
 * `IDENTIFIER` it was to be kept and held an identifier, so its value was replaced; `TOO_LONG` it is too long to be looked
 * into, so it was replaced or removed; `UNREADABLE` its value means nothing in its VR, or is of a VR that is not the one of the
 * standard, so it became what it would without any option, or was removed; `STRICTER_OPTION` two options say different things
 * about it, and the one that keeps less was taken.
 */
export type RemarkCode = 'IDENTIFIER' | 'TOO_LONG' | 'UNREADABLE' | 'STRICTER_OPTION';

/** Most kinds of remarks of one report. */
const maxRemarks = 200;

export function emptyReport(): PseudonymizationReport {
  return {
    instances: 0,
    counts: { removed: 0, removedPrivate: 0, emptied: 0, replaced: 0, mapped: 0, cleaned: 0, moved: 0 },
    remarks: [],
    stamps: {},
  };
}

/** Adds up reports. */
export function mergeReports(reports: Iterable<PseudonymizationReport>): PseudonymizationReport {
  const merged = emptyReport();
  for (const { instances, counts, remarks, stamps, pixelData } of reports) {
    merged.instances += instances;
    if (pixelData !== undefined) {
      merged.pixelData ??= [];
      merged.pixelData.push(...pixelData);
    }
    for (const key of Object.keys(counts) as (keyof ActionCounts)[]) merged.counts[key] += counts[key];
    for (const { code, tag, count } of remarks) addRemark(merged, code, tag, count);
    for (const [code, count] of Object.entries(stamps)) {
      merged.stamps[code] = (merged.stamps[code] ?? 0) + count;
    }
  }
  return merged;
}

export function remark(report: PseudonymizationReport, code: RemarkCode, tag: Tag): void {
  addRemark(report, code, formatTag(tag), 1);
}

function addRemark(report: PseudonymizationReport, code: RemarkCode, tag: string, count: number): void {
  const known = report.remarks.find((entry) => entry.code === code && entry.tag === tag);
  if (known !== undefined) known.count += count;
  else if (report.remarks.length < maxRemarks) report.remarks.push({ code, tag, count });
}
