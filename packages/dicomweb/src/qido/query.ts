import type { Query } from '@adit/core';

/** A query, and what QIDO-RS knows beside it (PS3.18 §8.3.4). */
export interface DicomWebQuery extends Query {
  /** Further attributes to ask for, by keyword or eight hexadecimal digits, or `all` that the service has. Default: none. */
  includeFields?: readonly string[] | 'all';
  /** How many matches to skip. Default: 0. */
  offset?: number;
  /**
   * Let the service find names that only sound alike, if it can; what it finds by a name is then not filtered here. Default:
   * false.
   */
  fuzzyMatching?: boolean;
}
