import { formatTag, isPrivate, type Tag } from '@adit/core';
import type { ReportPlace } from './report-place.ts';

/** What was done to the attributes of one instance, or of several. Holds no values of theirs. */
export interface PseudonymizationReport {
  /** Data sets that were read to the end. */
  instances: number;
  /** Study Instance UID as it is now: of the report of one instance, for merging those of a study. */
  studyInstanceUid?: string;
  counts: ActionCounts;
  /**
   * What was done to which attribute and how often, by where it is: `(0010,0030)`, `(0008,1140)>(0008,1155)` for all items of a
   * sequence, `(0029,xx10)` for a private one, whatever its block, with its creator where the recipe or the standard names that:
   * `(0029,"SIEMENS MEDCOM HEADER",10)`. Of a sequence that stays, what is in it is told; one that goes is told as one,
   * private attributes in it besides.
   */
  attributes: Record<string, AttributeActions>;
  /** Actions on attributes that `attributes` has no room for: of more than 2,000, the later are only counted. */
  unlisted: number;
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

/** How often each action was taken on an attribute. */
export type AttributeActions = Partial<Record<AttributeAction, number>>;

/** What is done to an attribute: `ActionCounts` says what each means. */
export type AttributeAction = Exclude<keyof ActionCounts, 'removedPrivate'>;

export interface ActionCounts {
  /** Attributes removed (X), private ones included. A sequence counts once, and each private attribute in it. */
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
  /** Attributes that are as they were. */
  kept: number;
  /** Attributes that were not there: stamps, the tags of a trial. */
  added: number;
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
 * about it, and the one that keeps less was taken; `REQUIRED` the table removes it and the IOD asks for it (Type 1 or 2), so it was
 * replaced or emptied.
 */
export type RemarkCode = 'IDENTIFIER' | 'TOO_LONG' | 'UNREADABLE' | 'STRICTER_OPTION' | 'REQUIRED';

/** Most kinds of remarks of one report. */
const maxRemarks = 200;

/** Most attributes of one report: objects have hundreds at most, unless somebody is up to something. */
const maxAttributes = 2000;

function emptyReport(): PseudonymizationReport {
  return {
    instances: 0,
    counts: {
      removed: 0,
      removedPrivate: 0,
      emptied: 0,
      replaced: 0,
      mapped: 0,
      cleaned: 0,
      moved: 0,
      kept: 0,
      added: 0,
    },
    attributes: {},
    unlisted: 0,
    remarks: [],
    stamps: {},
  };
}

/** Adds up reports. */
export function mergeReports(reports: Iterable<PseudonymizationReport>): PseudonymizationReport {
  const writer = new ReportWriter();
  for (const report of reports) writer.add(report);
  return writer.report;
}

/** Writes a report, and keeps it small whatever it is told. */
export class ReportWriter {
  readonly report = emptyReport();
  #attributes = 0;

  /**
   * Tells what was done to an attribute.
   *
   * @param creator of a private one, where it is known not to say anything of a patient
   */
  count(action: AttributeAction, place: ReportPlace, tag: Tag, creator?: string): void {
    const { counts } = this.report;
    counts[action] += 1;
    if (action === 'removed' && isPrivate(tag)) counts.removedPrivate += 1;
    this.#addAction(place.pathOf(tag, creator), action, 1);
  }

  remark(code: RemarkCode, tag: Tag): void {
    this.#addRemark(code, formatTag(tag), 1);
  }

  /** Adds another report to this one. */
  add({ instances, counts, attributes, unlisted, remarks, stamps, pixelData }: PseudonymizationReport): void {
    const sum = this.report;
    sum.instances += instances;
    for (const key of Object.keys(counts) as (keyof ActionCounts)[]) sum.counts[key] += counts[key];
    // Without the pairs of `Object.entries`, for reports are added as often as instances come.
    for (const path of Object.keys(attributes)) {
      const actions = attributes[path]!;
      for (const action in actions) {
        this.#addAction(path, action as AttributeAction, actions[action as AttributeAction]!);
      }
    }
    sum.unlisted += unlisted;
    for (const { code, tag, count } of remarks) this.#addRemark(code, tag, count);
    for (const [code, count] of Object.entries(stamps)) sum.stamps[code] = (sum.stamps[code] ?? 0) + count;
    if (pixelData !== undefined) {
      sum.pixelData ??= [];
      sum.pixelData.push(...pixelData);
    }
  }

  #addAction(path: string, action: AttributeAction, count: number): void {
    const { report } = this;
    let actions = report.attributes[path];
    if (actions === undefined) {
      if (this.#attributes === maxAttributes) {
        report.unlisted += count;
        return;
      }
      this.#attributes += 1;
      actions = {};
      report.attributes[path] = actions;
    }
    actions[action] = (actions[action] ?? 0) + count;
  }

  #addRemark(code: RemarkCode, tag: string, count: number): void {
    const { remarks } = this.report;
    const known = remarks.find((entry) => entry.code === code && entry.tag === tag);
    if (known !== undefined) known.count += count;
    else if (remarks.length < maxRemarks) remarks.push({ code, tag, count });
  }
}
