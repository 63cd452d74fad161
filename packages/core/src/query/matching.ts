import type { Attributes } from '../data/attributes.ts';
import { DicomError } from '../errors.ts';
import type { Query } from './types.ts';

/** Does an object, or an answer of a node, match a query (PS3.4 §C.2.2.2)? */
export function matches(_attributes: Attributes, _query: Query): boolean {
  throw new DicomError('NOT_IMPLEMENTED', 'Matching is being written.');
}

/** The same for the keys of a C-FIND identifier: empty keys match all, sequences match by their item. */
export function matchesIdentifier(_attributes: Attributes, _identifier: Attributes): boolean {
  throw new DicomError('NOT_IMPLEMENTED', 'Matching is being written.');
}

/** Wildcard matching of the whole value: `*` any run, `?` one character (PS3.4 §C.2.2.2.4). */
export function matchesWildcard(
  _value: string,
  _pattern: string,
  _options: { caseInsensitive?: boolean } = {},
): boolean {
  throw new DicomError('NOT_IMPLEMENTED', 'Matching is being written.');
}
