import type { Attributes } from '../data/attributes.ts';

/** Levels of the query/retrieve information models (PS3.4 §C.6). */
export type QueryLevel = 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';

/** A question to a node, the same for C-FIND and QIDO-RS. */
export interface Query {
  level: QueryLevel;
  /**
   * Matching keys by keyword (`PatientName`) or eight hexadecimal digits, with the standard's wildcards, ranges
   * (`20240101-20240131`) and lists (`\` between values). An empty string asks for the attribute without matching.
   * Return keys are added as `returnKeys` says.
   */
  keys: Readonly<Record<string, string>>;
  /**
   * What is asked for beside `keys`: the usual return keys of the level, or its unique key alone, for long lists that are only
   * counted or compared. Nodes may read every file for some of the usual ones. Default: `usual`.
   */
  returnKeys?: 'usual' | 'unique';
  /** Stop after this many matches. Default: no limit. */
  limit?: number;
}

/** Options of whatever talks to a node and can be stopped. */
export interface AbortableOptions {
  signal?: AbortSignal;
}

/** Something that can be searched: a PACS over DIMSE, a DICOMweb service, a folder. */
export interface Queryable {
  /** Yields matches as they arrive. Leaving the loop early ends the query at the node. */
  find(query: Query, options?: AbortableOptions): AsyncIterable<Attributes>;
}
